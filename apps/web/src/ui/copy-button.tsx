import { useEffect, useState } from "preact/hooks";
import { useApp } from "../app/app-state.ts";
import { Icon } from "./icon.tsx";

const SHOWN_MS = 1_800;

/** Puts a text on the clipboard and says so, to the eye and to a screen reader. */
export function CopyButton(props: {
  label: string;
  text: () => string;
  class?: string;
  caption?: string;
}) {
  const app = useApp();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(props.text());
      setCopied(true);
      app.announcement.value = "Copied";
    } catch {
      app.notices.show("The browser did not allow copying. Select the text instead.", "error");
    }
  };
  return (
    <button
      type="button"
      class={props.class ?? "icon-button"}
      aria-label={props.label}
      title={props.label}
      onClick={() => void copy()}
    >
      <Icon name={isCopied ? "check" : "copy"} size={16} />
      {props.caption && <span>{isCopied ? "Copied" : props.caption}</span>}
    </button>
  );
}
