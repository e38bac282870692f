import type { Exposition } from "./exposition.ts";
import { type Counter, CounterFamily } from "./families/counter.ts";
import type { Count, Recorder } from "./windows/recorder.ts";
import { series } from "./windows/series.ts";
import type { TimeRecorder } from "./windows/time-histogram.ts";

type Server = { readonly id: string };

type OneServer = {
  readonly asked: Count;
  readonly failed: Count;
  readonly tokens: Count;
  readonly firstToken: TimeRecorder;
  readonly allTokens: Counter;
};

/** Model servers that have windows of their own; those beyond share "other". */
const maxServers = 50;
/** Ends of a request that are no failure of its server. */
const blameless = new Set(["succeeded", "released"]);

/**
 * What each model server does, by the callbacks of the pool that they are in. A question that moves
 * on to another server counts at both. How requests end is counted for Prometheus with the pool.
 */
export class ModelServerMetrics {
  readonly #recorder: Recorder;
  readonly #tokens: CounterFamily;
  readonly #byId = new Map<string, OneServer>();

  constructor(exposition: Exposition, recorder: Recorder, onOverflow: (metric: string) => void) {
    this.#recorder = recorder;
    this.#tokens = exposition.add(
      new CounterFamily({
        name: "model_server_tokens_total",
        help: "Tokens that came from a model server.",
        labels: ["server"],
        onOverflow,
      }),
    );
  }

  readonly onPick = ({ id }: Server): void => {
    this.#of(id).asked.value++;
  };

  readonly onFirstByte = ({ id }: Server, latencyMs: number): void => {
    this.#of(id).firstToken.observe(latencyMs / 1000);
  };

  readonly onEnd = ({ id }: Server, end: string): void => {
    if (!blameless.has(end)) this.#of(id).failed.value++;
  };

  readonly onTokens = ({ id }: Server, count: number): void => {
    const { tokens, allTokens } = this.#of(id);
    tokens.value += count;
    allTokens.value += count;
  };

  #of(id: string): OneServer {
    const known = this.#byId.get(id);
    if (known) return known;
    if (this.#byId.size >= maxServers && id !== "other") return this.#of("other");
    const made = {
      asked: this.#recorder.count(series.askedOf + id),
      failed: this.#recorder.count(series.failedOf + id),
      tokens: this.#recorder.count(series.serverTokensOf + id),
      firstToken: this.#recorder.time(series.serverFirstTokenOf + id),
      allTokens: this.#tokens.with(id),
    };
    this.#byId.set(id, made);
    return made;
  }
}
