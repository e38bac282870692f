/** A stretch of the conversation list under one heading. */
export type DayGroup<Item> = { label: string; items: Item[] };

/**
 * Cuts a list that is sorted newest first into Today, Yesterday, Previous 7 days, and then months
 * (of another year with the year), in the time zone of `now`. What is dated in the future, by a
 * clock that is wrong, counts as today.
 */
export function groupByDay<Item extends { updatedAt: string }>(
  items: readonly Item[],
  now: Date,
  locale?: string,
): DayGroup<Item>[] {
  const day = (daysAgo: number) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo).getTime();
  const [today, yesterday, week] = [day(0), day(1), day(7)];
  const month = new Intl.DateTimeFormat(locale, { month: "long" });
  const monthAndYear = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric" });

  const label = (item: Item): string => {
    const date = new Date(item.updatedAt);
    const time = date.getTime();
    if (time >= today) return "Today";
    if (time >= yesterday) return "Yesterday";
    if (time >= week) return "Previous 7 days";
    return (date.getFullYear() === now.getFullYear() ? month : monthAndYear).format(date);
  };

  const groups: DayGroup<Item>[] = [];
  for (const item of items) {
    const name = label(item);
    const last = groups.at(-1);
    if (last?.label === name) last.items.push(item);
    else groups.push({ label: name, items: [item] });
  }
  return groups;
}
