import { BalancerError } from "./errors.ts";

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
}

/** Says what is wrong with a number, or nothing when it lies in the range. */
export function numberProblem(value: unknown, range: NumberRange): string | undefined {
  if (
    typeof value === "number" &&
    value >= range.min &&
    value <= range.max &&
    (!range.integer || Number.isInteger(value) || value === Number.POSITIVE_INFINITY)
  ) {
    return undefined;
  }
  const kind = range.integer ? "a whole number" : "a number";
  return `must be ${kind} from ${range.min} to ${range.max}, not ${show(value)}`;
}

/** The option's value when it was given, its default when not; out of range throws. */
export function numberOption(
  name: string,
  value: number | undefined,
  fallback: number,
  range: NumberRange,
): number {
  if (value === undefined) return fallback;
  const problem = numberProblem(value, range);
  if (problem !== undefined) throw new BalancerError("invalid_options", `${name} ${problem}`);
  return value;
}

/** A value as an error message shows it: quoted when text, and never long. */
export function show(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : describe(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}
