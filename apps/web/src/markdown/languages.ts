import { common, createLowlight } from "lowlight";

/** The highlighter with its grammars: a chunk of its own, loaded when the first code is shown. */
export const lowlight = createLowlight(common);
