import type { Config } from "./config.ts";
import type { Limits } from "./proxy/limits.ts";

export function limitsOf(config: Config): Limits {
  return {
    headerMs: config.EDGE_HEADER_TIMEOUT * 1000,
    keepAliveMs: config.EDGE_KEEP_ALIVE_TIMEOUT * 1000,
    idleMs: config.EDGE_IDLE_TIMEOUT * 1000,
    answerIdleMs: config.EDGE_ANSWER_IDLE_TIMEOUT * 1000,
    firstByteMs: config.EDGE_FIRST_BYTE_TIMEOUT * 1000,
    wholeMs: config.EDGE_REQUEST_TIMEOUT * 1000,
    tunnelIdleMs: config.EDGE_SOCKET_IDLE_TIMEOUT * 1000,
    hedgeAfterMs: config.EDGE_HEDGE_AFTER_MS,
    connectMs: config.EDGE_CONNECT_TIMEOUT * 1000,
    minBytesPerSecond: config.EDGE_MIN_RATE,
    headBytes: config.EDGE_MAX_HEAD_BYTES,
    connections: config.EDGE_MAX_CONNECTIONS,
    connectionsPerAddress: config.EDGE_MAX_CONNECTIONS_PER_ADDRESS,
  };
}
