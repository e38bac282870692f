/** A line of a plot: milliseconds by the number of messages. */
export type Line = { name: string; points: { x: number; y: number }[]; isOurs: boolean };

const [width, height] = [480, 280];
const margin = { left: 56, right: 120, top: 32, bottom: 40 };

/** Times by size, both logarithmic, as SVG that is readable on light and dark pages. */
export function growthPlot(
  title: string,
  lines: readonly Line[],
  xName: (x: number) => string,
): string {
  const points = lines.flatMap((line) => line.points);
  const decades = (values: number[]): [number, number] => [
    Math.floor(Math.log10(Math.min(...values))),
    Math.ceil(Math.log10(Math.max(...values))),
  ];
  const xs = points.map(({ x }) => x);
  const [xFrom, xTo] = [Math.log10(Math.min(...xs)), Math.log10(Math.max(...xs))];
  const [yFrom, yTo] = decades(points.map(({ y }) => y));
  const left = (x: number) =>
    margin.left +
    ((Math.log10(x) - xFrom) / (xTo - xFrom || 1)) * (width - margin.left - margin.right);
  const top = (y: number) =>
    height -
    margin.bottom -
    ((Math.log10(y) - yFrom) / (yTo - yFrom || 1)) * (height - margin.top - margin.bottom);
  const grid: string[] = [];
  for (let power = yFrom; power <= yTo; power++) {
    const at = top(10 ** power).toFixed(1);
    grid.push(
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}" stroke="#8886"/>`,
      `<text x="${margin.left - 6}" y="${at}" text-anchor="end" dominant-baseline="middle">${10 ** power} ms</text>`,
    );
  }
  for (const x of new Set(xs)) {
    grid.push(
      `<text x="${left(x).toFixed(1)}" y="${height - margin.bottom + 16}" text-anchor="middle">${xName(x)}</text>`,
    );
  }
  const drawn = lines.map((line) => {
    const path = line.points.map(({ x, y }) => `${left(x).toFixed(1)},${top(y).toFixed(1)}`);
    const last = line.points.at(-1);
    const colour = line.isOurs ? "#0a7d57" : "#c2410c";
    const label = last
      ? `<text x="${(left(last.x) + 8).toFixed(1)}" y="${top(last.y).toFixed(1)}" dominant-baseline="middle" fill="${colour}">${escapeXml(line.name)}</text>`
      : "";
    const dots = path.map((point) => {
      const [cx, cy] = point.split(",");
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`;
    });
    return `<polyline points="${path.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join("")}${label}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="11" fill="#808080">
<title>${escapeXml(title)}</title>
<text x="${margin.left}" y="18" font-size="13" font-weight="600">${escapeXml(title)}</text>
${grid.join("\n")}
${drawn.join("\n")}
</svg>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
