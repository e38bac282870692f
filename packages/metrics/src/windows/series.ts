/** The names of the figures in the windows. Those of a group have what they are about after a slash. */
export const series = {
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
} as const;
