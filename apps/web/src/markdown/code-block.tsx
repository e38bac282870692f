import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../app/app-state.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import type { CodeTree } from "./highlighter.ts";

/** While code is being written, its colours follow this much later. */
const OPEN_INTERVAL_MS = 250;
/** Above this, colours wait for the end of the block. */
const OPEN_LONGEST = 20_000;

type Coloured = { code: string; tree: CodeTree };

/** A block of code with its language, a copy button, and colours once they are there. */
export function CodeBlock({ code, info, isOpen }: { code: string; info: string; isOpen: boolean }) {
  const { highlighter } = useApp();
  const language = (/^[\w+#.-]+/.exec(info)?.[0] ?? "").toLowerCase();
  const [coloured, setColoured] = useState<Coloured | undefined>(() => {
    const tree = highlighter.known(code, language);
    return tree && { code, tree };
  });
  const newest = useRef(code);
  newest.current = code;

  useEffect(() => {
    if (isOpen && newest.current.length > OPEN_LONGEST) return;
    let isCurrent = true;
    const update = async () => {
      const text = newest.current;
      const tree = await highlighter.highlight(text, language);
      if (isCurrent && tree) setColoured({ code: text, tree });
    };
    const run = () => {
      // A chunk that does not load leaves the code plain.
      update().catch(() => {});
    };
    const timer = isOpen ? setInterval(run, OPEN_INTERVAL_MS) : setTimeout(run, 0);
    return () => {
      isCurrent = false;
      clearInterval(timer);
    };
  }, [isOpen, language, isOpen ? null : code]);

  const isUsable = coloured !== undefined && code.startsWith(coloured.code);
  return (
    <figure class="code-block">
      <figcaption>
        <span>{language || "text"}</span>
        <CopyButton label="Copy code" caption="Copy" class="quiet-button" text={() => code} />
      </figcaption>
      <pre>
        <code>
          {isUsable && elements(coloured.tree.children)}
          {isUsable ? code.slice(coloured.code.length) : code}
        </code>
      </pre>
    </figure>
  );
}

function elements(nodes: CodeTree["children"]): ComponentChildren {
  return nodes.map((node) => {
    if (node.type === "text") return node.value;
    if (node.type !== "element") return null;
    const names = node.properties.className;
    return (
      <span class={Array.isArray(names) ? names.join(" ") : undefined}>
        {elements(node.children)}
      </span>
    );
  });
}
