import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icon.tsx";

const GAP_PX = 4;

/**
 * A button with a menu of actions. The browser's popover puts it above everything and closes it by
 * Escape or a click beside it; arrow keys walk through it.
 */
export function Menu({ label, children }: { label: string; children: ComponentChildren }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);

  const place = () => {
    const box = button.current?.getBoundingClientRect();
    const list = menu.current;
    if (!box || !list) return;
    const { offsetWidth: width, offsetHeight: height } = list;
    const isAbove = box.bottom + height + GAP_PX > innerHeight;
    list.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
    list.style.top = `${isAbove ? box.top - height - GAP_PX : box.bottom + GAP_PX}px`;
    items(list)[0]?.focus();
  };
  const walk = (event: KeyboardEvent) => {
    if (!menu.current || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    event.preventDefault();
    const all = items(menu.current);
    const step = event.key === "ArrowDown" ? 1 : -1;
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    all[(at + step + all.length) % all.length]?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class="icon-button menu-trigger"
        aria-label={label}
        aria-haspopup="menu"
        popovertarget={id}
      >
        <Icon name="more" />
      </button>
      <div
        ref={menu}
        id={id}
        class="menu"
        role="menu"
        tabIndex={-1}
        popover="auto"
        onKeyDown={walk}
        onToggle={(event) => {
          if (event.newState === "open") place();
        }}
      >
        {children}
      </div>
    </>
  );
}

export function MenuItem(props: {
  icon: IconName;
  isDanger?: boolean;
  onSelect: () => void;
  children: ComponentChildren;
}) {
  return (
    <button
      type="button"
      role="menuitem"
      class="menu-item"
      data-danger={props.isDanger ? "" : undefined}
      onClick={(event) => {
        event.currentTarget.closest<HTMLElement>("[popover]")?.hidePopover();
        props.onSelect();
      }}
    >
      <Icon name={props.icon} size={16} />
      {props.children}
    </button>
  );
}

function items(menu: HTMLElement): HTMLButtonElement[] {
  return [...menu.querySelectorAll<HTMLButtonElement>("[role=menuitem]")];
}
