import { withTimeLimit } from "../time-limit.ts";
import type { Witness } from "./witness.ts";

/**
 * The other side of `Detachment`: asks the witness who writes while cut off. A name that has been
 * silent for too long belongs to a dead process, for which everything is bumped.
 */
export class DetachedPeers {
  readonly #options: DetachedPeersOptions;
  #any = false;

  constructor(options: DetachedPeersOptions) {
    this.#options = options;
  }

  /** Whether there are any: nothing shared may be served then. */
  async ask(): Promise<boolean> {
    const { node, witness, silentAfterMs, callTimeoutMs, bumpEverything, onError } = this.#options;
    if (witness === undefined) return false;
    try {
      const names = await withTimeLimit(witness.detached(), callTimeoutMs, "asking the witness");
      for (const { node: name, silentMs } of names) {
        if (name === node || silentMs < silentAfterMs) continue;
        await bumpEverything();
        await withTimeLimit(witness.leave(name), callTimeoutMs, "telling the witness");
      }
      this.#any = names.length > 0;
    } catch (error) {
      // One fault at a time is borne: the witness does not answer, but the log does. Whoever is
      // known to be detached stays so.
      onError(error, "witness");
    }
    return this.#any;
  }
}

interface DetachedPeersOptions {
  node: string;
  witness: Witness | undefined;
  /** A name that is silent for longer belongs to a dead process. */
  silentAfterMs: number;
  callTimeoutMs: number;
  /** Makes everything old for everybody. */
  bumpEverything: () => Promise<void>;
  onError: (error: unknown, during: string) => void;
}
