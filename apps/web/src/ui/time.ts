const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** Times of the API, in the reader's language and time zone. */
export const clockTime = (iso: string): string => clock.format(new Date(iso));
export const dateAndTime = (iso: string): string => full.format(new Date(iso));
export const calendarDay = (iso: string): string => day.format(new Date(iso));
