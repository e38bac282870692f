import {
  alertmanagerReceiver,
  describeNote,
  emailReceiver,
  heartbeatReceiver,
  type Receiver,
  webhookReceiver,
} from "@peregrine/alerts";
import type { Log } from "@peregrine/process";
import type { Config } from "../config.ts";

/** Everybody who is to be told of alerts, the log first. */
export function alertReceivers(config: Config, log: Log): { receivers: Receiver[]; close(): void } {
  const allowPrivate = config.ALERT_PRIVATE_RECEIVERS;
  const receivers: Receiver[] = [logReceiver(log)];
  for (const url of config.ALERT_WEBHOOKS) {
    receivers.push(
      webhookReceiver({
        url,
        format: config.ALERT_WEBHOOK_FORMAT,
        secret: config.ALERT_WEBHOOK_SECRET,
        allowPrivate,
      }),
    );
  }
  if (config.ALERTMANAGER_URL) {
    receivers.push(alertmanagerReceiver(config.ALERTMANAGER_URL, allowPrivate));
  }
  if (config.ALERT_HEARTBEAT_URL) {
    receivers.push(heartbeatReceiver(config.ALERT_HEARTBEAT_URL, allowPrivate));
  }
  const email =
    config.ALERT_EMAIL_TO && config.SMTP_URL
      ? emailReceiver({
          smtpUrl: config.SMTP_URL,
          from: config.ALERT_EMAIL_FROM,
          to: config.ALERT_EMAIL_TO.split(",").map((address) => address.trim()),
        })
      : undefined;
  if (email) receivers.push(email);
  return { receivers, close: () => email?.close() };
}

function logReceiver(log: Log): Receiver {
  return {
    kind: "notify",
    name: "log",
    async send(notes) {
      for (const note of notes) {
        const level = note.state === "firing" && note.severity === "critical" ? "error" : "warn";
        log[level](
          { alert: note.ruleId, value: note.value, state: note.state },
          describeNote(note),
        );
      }
    },
  };
}
