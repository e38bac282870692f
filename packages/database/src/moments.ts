/** Moments leave this package as the API has them: ISO 8601 in UTC with milliseconds. */
export function iso(moment: Date): string {
  return moment.toISOString();
}

export function isoOrNull(moment: Date | null): string | null {
  return moment === null ? null : iso(moment);
}
