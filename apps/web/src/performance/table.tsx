import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/**
 * A table of figures, which scrolls sideways by itself where the page is too narrow for it. There,
 * and only there, it is a stop of the Tab key, so that arrow keys can scroll it.
 */
export function Table(props: {
  columns: readonly string[];
  /** A last column of buttons, whose heading only a screen reader says. */
  hasActions?: boolean;
  children: ComponentChildren;
}) {
  const place = useRef<HTMLDivElement>(null);
  const [isWider, setIsWider] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(() =>
      setIsWider(element.scrollWidth > element.clientWidth),
    );
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, []);
  const scrolling = isWider
    ? ({ tabIndex: 0, role: "region", "aria-label": `Table: ${props.columns.join(", ")}` } as const)
    : {};
  return (
    <div class="table-scroll" ref={place} {...scrolling}>
      <table class="table">
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
            {props.hasActions && (
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </div>
  );
}
