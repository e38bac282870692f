import { firstTokenSeconds, tokensPerSecond } from "./buckets.ts";
import type { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { HistogramFamily } from "./families/histogram.ts";
import type { Count, Recorder } from "./windows/recorder.ts";
import { series } from "./windows/series.ts";
import type { TimeRecorder } from "./windows/time-histogram.ts";

/** Models that have windows of their own; those beyond share "other". */
const maxModels = 50;

/** The windows of one model. */
type OneModel = { requests: Count; errors: Count; tokens: Count; firstToken: TimeRecorder };

/** What answers cost and how fast they come. */
export class ModelMetrics {
  readonly #recorder: Recorder;
  readonly #firstToken: HistogramFamily;
  readonly #rate: HistogramFamily;
  readonly #requests: CounterFamily;
  readonly #errors: CounterFamily;
  readonly #tokens: CounterFamily;
  readonly #allRequests: Count;
  readonly #allTokens: Count;
  readonly #allFirstTokens: TimeRecorder;
  readonly #byModel = new Map<string, OneModel>();

  constructor(exposition: Exposition, recorder: Recorder, onOverflow: (metric: string) => void) {
    this.#recorder = recorder;
    const labels = ["model"];
    this.#firstToken = exposition.add(
      new HistogramFamily(
        {
          name: "model_time_to_first_token_seconds",
          help: "Time from asking a model to its first token.",
          labels,
          onOverflow,
        },
        firstTokenSeconds,
      ),
    );
    this.#rate = exposition.add(
      new HistogramFamily(
        {
          name: "model_answer_tokens_per_second",
          help: "Tokens a second of an answer, from its first token to its last.",
          labels,
          onOverflow,
        },
        tokensPerSecond,
      ),
    );
    const counter = (name: string, help: string, names: string[]) =>
      exposition.add(new CounterFamily({ name, help, labels: names, onOverflow }));
    this.#requests = counter("model_requests_total", "Answers asked of models.", labels);
    this.#tokens = counter(
      "model_tokens_total",
      "Tokens that came, as models stream them.",
      labels,
    );
    this.#errors = counter("model_errors_total", "Answers that models failed to give.", [
      "model",
      "code",
    ]);
    this.#allRequests = recorder.count(series.modelRequests);
    this.#allTokens = recorder.count(series.tokens);
    this.#allFirstTokens = recorder.time(series.firstToken);
  }

  /** A model is asked. Call what is given as its answer comes. */
  begin(model: string) {
    this.#requests.with(model).value++;
    this.#allRequests.value++;
    const tokens = this.#tokens.with(model);
    const own = this.#of(model);
    own.requests.value++;
    return {
      firstToken: (seconds: number) => {
        this.#firstToken.with(model).observe(seconds);
        this.#allFirstTokens.observe(seconds);
        own.firstToken.observe(seconds);
      },
      token: () => {
        tokens.value++;
        this.#allTokens.value++;
        own.tokens.value++;
      },
      /** @param seconds from the first token to the last */
      end: (count: number, seconds: number) => {
        // One token has no rate.
        if (count > 1 && seconds > 0) this.#rate.with(model).observe((count - 1) / seconds);
      },
      failed: (code: string) => {
        this.#errors.with(model, code).value++;
        this.#recorder.count(series.modelErrors + code).value++;
        own.errors.value++;
      },
    };
  }

  #of(model: string): OneModel {
    const known = this.#byModel.get(model);
    if (known) return known;
    if (this.#byModel.size >= maxModels && model !== "other") return this.#of("other");
    const made = {
      requests: this.#recorder.count(series.requestsOf + model),
      errors: this.#recorder.count(series.errorsOf + model),
      tokens: this.#recorder.count(series.tokensOf + model),
      firstToken: this.#recorder.time(series.firstTokenOf + model),
    };
    this.#byModel.set(model, made);
    return made;
  }
}
