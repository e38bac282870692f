import { BalancerMetrics } from "./balancer-metrics.ts";
import { requestSeconds } from "./buckets.ts";
import { addCommonMetrics } from "./common-metrics.ts";
import { Exposition } from "./exposition.ts";
import { type Counter, CounterFamily } from "./families/counter.ts";
import { GaugeFamily } from "./families/gauge.ts";
import { type Histogram, HistogramFamily } from "./families/histogram.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { addTraceMetrics, type TraceFacts } from "./trace-metrics.ts";

/** Who answered a client: a server, the edge cache, or the door itself. */
type Source = "server" | "cache" | "door";

/** How a front door stands, asked for with each scrape. */
export type DoorFacts = {
  readonly clientConnections: number;
  readonly webSockets: number;
  readonly upstreamConnections: readonly {
    readonly server: string;
    readonly connections: number;
  }[];
  /** Undefined where it is turned off. */
  readonly cache: CacheFacts | undefined;
  readonly certificates: readonly { readonly name: string; readonly notAfterMs: number }[];
};

type CacheFacts = {
  readonly memoryBytes: number;
  readonly memoryEntries: number;
  readonly diskBytes: number;
  readonly diskEntries: number;
  /** Requests by what it did with them, since the start. */
  readonly results: Readonly<Record<string, number>>;
};

type SourceFigures = { readonly firstByte: Histogram; readonly byStatus: (Counter | undefined)[] };

/**
 * All figures of a front door, and the callbacks that fill them. To record is to add to fields that
 * were bound ahead; nothing here waits or throws.
 */
export class DoorMetrics {
  readonly exposition = new Exposition();
  readonly balancer: BalancerMetrics;
  readonly #requests: CounterFamily;
  readonly #bySource: Readonly<Record<Source, SourceFigures>>;
  readonly #serverResponses: CounterFamily;
  readonly #byServer = new WeakMap<object, (Counter | undefined)[]>();
  readonly #refused: Counter;
  readonly #faults: Counter;
  readonly #cacheStored: Counter;
  readonly #cacheEvictions: CounterFamily;
  readonly #cachePurges: Counter;

  /** @param info what the door is, for the labels of `peregrine_build_info` */
  constructor(info: { version: string }) {
    const { exposition } = this;
    const onOverflow = addCommonMetrics(exposition, info);
    addProcessMetrics(exposition);
    const counter = (name: string, help: string, ...labels: string[]) =>
      exposition.add(new CounterFamily({ name, help, labels, maxChildren: 5000, onOverflow }));
    this.#requests = counter(
      "edge_requests_total",
      "Requests by who answered them: a server, the cache, or the door itself.",
      "source",
      "status_code",
    );
    const firstByte = exposition.add(
      new HistogramFamily(
        {
          name: "edge_first_byte_seconds",
          help: "Time from a request's head to the first byte of its answer.",
          labels: ["source"],
          onOverflow,
        },
        requestSeconds,
      ),
    );
    const figuresOf = (source: Source) => ({ firstByte: firstByte.with(source), byStatus: [] });
    this.#bySource = {
      server: figuresOf("server"),
      cache: figuresOf("cache"),
      door: figuresOf("door"),
    };
    this.#serverResponses = counter(
      "edge_server_responses_total",
      "Answers of servers, those that the cache asked for and those that were not used included.",
      "server",
      "status_code",
    );
    this.#refused = counter(
      "edge_connections_refused_total",
      "Connections of clients beyond a limit.",
    ).with();
    this.#faults = counter(
      "edge_faults_total",
      "Faults of the door's own, each of which cost a connection.",
    ).with();
    this.#cacheStored = counter(
      "edge_cache_stored_bytes_total",
      "Bytes of responses that the cache took in.",
    ).with();
    this.#cacheEvictions = counter(
      "edge_cache_evictions_total",
      "Responses that made room for others.",
      "store",
    );
    this.#cachePurges = counter("edge_cache_purged_keys_total", "Tags and paths purged.").with();
    this.balancer = new BalancerMetrics(exposition, onOverflow);
  }

  /** What the door tells while it passes requests on. */
  readonly proxy = {
    onAnswer: (source: Source, status: number, seconds: number): void => {
      const { firstByte, byStatus } = this.#bySource[source];
      let counter = byStatus[status];
      if (!counter) {
        counter = this.#requests.with(source, String(status));
        byStatus[status] = counter;
      }
      counter.value++;
      firstByte.observe(seconds);
    },
    onServerAnswer: (server: { readonly id: string }, status: number): void => {
      let byStatus = this.#byServer.get(server);
      if (!byStatus) {
        byStatus = [];
        this.#byServer.set(server, byStatus);
      }
      let counter = byStatus[status];
      if (!counter) {
        counter = this.#serverResponses.with(server.id, String(status));
        byStatus[status] = counter;
      }
      counter.value++;
    },
    onConnectionRefused: (): void => {
      this.#refused.value++;
    },
    onFault: (): void => {
      this.#faults.value++;
    },
  };

  /** What the edge cache tells. */
  readonly cache = {
    onStore: (bytes: number): void => {
      this.#cacheStored.value += bytes;
    },
    onEvict: (store: string): void => {
      this.#cacheEvictions.with(store).value++;
    },
    onPurge: (keys: number): void => {
      this.#cachePurges.value += keys;
    },
  };

  watchTraces(read: () => TraceFacts): void {
    addTraceMetrics(this.exposition, read);
  }

  /** @param read how it stands, with each scrape */
  watch(read: () => DoorFacts): void {
    const { exposition } = this;
    const gauge = (name: string, help: string, ...labels: string[]) =>
      exposition.add(new GaugeFamily({ name, help, labels }));
    const clients = gauge("edge_client_connections", "Connections of clients.").with();
    const sockets = gauge(
      "edge_websocket_connections",
      "Those of them that are WebSockets.",
    ).with();
    const upstream = gauge("edge_upstream_connections", "Connections to servers.", "server");
    const memory = gauge(
      "process_resident_memory_bytes",
      "Resident memory of this process.",
    ).with();
    const results = exposition.add(
      new CounterFamily({
        name: "edge_cache_requests_total",
        help: "Requests by what the cache did with them.",
        labels: ["result"],
      }),
    );
    const bytes = gauge("edge_cache_bytes", "What the cache keeps.", "store");
    const entries = gauge("edge_cache_entries", "Responses that the cache keeps.", "store");
    const certificates = gauge(
      "tls_certificate_not_after_seconds",
      "When a certificate ends, since 1970.",
      "name",
    );
    exposition.beforeEach(() => {
      const facts = read();
      clients.value = facts.clientConnections;
      sockets.value = facts.webSockets;
      memory.value = process.memoryUsage.rss();
      upstream.clear();
      for (const { server, connections } of facts.upstreamConnections) {
        upstream.with(server).value = connections;
      }
      const listed = new Set(facts.upstreamConnections.map(({ server }) => server));
      this.#serverResponses.keepOnly(({ server = "" }) => server === "other" || listed.has(server));
      certificates.clear();
      for (const { name, notAfterMs } of facts.certificates) {
        certificates.with(name).value = notAfterMs / 1000;
      }
      if (!facts.cache) return;
      for (const [result, count] of Object.entries(facts.cache.results)) {
        results.with(result).value = count;
      }
      bytes.with("memory").value = facts.cache.memoryBytes;
      bytes.with("disk").value = facts.cache.diskBytes;
      entries.with("memory").value = facts.cache.memoryEntries;
      entries.with("disk").value = facts.cache.diskEntries;
    });
  }
}
