import { SseParser } from "@peregrine/protocol/sse";

export type ReadAnswer = {
  text: string;
  /** When the first token was in hand, by `performance.now()`; NaN if none came. */
  firstTokenAtMs: number;
};

/** Reads an answer to its end, from Peregrine or from the model server. */
export async function readAnswer(response: Response): Promise<ReadAnswer> {
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const parser = new SseParser();
  let firstTokenAtMs = Number.NaN;
  let text = "";
  for await (const piece of response.body ?? []) {
    for (const { data } of parser.push(piece)) {
      const token = tokenOf(data);
      if (token && Number.isNaN(firstTokenAtMs)) firstTokenAtMs = performance.now();
      text += token;
    }
  }
  return { text, firstTokenAtMs };
}

function tokenOf(data: string): string {
  if (data === "[DONE]") return "";
  const event = JSON.parse(data);
  return (event.type === "delta" ? event.text : event.choices?.[0]?.delta?.content) ?? "";
}
