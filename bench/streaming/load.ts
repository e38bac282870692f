import { newConversations, signedIn } from "../support/account.ts";
import { readAnswer } from "./read-answer.ts";

/**
 * The streams of the bench, as a process of its own:
 * `bun load.ts <url> <cookie> <streams> <tokens of an answer> <tokens a second>`. Keeps so many
 * answers running, each slot beginning at its own moment, and checks each of them. Says "steady" to
 * its parent once all slots stream; told to stop, lets the answers end and says what came of them.
 */
export type LoadMessage =
  | { type: "steady" }
  | { type: "report"; answers: number; tokens: number; wrong: number; failed: string[] };

const [url = "", cookie = "", streams = "", tokens = "", rate = ""] = process.argv.slice(2);
const account = signedIn(url, cookie);
const conversations = await newConversations(account, Number(streams));
const question = `{{tokens=${tokens} rate=${rate}}}`;
const expected = Array.from({ length: Number(tokens) }, (_, i) => `word${i}`).join(" ");
const answerMs = (Number(tokens) / Number(rate)) * 1000;

const failed: string[] = [];
let isStopping = false;
let answers = 0;
let wrong = 0;
process.on("message", () => {
  isStopping = true;
});

const slots = conversations.map(async (conversation, slot) => {
  await Bun.sleep((slot / conversations.length) * answerMs);
  while (!isStopping) {
    try {
      const { text } = await readAnswer(await account.ask(conversation, question));
      if (text !== expected) wrong++;
    } catch (error) {
      failed.push(String(error));
    }
    answers++;
  }
});
await Bun.sleep(answerMs);
tell({ type: "steady" });
await Promise.all(slots);
tell({ type: "report", answers, tokens: answers * Number(tokens), wrong, failed });
process.disconnect?.();

function tell(message: LoadMessage): void {
  process.send?.(message);
}
