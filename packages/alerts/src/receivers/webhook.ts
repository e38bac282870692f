import { createHmac } from "node:crypto";
import { type AlertNote, describeNote } from "../engine/alert-note.ts";
import type { Receiver } from "../engine/receiver.ts";
import { postJson } from "./post-json.ts";

export type WebhookOptions = {
  url: string;
  format: "json" | "slack" | "teams";
  /** With it, requests carry `x-peregrine-signature: t=<seconds>,v1=<HMAC-SHA256 of "t.body">`. */
  secret: string | undefined;
  allowPrivate: boolean;
};

export function webhookReceiver(options: WebhookOptions): Receiver {
  const { url, format, secret, allowPrivate } = options;
  const { host } = new URL(url);
  return {
    kind: "notify",
    // The rest of the URL may be a secret, as Slack's is.
    name: `webhook ${host}`,
    async send(notes, signal) {
      const body = JSON.stringify(bodies[format](notes));
      const headers: Record<string, string> = secret
        ? { "x-peregrine-signature": sign(secret, body) }
        : {};
      await postJson(url, body, signal, { allowPrivate, headers });
    },
  };
}

const bodies: Record<WebhookOptions["format"], (notes: readonly AlertNote[]) => object> = {
  json: (notes) => ({
    version: 1,
    alerts: notes.map(({ sinceMs, ...note }) => ({
      ...note,
      since: new Date(sinceMs).toISOString(),
    })),
  }),
  slack: (notes) => ({ text: notes.map(describeNote).join("\n") }),
  teams: (notes) => ({
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        content: {
          type: "AdaptiveCard",
          version: "1.4",
          body: notes.map((note) => ({
            type: "TextBlock",
            wrap: true,
            text: describeNote(note),
            color: note.state === "resolved" ? "Good" : "Attention",
          })),
        },
      },
    ],
  }),
};

function sign(secret: string, body: string): string {
  const seconds = Math.floor(Date.now() / 1000);
  const signature = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return `t=${seconds},v1=${signature}`;
}
