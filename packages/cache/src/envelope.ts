import { Buffer } from "node:buffer";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";

/**
 * What is stored in Redis under a key: a small header that says how old the value is and what
 * guards it, then the value as JSON, compressed when large.
 *
 *     2 bytes "PC" | 1 byte version | 1 byte flags | 4 bytes length of header | header | body
 *
 * Servers of different ages share one Redis. A field that an older server can do without goes into
 * the header; anything else raises the version, and a version that is not known reads as a miss.
 */
export interface Envelope {
  readonly key: string;
  /** Life and number of the log before the load began. */
  readonly epoch: string;
  readonly seq: number;
  readonly tags: readonly string[];
  /** Since 1970. Stale from `freshUntil`, gone from `expiresAt`. */
  readonly freshUntil: number;
  readonly expiresAt: number;
  /** The value as JSON; undefined: it is known not to be there. */
  readonly body: Uint8Array | undefined;
}

export function packEnvelope(envelope: Envelope, compressAboveBytes: number): Buffer {
  const { key, epoch, seq, tags, freshUntil, expiresAt } = envelope;
  let body = envelope.body;
  let flags = 0;
  if (body === undefined) {
    body = new Uint8Array(0);
    flags = NOT_THERE;
  } else if (body.length > compressAboveBytes) {
    const packed = zstdCompressSync(body);
    if (packed.length < body.length) {
      body = packed;
      flags = COMPRESSED;
    }
  }
  const header = Buffer.from(
    JSON.stringify({
      k: key,
      e: epoch,
      s: seq,
      t: tags,
      f: freshUntil,
      x: expiresAt,
      n: body.length,
    }),
  );
  const packed = Buffer.allocUnsafe(PREFIX + header.length + body.length);
  packed.writeUInt16BE(MAGIC, 0);
  packed[2] = VERSION;
  packed[3] = flags;
  packed.writeUInt32BE(header.length, 4);
  header.copy(packed, PREFIX);
  packed.set(body, PREFIX + header.length);
  return packed;
}

/** The envelope, or a word on why what was found is not one: it then counts as a miss. */
export function unpackEnvelope(
  packed: Buffer,
  expectedKey: string,
): Envelope | "foreign" | "future" | "damaged" {
  if (packed.length < PREFIX || packed.readUInt16BE(0) !== MAGIC) return "foreign";
  if (packed[2] !== VERSION) return "future";
  const flags = packed[3] as number;
  if ((flags & ~(COMPRESSED | NOT_THERE)) !== 0) return "future";
  const bodyAt = PREFIX + packed.readUInt32BE(4);
  if (bodyAt > packed.length) return "damaged";
  try {
    const header = JSON.parse(packed.toString("utf8", PREFIX, bodyAt)) as Record<string, unknown>;
    const { k, e, s, t, f, x, n } = header;
    if (k !== expectedKey) return "foreign";
    if (typeof e !== "string" || !isNumber(s) || !isNumber(f) || !isNumber(x) || !isTexts(t)) {
      return "damaged";
    }
    if (n !== packed.length - bodyAt) return "damaged";
    let body: Uint8Array | undefined = packed.subarray(bodyAt);
    if ((flags & NOT_THERE) !== 0) body = undefined;
    else if ((flags & COMPRESSED) !== 0) {
      body = zstdDecompressSync(body, { maxOutputLength: MAX_BODY_BYTES });
    }
    return { key: expectedKey, epoch: e, seq: s, tags: t, freshUntil: f, expiresAt: x, body };
  } catch {
    return "damaged";
  }
}

const MAGIC = 0x5043;
const VERSION = 1;
const PREFIX = 8;
const COMPRESSED = 1;
const NOT_THERE = 2;
/** What is larger when unpacked was not packed by us: Redis itself holds 512 MB at most. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
