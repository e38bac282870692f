import type { AnswerEnd, SharedStream } from "./shared-stream.ts";

/**
 * Carries answers between servers. For each key one server leads, and asks the model; the others
 * follow it.
 */
export type Relay = {
  /**
   * Finds out who leads the answer under `key`, and makes this server its leader if nobody does.
   *
   * @param stream what this server's readers read; where it leads, the others follow this stream
   * @param cancel ends a stream that this server leads, when nobody reads it on any server
   * @returns undefined where the other servers cannot be asked: then this server is on its own
   */
  enter(key: string, stream: SharedStream, cancel: () => void): Promise<Place | undefined>;
  /** Hands what this server leads to those who follow it. */
  close(): Promise<void>;
};

export type Place = Lead | Follow;

export type Lead = {
  role: "lead";
  /** Nobody on this server reads any more: cancels the stream once nobody on another does either. */
  deserted(): void;
  /** The stream is over: tells how, and gives the lead back. */
  end(): void;
};

export type Follow = {
  role: "follow";
  /**
   * Fills the stream with what its leader writes, until `signal` aborts.
   *
   * @throws ModelError what the leader's model failed with
   * @throws LeaderLost when the leader is heard no more
   */
  run(signal: AbortSignal): Promise<AnswerEnd>;
};

/** The server that wrote an answer stopped, died or cannot be heard. Somebody has to ask again. */
export class LeaderLost extends Error {
  override readonly name = "LeaderLost";
}
