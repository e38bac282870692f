/**
 * The first `maxBytes` of a body as text, for error messages; the rest is not received. Empty where
 * the body cannot be read.
 */
export async function readBodyStart(response: Response, maxBytes: number): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  try {
    while (bytes < maxBytes) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      bytes += value.length;
      text += decoder.decode(value, { stream: true });
    }
    await reader.cancel();
  } catch {
    // What came so far is all that can be said of an error.
  }
  return text;
}
