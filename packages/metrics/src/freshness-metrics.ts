import type { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { type Gauge, GaugeFamily } from "./families/gauge.ts";
import type { Recorder } from "./windows/recorder.ts";
import { series } from "./windows/series.ts";

/** How far behind the truth the copies of it are, and how long what protects it is good for. */
export type FreshnessFacts = {
  invalidations: { lagSeconds: number; lagRecords: number; resyncs: number };
  replicas: readonly { name: string; lagSeconds: number }[];
  /** Deleted files that are to be removed from the store and from caches; null while unknown. */
  purges: { waiting: number; failing: number; delaySeconds: number } | null;
  /** `notAfterMs` is null while it could not be read. */
  certificates: readonly { name: string; notAfterMs: number | null }[];
};

const dayMs = 86_400_000;

/** Copies of the truth: caches, replicas, what CDNs hold; and the certificates it is served under. */
export class FreshnessMetrics {
  readonly #recorder: Recorder;
  readonly #lag: Gauge;
  readonly #lagRecords: Gauge;
  readonly #resyncs: { value: number };
  readonly #replicas: GaugeFamily;
  readonly #purgesWaiting: Gauge;
  readonly #purgesFailing: Gauge;
  readonly #purgeDelay: Gauge;
  readonly #purges: CounterFamily;
  readonly #certificates: GaugeFamily;

  constructor(exposition: Exposition, recorder: Recorder, onOverflow: (metric: string) => void) {
    this.#recorder = recorder;
    const gauge = (name: string, help: string, labels: string[] = []) =>
      exposition.add(new GaugeFamily({ name, help, labels, onOverflow }));
    const counter = (name: string, help: string, labels: string[] = []) =>
      exposition.add(new CounterFamily({ name, help, labels, onOverflow }));
    this.#lag = gauge(
      "cache_invalidation_lag_seconds",
      "How old the knowledge of invalidations is that memory caches serve by.",
    ).with();
    this.#lagRecords = gauge(
      "cache_invalidation_lag_records",
      "Invalidations that are known to exist and have not arrived.",
    ).with();
    this.#resyncs = counter(
      "cache_invalidation_resyncs_total",
      "Times that memory was emptied, since invalidations were lost.",
    ).with();
    this.#replicas = gauge(
      "database_replication_lag_seconds",
      "How far a replica is behind, or for how long it has not answered.",
      ["replica"],
    );
    this.#purgesWaiting = gauge(
      "cdn_purges_waiting",
      "Deleted files that are to be removed from the store and from caches, of all servers.",
    ).with();
    this.#purgesFailing = gauge(
      "cdn_purges_failing",
      "Those of them whose last try failed.",
    ).with();
    this.#purgeDelay = gauge(
      "cdn_purge_delay_seconds",
      "How long the oldest of them has waited.",
    ).with();
    this.#purges = counter("cdn_purges_total", "Removals by this server, by how they ended.", [
      "result",
    ]);
    this.#certificates = gauge(
      "tls_certificate_not_after_seconds",
      "When a certificate ends, since 1970.",
      ["name"],
    );
  }

  /** Deleted files were removed everywhere, or could not be. */
  readonly onPurge = (result: "done" | "failed", files: number): void => {
    this.#purges.with(result).value += files;
  };

  /** Takes how it stands, for the second that ends. */
  take({ invalidations, replicas, purges, certificates }: FreshnessFacts): void {
    this.#lag.value = invalidations.lagSeconds;
    this.#lagRecords.value = invalidations.lagRecords;
    this.#resyncs.value = invalidations.resyncs;
    this.#recorder.value(series.invalidationLag).take(invalidations.lagSeconds);
    for (const { name, lagSeconds } of replicas) this.#replicas.with(name).value = lagSeconds;
    if (replicas.length > 0) {
      const furthest = Math.max(...replicas.map(({ lagSeconds }) => lagSeconds));
      this.#recorder.value(series.replicationLag).take(furthest);
    }
    if (purges) this.#takePurges(purges);
    this.#takeCertificates(certificates);
  }

  #takePurges({ waiting, failing, delaySeconds }: NonNullable<FreshnessFacts["purges"]>): void {
    this.#purgesWaiting.value = waiting;
    this.#purgesFailing.value = failing;
    this.#purgeDelay.value = delaySeconds;
    this.#recorder.value(series.purgesWaiting).take(waiting);
    this.#recorder.value(series.purgesFailing).take(failing);
    this.#recorder.value(series.purgeDelay).take(delaySeconds);
  }

  #takeCertificates(certificates: FreshnessFacts["certificates"]): void {
    if (certificates.length === 0) return;
    this.#recorder.value(series.certificatesWatched).take(certificates.length);
    let firstMs = Number.POSITIVE_INFINITY;
    for (const { name, notAfterMs } of certificates) {
      if (notAfterMs === null) continue;
      this.#certificates.with(name).value = notAfterMs / 1000;
      firstMs = Math.min(firstMs, notAfterMs);
    }
    // Infinite while none could be read, which is not taken.
    this.#recorder.value(series.certificateDays).take((firstMs - Date.now()) / dayMs);
  }
}
