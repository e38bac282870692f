import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { ScrollView } from "./scroll-view.ts";

export type VirtualListProps<Item extends { key: string }> = {
  view: ScrollView;
  items: readonly Item[];
  label: string;
  isBusy: boolean;
  /** Whether the list has more before its first item. */
  isPartial: boolean;
  labelOf: (item: Item) => string;
  estimate: (item: Item, width: number) => number;
  draw: (item: Item, index: number) => ComponentChildren;
};

/** A list of any length that has only what is in view in the page, as an ARIA feed. */
export function VirtualList<Item extends { key: string }>(props: VirtualListProps<Item>) {
  const { view, items } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    if (scroller.current && content.current && list.current) {
      view.attach({ scroller: scroller.current, content: content.current, items: list.current });
    }
    return () => view.dispose();
  }, [view]);

  // During rendering, so that the range below is of the list as it is now.
  useMemo(() => {
    const width = view.width;
    view.setKeys(
      items.map((item) => item.key),
      (index) => props.estimate(items[index] as Item, width),
    );
  }, [view, items]);

  useLayoutEffect(() => view.settleDrawing());

  const { start, end } = view.drawn.value;
  return (
    <div
      ref={scroller}
      class="scroller"
      role="feed"
      aria-label={props.label}
      aria-busy={props.isBusy}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls what has the focus.
      tabIndex={0}
    >
      <div ref={content} class="scroller-content">
        <div ref={list} class="scroller-items">
          {items.slice(start, end).map((item, offset) => (
            <VirtualItem
              key={item.key}
              id={item.key}
              label={props.labelOf(item)}
              view={view}
              position={start + offset + 1}
              total={props.isPartial ? -1 : items.length}
            >
              {props.draw(item, start + offset)}
            </VirtualItem>
          ))}
        </div>
      </div>
    </div>
  );
}

function VirtualItem(props: {
  id: string;
  label: string;
  view: ScrollView;
  position: number;
  total: number;
  children: ComponentChildren;
}) {
  const element = useRef<HTMLElement>(null);
  useLayoutEffect(
    () => (element.current ? props.view.observe(props.id, element.current) : undefined),
    [props.view, props.id],
  );
  return (
    <article
      ref={element}
      class="scroller-item"
      aria-label={props.label}
      aria-posinset={props.position}
      aria-setsize={props.total}
    >
      {props.children}
    </article>
  );
}
