import type { FigureUnit } from "@peregrine/protocol";

/** A figure for people, with its unit; a dash where it is unknown, which is not zero. */
export type Format = (value: number | null | undefined) => string;

const unknown = "–";

export const seconds: Format = (value) => {
  if (value === null || value === undefined) return unknown;
  if (value < 0.001) return `${(value * 1e6).toFixed(0)} µs`;
  if (value < 1) return `${(value * 1000).toPrecision(3)} ms`;
  return `${value.toPrecision(3)} s`;
};

export const percent: Format = (value) => {
  if (value === null || value === undefined) return unknown;
  const hundredths = value * 100;
  return `${hundredths < 1 && hundredths > 0 ? hundredths.toFixed(2) : Math.round(hundredths)} %`;
};

/** The same with all that is known, for tables. */
export const exactPercent: Format = (value) =>
  value === null || value === undefined ? unknown : `${Number((value * 100).toPrecision(4))} %`;

export const count: Format = (value) =>
  value === null || value === undefined ? unknown : Math.round(value).toLocaleString("en");

export const amount: Format = (value) => {
  if (value === null || value === undefined) return unknown;
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} k`;
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
};

/** The format of a unit that figures of alerts are in; null for one without a name. */
export function formatOf(unit: FigureUnit | null): Format {
  switch (unit) {
    case "seconds":
      return seconds;
    case "fraction":
      return exactPercent;
    case "per second":
      return (value) => `${amount(value)} a second`;
    case "days":
      return (value) => `${amount(value)} days`;
    case "count":
      return amount;
    default:
      return (value) =>
        typeof value === "number" ? String(Number(value.toPrecision(3))) : unknown;
  }
}

export const bytes: Format = (value) => {
  if (value === null || value === undefined) return unknown;
  if (value < 1024 ** 2) return `${(value / 1024).toFixed(0)} KiB`;
  if (value < 1024 ** 3) return `${(value / 1024 ** 2).toFixed(0)} MiB`;
  return `${(value / 1024 ** 3).toFixed(1)} GiB`;
};

/** How long ago, coarsely. */
export function ago(iso: string, nowMs = Date.now()): string {
  const passed = Math.max(0, (nowMs - Date.parse(iso)) / 1000);
  if (passed < 90) return `${Math.round(passed)} s ago`;
  if (passed < 5400) return `${Math.round(passed / 60)} min ago`;
  if (passed < 129_600) return `${Math.round(passed / 3600)} h ago`;
  return `${Math.round(passed / 86_400)} days ago`;
}
