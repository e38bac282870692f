import { algorithmNames } from "@peregrine/balancer";
import { logLevels } from "@peregrine/process";
import {
  addressList,
  type Config as ConfigOf,
  flag,
  integer,
  oneOf,
  optionalText,
  optionalUrl,
  readSettings,
  type Setting,
  text,
} from "@peregrine/settings";
import { tracingSettings } from "@peregrine/tracing";

const day = 86_400;
const port = { min: 0, max: 65_535 };

/**
 * Every setting of the front door, by the environment variable it is read from. Those without
 * `EDGE_` mean the same to the server. `docs/configuration.md` is generated from this table.
 */
export const settings = {
  HOST: text("127.0.0.1", { about: "Address to listen on. `0.0.0.0` for every interface." }),
  PORT: integer(3000, port, { about: "Port to listen on; 0 for any free one." }),
  DATA_DIR: text("./data", {
    about: "Where the embedded Postgres of `--servers N` and the cache's files are kept.",
  }),
  DATABASE_URL: optionalUrl(["postgres", "postgresql"], {
    about: "Your Postgres, for `--servers N`. Without it an embedded one is shared by all.",
    secret: true,
  }),
  LOG_LEVEL: oneOf(logLevels, "info", { about: "The least severe lines that are logged." }),
  TRUSTED_PROXIES: addressList({
    about: "Proxies before the door whose `X-Forwarded-*` and `Forwarded` are believed.",
  }),
  SHUTDOWN_TIMEOUT: integer(
    30,
    { min: 0, max: 3600 },
    { about: "Seconds that requests under way get to finish when the door or a server stops." },
  ),
  LOAD_BALANCER_ALGORITHM: oneOf(algorithmNames, "peak_ewma", {
    about: "How a server is chosen for a request.",
  }),
  HEALTH_CHECK_INTERVAL: integer(
    30,
    { min: 1, max: 3600 },
    { about: "Seconds between two health checks of a server." },
  ),

  METRICS_ENABLED: flag(true, { about: "Whether figures are kept and served." }),

  ...tracingSettings,

  EDGE_SERVERS: text("", {
    about:
      "Servers to spread requests over, such as `http://a:3000,http://b:3000;weight=2`. Further fields: `id`, `zone`, `backup`, `maxInFlight`. A name may stand for many: `dns+http://servers.internal:3000`.",
  }),
  EDGE_SERVERS_FILE: optionalText({
    about:
      'File with the servers instead, as lines of the same form or as JSON (`[{"url": "http://a:3000", "weight": 2}]`). It is watched.',
  }),
  EDGE_DNS_INTERVAL: integer(
    10,
    { min: 1, max: 3600 },
    { about: "Seconds between two look-ups of a `dns+` name." },
  ),
  EDGE_ZONE: optionalText({ about: "The zone the door stands in: its servers come first." }),
  EDGE_MAX_IN_FLIGHT: integer(
    0,
    { min: 0, max: 1_000_000 },
    { about: "Requests under way for each server; those beyond wait in line. 0 for no limit." },
  ),
  EDGE_ADMIN_HOST: text("127.0.0.1", { about: "Address of the administration port." }),
  EDGE_ADMIN_PORT: integer(3001, port, {
    about: "Port that serves `/edge/servers` and `/metrics`.",
  }),
  EDGE_ADMIN_TOKEN: optionalText({
    about: "Bearer token that the administration port asks for.",
    secret: true,
  }),
  EDGE_TLS_CERT: optionalText({
    about: "File with the certificate and its chain, PEM. It is watched.",
  }),
  EDGE_TLS_KEY: optionalText({ about: "File with the certificate's key, PEM. It is watched." }),
  NODE_EXTRA_CA_CERTS: optionalText({
    about:
      "File with authorities, PEM, whose certificates are believed of [servers over TLS](edge.md#the-servers) beside those of the built-in ones. Read when the door starts.",
  }),

  EDGE_CACHE_SIZE: integer(
    67_108_864,
    { min: 0, max: 1_099_511_627_776 },
    {
      about:
        "Bytes of memory for responses that are kept for everybody; the largest may have an eighth. 0 turns the cache off.",
    },
  ),
  EDGE_CACHE_DISK_SIZE: integer(
    0,
    { min: 0, max: 1_125_899_906_842_624 },
    { about: "Bytes of disk for them, which a restart leaves in place. 0 for memory alone." },
  ),
  EDGE_CACHE_DIR: optionalText({
    about: "Folder for them, of one door alone. `edge-cache` under `DATA_DIR` without it.",
  }),

  EDGE_DRAIN_TIMEOUT: integer(
    300,
    { min: 0, max: day },
    { about: "Seconds that requests on a server which is replaced get to finish." },
  ),
  EDGE_HEADER_TIMEOUT: integer(
    10,
    { min: 1, max: 600 },
    { about: "Seconds a client may take to send a request's head." },
  ),
  EDGE_KEEP_ALIVE_TIMEOUT: integer(
    65,
    { min: 1, max: 3600 },
    { about: "Seconds a client's connection may rest between two requests." },
  ),
  EDGE_IDLE_TIMEOUT: integer(
    30,
    { min: 1, max: 3600 },
    {
      about:
        "Seconds a client may stop in the middle of a request, or take to read or send what `EDGE_MIN_RATE` asks for.",
    },
  ),
  EDGE_MIN_RATE: integer(
    256,
    { min: 0, max: 1_000_000 },
    {
      about: "Bytes a second below which a client that is slow to read, or to send a body, is cut.",
    },
  ),
  EDGE_FIRST_BYTE_TIMEOUT: integer(
    60,
    { min: 1, max: 3600 },
    { about: "Seconds a server may take to begin its answer." },
  ),
  EDGE_HEDGE_AFTER_MS: integer(
    0,
    { min: 0, max: 60_000 },
    {
      about:
        "Milliseconds without an answer after which a GET or HEAD is [sent to a second server](edge.md#asking-two) as well; 0 for never. The time that 19 of 20 take is a good one.",
    },
  ),
  EDGE_ANSWER_IDLE_TIMEOUT: integer(
    300,
    { min: 1, max: day },
    { about: "Seconds a server may pause in the middle of an answer." },
  ),
  EDGE_REQUEST_TIMEOUT: integer(
    3600,
    { min: 0, max: day },
    { about: "Seconds a request may take as a whole; 0 for no limit." },
  ),
  EDGE_SOCKET_IDLE_TIMEOUT: integer(
    600,
    { min: 1, max: day },
    { about: "Seconds a WebSocket may be silent both ways." },
  ),
  EDGE_CONNECT_TIMEOUT: integer(
    2,
    { min: 1, max: 60 },
    { about: "Seconds a server may take to accept a connection." },
  ),
  EDGE_MAX_HEAD_BYTES: integer(
    32_768,
    { min: 1024, max: 1_048_576 },
    { about: "Bytes a head may have." },
  ),
  EDGE_MAX_CONNECTIONS: integer(
    10_000,
    { min: 1, max: 1_000_000 },
    { about: "Connections of clients in all." },
  ),
  EDGE_MAX_CONNECTIONS_PER_ADDRESS: integer(
    1000,
    { min: 0, max: 1_000_000 },
    { about: "Connections from one address, trusted proxies excepted; 0 for no limit." },
  ),
} satisfies Record<string, Setting<unknown>>;

