import { createTransport } from "nodemailer";
import { describeNote } from "../engine/alert-note.ts";
import type { Receiver } from "../engine/receiver.ts";

export type EmailOptions = {
  /** `smtp://user:password@host:port` or `smtps://…`. */
  smtpUrl: string;
  from: string;
  to: readonly string[];
};

/** Mails to administrators. Close it to end its connection. */
export function emailReceiver({ smtpUrl, from, to }: EmailOptions): Receiver & { close(): void } {
  const timeouts = { connectionTimeout: 5_000, greetingTimeout: 5_000, socketTimeout: 10_000 };
  const transport = createTransport({ url: smtpUrl, ...timeouts });
  return {
    kind: "notify",
    name: "e-mail",
    async send(notes) {
      const [first] = notes;
      if (!first) return;
      const more = notes.length > 1 ? ` and ${notes.length - 1} more` : "";
      await transport.sendMail({
        from,
        to: [...to],
        subject: `[Peregrine] ${describeNote(first)}${more}`,
        text: notes
          .map((note) => {
            const since = new Date(note.sinceMs).toISOString();
            return `${describeNote(note)}\nsince ${since}\n${note.advice}\n`;
          })
          .join("\n"),
      });
    },
    close: () => transport.close(),
  };
}
