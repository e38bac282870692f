const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const forms = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  /^[a-z]{3}, (?<day>\d\d) (?<month>[a-z]{3}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) gmt$/i,
  // Sunday, 06-Nov-94 08:49:37 GMT
  /^[a-z]{6,9}, (?<day>\d\d)-(?<month>[a-z]{3})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) gmt$/i,
  // Sun Nov  6 08:49:37 1994
  /^[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/i,
];

/** A century is guessed such that no date is more than 50 years ahead (RFC 9110 5.6.7). */
const maxYearsAhead = 50;

/**
 * Reads a date in one of the three forms of HTTP, and no other: `Date.parse` takes many, some of
 * which name a time zone that changes what is fresh.
 *
 * @param nowMs for years of two digits
 * @returns milliseconds since 1970, or undefined
 */
export function readHttpDate(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  for (const form of forms) {
    const parts = form.exec(text)?.groups;
    if (parts === undefined) continue;
    const month = months.indexOf((parts.month ?? "").toLowerCase());
    const [hour = 99, minute = 99, second = 99] = (parts.time ?? "").split(":").map(Number);
    const day = Number(parts.day);
    const year = fullYear(parts.year ?? "", nowMs);
    const ms = Date.UTC(year, month, day, hour, minute, second);
    // 31 Feb, 25 o'clock and the like would be carried over.
    const date = new Date(ms);
    const isReal = month >= 0 && date.getUTCDate() === day && date.getUTCHours() === hour;
    return isReal && minute < 60 && second <= 60 ? ms : undefined;
  }
  return undefined;
}

function fullYear(digits: string, nowMs: number): number {
  if (digits.length === 4) return Number(digits);
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = Math.floor(thisYear / 100) * 100 + Number(digits);
  return year > thisYear + maxYearsAhead ? year - 100 : year;
}
