import type { Database, InterruptedAnswer } from "@peregrine/database";
import type { LiveHub } from "../live/live-hub.ts";

type Dependencies = { database: Pick<Database, "messages">; live: Pick<LiveHub, "publish"> };

/** Tells the tabs of their owners of answers that were left by a server that died. */
export async function tellInterrupted(
  { database, live }: Dependencies,
  answers: readonly InterruptedAnswer[],
): Promise<void> {
  for (const { userId, messageId } of answers) {
    const message = await database.messages.get(userId, messageId);
    if (message) live.publish(userId, { type: "message.updated", message });
  }
}
