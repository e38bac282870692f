/**
 * Makes the ids of all rows: UUIDv7 (RFC 9562), which sort by the time they were made.
 *
 * Within one process each id is greater than the one before it, also inside a millisecond and when
 * the clock is set back: 12 bits after the time count up, and a full count borrows the next
 * millisecond. Between processes the order is as good as their clocks agree. 62 bits are random.
 */
export function newId(): string {
  const nowMs = Date.now();
  if (nowMs > lastMs) {
    lastMs = nowMs;
    // Starts in the lower half, so that 2,048 ids at least fit into each millisecond.
    count = randomBelow(0x800);
  } else if (++count > 0xfff) {
    lastMs++;
    count = 0;
  }
  const time = lastMs.toString(16).padStart(12, "0");
  const counter = count.toString(16).padStart(3, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${randomTail()}`;
}

let lastMs = 0;
let count = 0;

/** Random bytes are drawn 512 at a time: a call to the generator costs more than an id. */
const pool = new Uint8Array(512);
let used = pool.length;

function randomBytes(length: number): Uint8Array {
  if (used + length > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  used += length;
  return pool.subarray(used - length, used);
}

function randomBelow(limit: 0x800): number {
  const [high = 0, low = 0] = randomBytes(2);
  return ((high << 8) | low) % limit;
}

/** The last 64 bits: the variant (binary 10) and 62 random ones, as `xxxx-xxxxxxxxxxxx`. */
function randomTail(): string {
  const bytes = randomBytes(8);
  let hex = (((bytes[0] ?? 0) & 0x3f) | 0x80).toString(16);
  for (let i = 1; i < 8; i++) hex += (bytes[i] ?? 0).toString(16).padStart(2, "0");
  return `${hex.slice(0, 4)}-${hex.slice(4)}`;
}
