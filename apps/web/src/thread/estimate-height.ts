import type { MessageFile } from "@peregrine/protocol";
import { isPicture } from "../files/message-files.tsx";
import type { MessageEntry } from "./message-entry.ts";

const LINE_PX = 27;
const CHARACTER_PX = 7.8;
const WIDEST_TEXT_PX = 736;
const SIDES_PX = 48;
const PICTURE_PX = 128;
const FILE_PX = 46;

/** A guess at how tall a message is before it is drawn; a good one keeps the scroll bar steady. */
export function estimateHeight(entry: MessageEntry, width: number): number {
  const { role, content, files } = entry.message.peek();
  const isQuestion = role === "user";
  const textWidth = Math.min(width - SIDES_PX, WIDEST_TEXT_PX) * (isQuestion ? 0.8 : 1);
  const perLine = Math.max(10, textWidth / CHARACTER_PX);
  let lines = 0;
  let start = 0;
  while (start <= content.length && lines < 2_000) {
    const end = content.indexOf("\n", start);
    const length = (end === -1 ? content.length : end) - start;
    // A blank line between paragraphs is about half a line tall.
    lines += length === 0 ? 0.55 : Math.ceil(length / perLine);
    if (end === -1) break;
    start = end + 1;
  }
  return (
    Math.min(isQuestion ? 420 : Number.POSITIVE_INFINITY, lines * LINE_PX) +
    66 +
    filesHeight(files, textWidth)
  );
}

/** Pictures stand side by side; names of files take about two thirds of the width. */
function filesHeight(files: readonly MessageFile[], width: number): number {
  const pictures = files.filter(isPicture).length;
  const perRow = Math.max(1, Math.floor(width / PICTURE_PX));
  return Math.ceil(pictures / perRow) * PICTURE_PX + (files.length - pictures) * FILE_PX;
}
