import { errorTable } from "@peregrine/protocol";

export type ModelErrorCode = Extract<keyof typeof errorTable, `model_${string}`>;

type Options = {
  /** Where it differs from what the table of codes says. */
  retryable?: boolean;
  retryAfterMs?: number | undefined;
  /** False where the request itself is at fault, so that any server would refuse it. */
  isServerAtFault?: boolean;
  /** False where the server works, though not for this request; see below. */
  isServerIll?: boolean;
  cause?: unknown;
};

/**
 * A model did not answer, or not to the end. The message is for the person who asked: it says
 * nothing of addresses, keys or stacks. The cause says what happened, for the log.
 */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly code: ModelErrorCode;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;
  /** How long the server asks us to wait before that. */
  readonly retryAfterMs: number | undefined;
  /** Whether the same request may well succeed on another server at once. */
  readonly isServerAtFault: boolean;
  /**
   * Whether it speaks against the server in general, so that it counts against its health: not where
   * the request is at fault, nor where the server merely does not have the model.
   */
  readonly isServerIll: boolean;

  constructor(code: ModelErrorCode, message: string, options: Options = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? errorTable[code].retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.isServerAtFault = options.isServerAtFault ?? true;
    this.isServerIll = options.isServerIll ?? this.isServerAtFault;
  }
}
