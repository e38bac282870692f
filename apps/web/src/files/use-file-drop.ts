import { useState } from "preact/hooks";

/**
 * For an element that files can be dropped on: its handlers, and whether files are held over it.
 * Text that is dragged is left to the browser.
 */
export function useFileDrop(onFiles: (files: File[]) => void) {
  // Entering a child comes before leaving its parent: what counts is how many were entered.
  const [depth, setDepth] = useState(0);
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  return {
    isOver: depth > 0,
    handlers: {
      onDragEnter(event: DragEvent) {
        if (hasFiles(event)) setDepth((now) => now + 1);
      },
      onDragLeave(event: DragEvent) {
        if (hasFiles(event)) setDepth((now) => Math.max(0, now - 1));
      },
      onDragOver(event: DragEvent) {
        if (!hasFiles(event)) return;
        event.preventDefault();
        if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
      },
      onDrop(event: DragEvent) {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setDepth(0);
        onFiles([...(event.dataTransfer?.files ?? [])]);
      },
    },
  };
}
