const width = 120;
const height = 32;

/** The course of a figure, as decoration beside its number. Where it is unknown the line breaks. */
export function Sparkline({ values }: { values: readonly (number | null)[] }) {
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 0) || 1;
  const step = width / Math.max(1, values.length - 1);
  let path = "";
  let isPenDown = false;
  for (const [i, value] of values.entries()) {
    if (value === null) {
      isPenDown = false;
      continue;
    }
    const y = height - 2 - (value / most) * (height - 4);
    path += `${isPenDown ? "L" : "M"}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
    isPenDown = true;
  }
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={path} fill="none" stroke="currentColor" stroke-width="1.5" />
    </svg>
  );
}
