import type { Rule } from "../rules/rule.ts";
import type { AlertNote } from "./alert-note.ts";
import type { AlertState } from "./alert-state.ts";

/** Keeps receivers from being told of some alerts for a while. Their states move on all the same. */
export type Silence = {
  /** The rule it is for; null for all. */
  ruleId: string | null;
  untilMs: number;
};

/** Something that happened to an alert, for its timeline. */
export type AlertEvent = {
  ruleId: string;
  kind: "firing" | "resolved";
  atMs: number;
  value: number | null;
};

/** Something that a receiver is to be told. */
export type Delivery = { id: string; receiver: string; notes: AlertNote[]; attempts: number };

/** Where alerts are kept, for all servers together. */
export type AlertStore = {
  /** Whether this server looks after the alerts for now. Of all servers one does. */
  lead(): Promise<boolean>;
  load(): Promise<{
    /** Rules that were made or changed; the others are as they come. */
    rules: Rule[];
    states: Map<string, AlertState>;
    silences: Silence[];
  }>;
  /** All of it or nothing. Acknowledgements that came meanwhile stay. */
  commit(changes: {
    states: { ruleId: string; state: AlertState }[];
    events: AlertEvent[];
    deliveries: { receiver: string; notes: AlertNote[] }[];
  }): Promise<void>;
  /** Deliveries whose time has come, oldest first. */
  due(): Promise<Delivery[]>;
  delivered(id: string): Promise<void>;
  /** @param againInMs null for never */
  failed(id: string, error: string, againInMs: number | null): Promise<void>;
};
