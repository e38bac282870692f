import type { ModelErrorCode } from "./model-error.ts";

/** Sees how each model server does, question by question. */
export type ServerWatch = {
  /** A server is asked: for an answer, or for the rest of one. */
  begin(server: string, model: string): WatchedQuestion;
};

type WatchedQuestion = {
  /** Tokens came, or pieces of several; those of reasoning too. */
  tokens(count: number): void;
  succeeded(): void;
  failed(code: ModelErrorCode): void;
  /** It is over, one way or another: also where whoever asked has left. Called once, last. */
  end(): void;
};
