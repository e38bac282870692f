import type { AlertNote } from "./alert-note.ts";

/**
 * Somebody who is told of alerts.
 *
 * - `notify`: is told once when something fires and once when it is over, and again after a while.
 *   What it could not be told is kept and tried again.
 * - `mirror`: is told once a minute of everything that fires, as Alertmanager and dead man's
 *   switches want it. What it could not be told is out of date a minute later.
 */
export type Receiver = {
  kind: "notify" | "mirror";
  name: string;
  /** @throws Error saying what went wrong */
  send(notes: readonly AlertNote[], signal: AbortSignal): Promise<void>;
};
