import type { LogRecord } from "./records.ts";
import type { AppendRequest, BeatRequest } from "./transport.ts";

/**
 * A channel between a parent and one child, as `process.send` and `process.on("message")` make it.
 * Other messages may use it too: ours carry the field `cacheLog`.
 */
export interface IpcChannel {
  /** A message to a process that has died may throw or vanish; both are borne. */
  send(message: unknown): void;
  /** Gives a function that stops listening. */
  listen(onMessage: (message: unknown) => void): () => void;
}

export interface ToHub {
  readonly cacheLog: "to-hub";
  readonly call: number;
  readonly request:
    | { kind: "join" | "leave"; node: string }
    | ({ kind: "beat" } & BeatRequest)
    | { kind: "append"; record: AppendRequest }
    | { kind: "ack"; node: string; writer: string; epoch: string; seq: number };
}

export type ToMember = { readonly cacheLog: "to-member" } & (
  | { kind: "reply"; call: number; result: unknown }
  | { kind: "record"; epoch: string; record: LogRecord }
  | { kind: "acked"; node: string; epoch: string; seq: number }
);

export type MemberMessage = ToMember extends infer M
  ? M extends unknown
    ? Omit<M, "cacheLog">
    : never
  : never;
