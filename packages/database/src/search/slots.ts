/** 2^31 ms, 25 days: what `search_slot` in the database takes together. */
const slotBits = 31;
const timeBits = 17n;

/** When a UUIDv7 was made. */
export function madeAtMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The least id that can have been made at a moment. */
export function firstIdAt(ms: number): string {
  const time = Math.max(0, Math.min(ms, 2 ** 48 - 1))
    .toString(16)
    .padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

export function slotAt(ms: number): number {
  return Math.floor(ms / 2 ** slotBits);
}

/** What all slots of a user begin with; the slot's number is added. */
export function slotBase(userId: string): string {
  const user = BigInt(`0x${userId.replaceAll("-", "").slice(-11)}`);
  return String(user << timeBits);
}