export type Config = ConfigOf<typeof settings>;

/**
 * Reads every setting at once.
 *
 * @throws ConfigError naming each wrong variable, its value (unless it is a secret) and what is accepted.
 */
export function readConfig(environment: Record<string, string | undefined>): Config {
  return readSettings(environment, settings, (config) => {
    const problems: string[] = [];
    if ((config.EDGE_TLS_CERT === undefined) !== (config.EDGE_TLS_KEY === undefined)) {
      problems.push("EDGE_TLS_CERT and EDGE_TLS_KEY: both must be set, or neither");
    }
    if (config.EDGE_SERVERS && config.EDGE_SERVERS_FILE) {
      problems.push("EDGE_SERVERS and EDGE_SERVERS_FILE: only one may be set");
    }
    const isLoopback = /^(127\.|::1$|localhost$)/.test(config.EDGE_ADMIN_HOST ?? "");
    if (!isLoopback && !config.EDGE_ADMIN_TOKEN) {
      problems.push(
        "EDGE_ADMIN_TOKEN: must be set where EDGE_ADMIN_HOST is not a loopback address",
      );
    }
    return problems;
  });
}

/** The settings of this process. The one place that reads the environment. */
export function processConfig(): Config {
  return readConfig(process.env);
}

/** The environment as it is, for the processes that this one starts. */
export function processEnvironment(): Record<string, string | undefined> {
  return process.env;
}
