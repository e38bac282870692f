import type { ModelEvent } from "../../models/model.ts";
import { ModelError } from "../../models/model-error.ts";

/**
 * Passes on what an answer has beyond the text its reader already has.
 *
 * @throws ModelError model_interrupted where it does not begin with that text: two halves of
 *   different answers are no answer
 */
export async function* continueFrom(
  prefix: string,
  events: AsyncIterable<ModelEvent>,
): AsyncGenerator<ModelEvent> {
  let passed = 0;
  for await (const event of events) {
    if (passed === prefix.length) {
      yield event;
      continue;
    }
    // An answer that ends here is shorter than what the reader has.
    if (event.type !== "delta") throw cannotContinue();
    const known = prefix.slice(passed, passed + event.text.length);
    if (!event.text.startsWith(known)) throw cannotContinue();
    passed += known.length;
    const rest = event.text.slice(known.length);
    if (rest !== "") yield { type: "delta", text: rest };
  }
}

function cannotContinue(): ModelError {
  return new ModelError(
    "model_interrupted",
    "The server that wrote this answer was lost, and when it was asked for again it came out differently.",
  );
}
