/** The names of the figures in the windows. Those of a group have what they are about after a slash. */
export const series = {
  /** How many of the span's seconds the server told of. */
  seconds: "seconds",
  requests: "http.requests",
  /** Answers of 500 and above; requests that were refused under load are among them. */
  errors: "http.errors",
  refused: "http.refused",
  responseTime: "http.time",
  cacheHits: "cache.hits/",
  cacheMisses: "cache.misses/",
  /** Seconds that a statement took. */
  query: "db.query/",
  queryErrors: "db.errors",
  poolActive: "db.pool.active",
  poolWaiting: "db.pool.waiting",
  cpu: "system.cpu",
  memory: "system.memory",
  disk: "system.disk",
  eventLoopDelay: "system.event_loop_delay",
  connections: "connections",
  answers: "answers.running",
  queue: "queue.length",
  firstToken: "model.first_token",
  tokens: "model.tokens",
  modelRequests: "model.requests",
  modelErrors: "model.errors/",
  /** Of one model, by its name. */
  requestsOf: "model.requests_of/",
  errorsOf: "model.errors_of/",
  tokensOf: "model.tokens_of/",
  firstTokenOf: "model.first_token_of/",
  /** Of one model server, by its id. */
  askedOf: "model_server.asked/",
  failedOf: "model_server.failed/",
  serverTokensOf: "model_server.tokens/",
  serverFirstTokenOf: "model_server.first_token/",
  /** Model servers that take no requests because they fail. */
  modelServersDown: "model.servers_down",
  /** Seconds. Each of the next is the same on all servers, or is taken where it is worst. */
  invalidationLag: "cache.invalidation_lag",
  replicationLag: "db.replication_lag",
  purgesWaiting: "cdn.purges_waiting",
  purgesFailing: "cdn.purges_failing",
  purgeDelay: "cdn.purge_delay",
  certificatesWatched: "certificates.watched",
  /** Days until the first certificate ends. */
  certificateDays: "certificates.days",
} as const;

/**
 * A histogram of times has an edge exactly on the threshold of the alert that goes by it: a
 * percentile is above it then if and only if the true one is.
 */
export function edgeSecondsOf(name: string): number {
  const isFirstToken =
    name.startsWith(series.firstToken) || name.startsWith(series.serverFirstTokenOf);
  return isFirstToken ? 5 : 2;
}
