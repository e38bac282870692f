import type { AlertNote } from "../engine/alert-note.ts";
import type { Receiver } from "../engine/receiver.ts";
import { postJson } from "./post-json.ts";

/** Alerts that are not sent again within this time are over: we send each minute. */
const holdsForMs = 5 * 60_000;

/** Prometheus Alertmanager, by its version 2 API. Grouping, silences and routes are its own. */
export function alertmanagerReceiver(baseUrl: string, allowPrivate: boolean): Receiver {
  const url = `${baseUrl}/api/v2/alerts`;
  return {
    kind: "mirror",
    name: "Alertmanager",
    async send(notes, signal) {
      if (notes.length === 0) return;
      await postJson(url, JSON.stringify(notes.map(toAlert)), signal, { allowPrivate });
    },
  };
}

function toAlert({ ruleId, severity, labels, title, advice, value, state, sinceMs }: AlertNote) {
  const endsMs = state === "resolved" ? Date.now() : Date.now() + holdsForMs;
  return {
    labels: { ...labels, alertname: ruleId, severity, job: "peregrine" },
    annotations: { summary: title, description: advice, value: String(value ?? "unknown") },
    startsAt: new Date(sinceMs).toISOString(),
    endsAt: new Date(endsMs).toISOString(),
  };
}
