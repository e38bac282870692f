/** Why an upload is aborted that its person does not want any more. */
export const uploadRemoved = new DOMException("The file was removed.", "AbortError");
