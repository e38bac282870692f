export { type Database, openDatabase } from "./database.ts";
export { findEmbeddedPostgres } from "./embedded/find-embedded-postgres.ts";
export type { EmbeddedPostgresLog } from "./embedded/log.ts";
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "./embedded/start-embedded-postgres.ts";
export {
  DatabaseError,
  type DatabaseErrorCode,
  DatabaseUnavailableError,
  InvalidCursorError,
  PoolTimeoutError,
} from "./errors.ts";
export { newId } from "./ids.ts";
export { migrateDatabase } from "./migrate.ts";
export { type Optimiser, type OptimiserOptions, openOptimiser } from "./optimiser/optimiser.ts";
export type { PoolOptions, PoolState, QueryInfo } from "./pool.ts";
export type { Question } from "./queries/ask-question.ts";
export type { Begun } from "./queries/begun.ts";
export type { AttachedText } from "./queries/documents.ts";
export type { RemovalState } from "./queries/file-removals.ts";
export type { StoredFile } from "./queries/files.ts";
export type { FinishedAnswer } from "./queries/finish-answer.ts";
export type { HistoryLimit, HistoryMessage } from "./queries/prompt.ts";
export type { BegunAgain, Regeneration } from "./queries/regenerate-answer.ts";
export type { InterruptedAnswer } from "./queries/servers.ts";
export type { StoredUpload } from "./queries/uploads.ts";
