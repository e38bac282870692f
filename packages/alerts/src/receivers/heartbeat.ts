import type { Receiver } from "../engine/receiver.ts";
import { postJson } from "./post-json.ts";

/** A dead man's switch outside: it is told once a minute that alerts are looked after. */
export function heartbeatReceiver(url: string, allowPrivate: boolean): Receiver {
  return {
    kind: "mirror",
    name: "heartbeat",
    async send(notes, signal) {
      if (!notes.some(({ ruleId, state }) => ruleId === "heartbeat" && state === "firing")) return;
      const body = JSON.stringify({ alert: "heartbeat", at: new Date().toISOString() });
      await postJson(url, body, signal, { allowPrivate });
    },
  };
}
