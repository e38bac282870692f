import type { ComponentChildren } from "preact";

/** A table of figures, which scrolls sideways by itself where the page is too narrow for it. */
export function Table(props: {
  columns: readonly string[];
  /** A last column of buttons, whose heading only a screen reader says. */
  hasActions?: boolean;
  children: ComponentChildren;
}) {
  return (
    <div class="table-scroll">
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
