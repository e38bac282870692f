/** Line icons on a grid of 24, drawn with `currentColor`. */
const paths = {
  activity: "M3 12.5h4l2.5-7 5 13 2.5-6h4",
  alert:
    "M12 8v5m0 3.2v.1M10.3 4.2 2.9 17a2 2 0 0 0 1.7 3h14.8a2 2 0 0 0 1.7-3L13.7 4.2a2 2 0 0 0-3.4 0Z",
  attach:
    "m18.5 11.5-6.9 6.9a4.2 4.2 0 0 1-6-6l7.4-7.3a2.8 2.8 0 0 1 4 4l-7.3 7.2a1.4 1.4 0 0 1-2-2l6.6-6.5",
  check: "m5 12.5 4.5 4.5L19 7.5",
  close: "m6 6 12 12M18 6 6 18",
  copy: "M9 9h9.5A1.5 1.5 0 0 1 20 10.5v8a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 9 18.5V9Zm6 0V5.5A1.5 1.5 0 0 0 13.5 4h-8A1.5 1.5 0 0 0 4 5.5v8A1.5 1.5 0 0 0 5.5 15H9",
  down: "M12 5v14m-6-6 6 6 6-6",
  file: "M13.5 4H7.5A1.5 1.5 0 0 0 6 5.5v13A1.5 1.5 0 0 0 7.5 20h9a1.5 1.5 0 0 0 1.5-1.5v-10L13.5 4Zm0 0v4.5H18",
  key: "M14.5 14.5a5 5 0 1 0-4.8-3.7L4 16.5V20h3.5l.5-2h2l.5-2h1.2l1.1-1.6c.5.1 1.1.1 1.7.1ZM16 8h.01",
  keyboard:
    "M4.5 6h15A1.5 1.5 0 0 1 21 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 16.5v-9A1.5 1.5 0 0 1 4.5 6ZM7 10h.01M12 10h.01M17 10h.01M8.5 14h7",
  menu: "M4 7h16M4 12h16M4 17h10",
  monitor:
    "M4.5 5h15A1.5 1.5 0 0 1 21 6.5v8a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 14.5v-8A1.5 1.5 0 0 1 4.5 5ZM9 20h6m-3-4v4",
  moon: "M20 14.2A8.2 8.2 0 0 1 9.8 4a8.2 8.2 0 1 0 10.2 10.2Z",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  pencil: "m5 19 .8-3.6L15.9 5.3a1.9 1.9 0 0 1 2.8 2.8L8.6 18.2 5 19Z",
  compose:
    "M12.5 5H6.5A2.5 2.5 0 0 0 4 7.5v10A2.5 2.5 0 0 0 6.5 20h10a2.5 2.5 0 0 0 2.5-2.5V12M9.5 14.5l.6-2.8 7.5-7.5a1.6 1.6 0 0 1 2.2 2.2l-7.5 7.5-2.8.6Z",
  refresh: "M19.5 12a7.5 7.5 0 1 1-2.3-5.4L20 9m0-5v5h-5",
  search: "M10.8 17.5a6.7 6.7 0 1 0 0-13.5 6.7 6.7 0 0 0 0 13.5ZM20 20l-4.4-4.4",
  send: "M12 19V5m-6 6 6-6 6 6",
  settings:
    "M4 7h9m5 0h2M4 17h2m5 0h9M15.5 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Zm-7 10a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  share: "M12 15V4m-4 4 4-4 4 4M6 12.5v6A1.5 1.5 0 0 0 7.5 20h9a1.5 1.5 0 0 0 1.5-1.5v-6",
  signout: "M14 4.5h4A1.5 1.5 0 0 1 19.5 6v12a1.5 1.5 0 0 1-1.5 1.5h-4M4.5 12H15m-4-4 4 4-4 4",
  sun: "M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM12 2.5v1.8m0 15.4v1.8M2.5 12h1.8m15.4 0h1.8M5.3 5.3l1.3 1.3m10.8 10.8 1.3 1.3m0-13.4-1.3 1.3M6.6 17.4l-1.3 1.3",
  trash:
    "M4.5 6.5h15M9.5 6V4.5h5V6m3.5.5-.8 12a1.5 1.5 0 0 1-1.5 1.5H8.3a1.5 1.5 0 0 1-1.5-1.5L6 6.5m4 4v5.5m4-5.5v5.5",
} as const;

export type IconName = keyof typeof paths;

/** Decoration beside a text or in a button that has a label: hidden from screen readers. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width={name === "more" ? 2.6 : 1.7}
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}
