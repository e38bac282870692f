import type {
  AlertListBody,
  BalancerBody,
  Figures,
  HistoryBody,
  ModelPerformanceBody,
  PerformanceBody,
  ServerListBody,
} from "@peregrine/protocol";
import { type Signal, signal } from "@preact/signals";
import type { Api } from "../api/api.ts";
import { describeError } from "../api/api-error.ts";

const keptSeconds = 120;
const refreshMs = 5_000;
const historyRefreshMs = 15_000;
const dayMs = 86_400_000;
const base = "/performance";

export type HistoryChoice = {
  backMs: number;
  server: string | null;
  comparesDayBefore: boolean;
};

/**
 * What the page for administrators shows. While it is open: this server's figures each second, by
 * an event stream that the browser opens again by itself; the rest every five seconds. Nothing is
 * asked for while the tab is hidden.
 */
export class PerformanceState {
  /** The last two minutes of this server, oldest first. */
  readonly seconds: Signal<readonly Figures[]> = signal([]);
  readonly isLive = signal(false);
  readonly now: Signal<PerformanceBody | null> = signal(null);
  readonly alerts: Signal<AlertListBody | null> = signal(null);
  readonly servers: Signal<ServerListBody["servers"]> = signal([]);
  readonly models: Signal<ModelPerformanceBody | null> = signal(null);
  readonly balancer: Signal<BalancerBody | null> = signal(null);
  readonly history: Signal<HistoryBody | null> = signal(null);
  readonly dayBefore: Signal<HistoryBody | null> = signal(null);
  readonly choice: Signal<HistoryChoice> = signal({
    backMs: 3_600_000,
    server: null,
    comparesDayBefore: false,
  });
  readonly error: Signal<string | null> = signal(null);
  readonly #api: Api;
  readonly #timers: ReturnType<typeof setInterval>[];
  #stream: EventSource | undefined;
  readonly #onVisibility = () => this.#follow();

  constructor(api: Api) {
    this.#api = api;
    this.#timers = [
      setInterval(() => this.#whenVisible(() => this.refresh()), refreshMs),
      setInterval(() => this.#whenVisible(() => this.loadHistory()), historyRefreshMs),
    ];
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#follow();
    void this.refresh();
    void this.loadHistory();
  }

  dispose(): void {
    for (const timer of this.#timers) clearInterval(timer);
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#stream?.close();
  }

  /** Never fails: what could not be had is told in `error`, and what was had before stays. */
  async refresh(): Promise<void> {
    // A door that does not answer is waited for, and the rest is not to wait with it.
    await Promise.all([this.#refreshBalancer(), this.#refreshRest()]);
  }

  async #refreshBalancer(): Promise<void> {
    try {
      this.balancer.value = await this.#api.get(`${base}/balancer`);
    } catch (error) {
      this.error.value = describeError(error);
    }
  }

  async #refreshRest(): Promise<void> {
    try {
      const [now, alerts, { servers }, models] = await Promise.all([
        this.#api.get<PerformanceBody>(`${base}/metrics`),
        this.#api.get<AlertListBody>(`${base}/alerts`),
        this.#api.get<ServerListBody>(`${base}/servers`),
        this.#api.get<ModelPerformanceBody>(`${base}/models`),
      ]);
      this.now.value = now;
      this.alerts.value = alerts;
      this.servers.value = servers;
      this.models.value = models;
      this.error.value = null;
    } catch (error) {
      this.error.value = describeError(error);
    }
  }

  choose(change: Partial<HistoryChoice>): void {
    this.choice.value = { ...this.choice.peek(), ...change };
    void this.loadHistory();
  }

  /** Never fails; see `refresh`. */
  async loadHistory(): Promise<void> {
    const choice = this.choice.peek();
    const toMs = Date.now();
    try {
      const [history, dayBefore] = await Promise.all([
        this.#range(toMs - choice.backMs, toMs, choice.server),
        choice.comparesDayBefore
          ? this.#range(toMs - choice.backMs - dayMs, toMs - dayMs, choice.server)
          : null,
      ]);
      // Another range may have been chosen meanwhile.
      if (this.choice.peek() !== choice) return;
      this.history.value = history;
      this.dayBefore.value = dayBefore;
    } catch (error) {
      this.error.value = describeError(error);
    }
  }

  /** Does something, and shows what came of it. @throws ApiError */
  async act(method: "POST" | "PUT" | "DELETE", path: string, body?: object): Promise<void> {
    await this.#api.act(method, `${base}${path}`, body);
    await this.refresh();
  }

  #range(fromMs: number, toMs: number, server: string | null): Promise<HistoryBody> {
    const query = new URLSearchParams({
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
    });
    if (server !== null) query.set("server", server);
    // So far back, nothing finer than 5 minutes is kept.
    const isOld = Date.now() - fromMs > 6 * 3_600_000 - 60_000;
    if (isOld) query.set("step", String(Math.ceil((toMs - fromMs) / 300 / 300_000) * 300));
    return this.#api.get(`${base}/metrics/history?${query}`);
  }

  #whenVisible(work: () => Promise<void>): void {
    if (!document.hidden) void work();
  }

  #follow(): void {
    if (document.hidden) {
      this.#stream?.close();
      this.#stream = undefined;
      this.isLive.value = false;
      return;
    }
    if (this.#stream) return;
    const stream = new EventSource(`/api/v1${base}/metrics/live`);
    stream.addEventListener("open", () => {
      this.isLive.value = true;
    });
    stream.addEventListener("error", () => {
      this.isLive.value = false;
    });
    stream.addEventListener("figures", (event) => {
      const { figures } = JSON.parse(event.data) as { figures: Figures };
      this.seconds.value = [...this.seconds.peek().slice(1 - keptSeconds), figures];
    });
    this.#stream = stream;
  }
}
