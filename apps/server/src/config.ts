import {
  addressList,
  type Config as ConfigOf,
  flag,
  fraction,
  integer,
  oneOf,
  optionalSecret,
  optionalText,
  optionalUrl,
  readSettings,
  type Setting,
  setting,
  text,
  urlList,
} from "@peregrine/settings";
import { tracingSettings } from "@peregrine/tracing";
import { parseRedisUrl } from "./cache/redis-target.ts";
import { waysToContinue } from "./models/continue-with.ts";
import { parseModelServers } from "./models/model-server-list.ts";

const postgresSchemes = ["postgres", "postgresql"];
const webSchemes = ["http", "https"];
const day = 86_400;

/**
 * Every setting, by the environment variable it is read from. `docs/configuration.md` is generated
 * from this table.
 */
export const settings = {
  HOST: text("127.0.0.1", { about: "Address to listen on. `0.0.0.0` for every interface." }),
  PORT: integer(3000, { min: 0, max: 65_535 }, { about: "Port to listen on; 0 for any free one." }),
  DATA_DIR: text("./data", { about: "Where the embedded Postgres and local files are kept." }),
  LOG_LEVEL: oneOf(["debug", "info", "warn", "error", "silent"], "info", {
    about: "The least severe lines that are logged.",
  }),
  PUBLIC_URL: optionalUrl(webSchemes, {
    about:
      "The address people open, where it is not the one the server sees (behind a proxy that ends TLS). `https` makes cookies `Secure`.",
  }),
  TRUSTED_PROXIES: addressList({
    about: "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
  }),
  SIGNUP: oneOf(["open", "closed"], "open", {
    about: "Whether strangers can make an account. The first account can always be made.",
  }),
  SESSION_TTL: integer(
    30 * day,
    { min: 60, max: 400 * day },
    { about: "Seconds after which a person has to sign in again." },
  ),
  SHUTDOWN_TIMEOUT: integer(
    30,
    { min: 0, max: 3600 },
    { about: "Seconds that running answers get to finish when the server is told to stop." },
  ),

  MODEL_SERVERS: setting(
    "http://… or https://… separated by commas, each with fields where it needs them: `http://a/v1;weight=2;models=x|y,http://b/v1;maxInFlight=8,https://c/v1;backup`",
    {
      about:
        "Base URLs of OpenAI-compatible [model servers](models.md), such as `http://127.0.0.1:11434/v1`. Without one a built-in demonstration model answers.",
    },
    "",
    parseModelServers,
  ),
  MODEL_API_KEY: optionalText({
    about: "Sent to the model servers as a bearer token.",
    secret: true,
  }),
  MODEL: optionalText({
    about: "The model to ask for. Without it, the first one that the model server lists.",
  }),
  MODEL_CONTEXT_TOKENS: integer(
    16_000,
    { min: 256, max: 10_000_000 },
    { about: "Tokens of history that are sent with a question, about." },
  ),
  MODEL_FIRST_TOKEN_TIMEOUT: integer(
    60,
    { min: 1, max: 3600 },
    { about: "Seconds a model server may take to the first token." },
  ),
  MODEL_TOKEN_TIMEOUT: integer(
    30,
    { min: 1, max: 3600 },
    { about: "Seconds a model server may take between two tokens." },
  ),
  MODEL_MAX_IN_FLIGHT: integer(
    0,
    { min: 0, max: 1_000_000 },
    {
      about:
        "Answers under way on each model server; those beyond wait in line. 0 for no limit. Best is what the server works on at once.",
    },
  ),
  MODEL_QUEUE_TIMEOUT: integer(
    30,
    { min: 1, max: 3600 },
    {
      about:
        "Seconds a question may wait for a model server with room, or for one that asked for a pause.",
    },
  ),
  MODEL_CONTINUE: oneOf(waysToContinue, "off", {
    about:
      "How a model server is asked to [go on with an answer](models.md#when-a-server-fails) that broke off on another; `off` where it cannot, and the answer ends as interrupted. `continue=` in `MODEL_SERVERS` says it for one server.",
  }),

  DATABASE_URL: optionalUrl(postgresSchemes, {
    about: "Your Postgres, 14 or newer. Without it an embedded one runs under `DATA_DIR`.",
    secret: true,
  }),
  DATABASE_REPLICA_URLS: urlList(postgresSchemes, {
    about:
      "Read-only copies of it, for searches. One that has not got the last write of whoever searches is not asked.",
    secret: true,
  }),
  DB_PREPARE: flag(true, {
    about:
      "Whether statements are prepared. `false` behind PgBouncer in transaction mode; time limits are then those of the database's role.",
  }),
  DB_POOL_SIZE: integer(20, { min: 1, max: 1000 }, { about: "Connections kept open to Postgres." }),
  DB_MAX_OVERFLOW: integer(
    30,
    { min: 0, max: 1000 },
    { about: "Connections opened beyond `DB_POOL_SIZE` when all are busy." },
  ),
  DB_POOL_TIMEOUT: integer(
    30,
    { min: 1, max: 600 },
    { about: "Seconds a request may wait for a connection before it gets a 503." },
  ),
  DB_POOL_RECYCLE: integer(
    3600,
    { min: 1, max: 30 * day },
    { about: "Seconds after which a connection is replaced by a new one." },
  ),

  REDIS_URL: setting(
    "redis://… or rediss://…, several separated by commas for a cluster, or redis+sentinel://host:port,host:port/name",
    {
      about: "Redis behind the memory cache. Without it the memory cache serves alone.",
      secret: true,
    },
    undefined,
    parseRedisUrl,
  ),
  CACHE_TTL: integer(
    3600,
    { min: 1, max: 30 * day },
    { about: "Seconds that a cached value lives where its type does not say otherwise." },
  ),
  MEMORY_CACHE_SIZE: integer(
    1000,
    { min: 1, max: 100_000_000 },
    { about: "Entries that the memory cache holds." },
  ),

  MAX_UPLOAD_BYTES: integer(
    100 * 1024 * 1024,
    { min: 1024, max: 80_000_000_000 },
    { about: "The largest file that can be uploaded." },
  ),
  UPLOAD_TTL: integer(
    day,
    { min: 60, max: 30 * day },
    { about: "Seconds after which an upload in parts that does not go on is given up." },
  ),
  UNATTACHED_FILE_TTL: integer(
    7 * day,
    { min: 0, max: 400 * day },
    {
      about:
        "Seconds after which a private file that no message has is deleted; 0 to keep such files.",
    },
  ),
  CDN_URL: optionalUrl(webSchemes, {
    about:
      "Where a CDN serves what this server or its bucket has. Files then go out by signed addresses under it.",
  }),
  CDN_SIGNING_KEY: optionalSecret(16, {
    about:
      "Signs the addresses of files under `CDN_URL`, where the CDN asks this server for them. Any text from 16 characters, the same for all servers.",
  }),
  CDN_ASSETS: flag(false, {
    about:
      "Whether the page loads its scripts and styles from `CDN_URL`. They are there when the CDN asks this server for `/assets/`, or once `npm run peregrine -- cdn sync` has put them into the bucket.",
  }),
  CDN_CACHE_TTL: integer(
    31_536_000,
    { min: 0, max: 31_536_000 },
    { about: "Seconds that a CDN and browsers keep a file." },
  ),
  S3_BUCKET: optionalText({ about: "Bucket that files are stored in." }),
  S3_ENDPOINT: optionalUrl(webSchemes, { about: "An S3-compatible store that is not AWS." }),
  S3_REGION: text("us-east-1", { about: "Region of the bucket." }),
  S3_ACCESS_KEY_ID: optionalText({ about: "Access key of the bucket.", secret: true }),
  S3_SECRET_ACCESS_KEY: optionalText({ about: "Secret key of the bucket.", secret: true }),
  S3_DIRECT_UPLOADS: flag(false, {
    about:
      "Whether browsers send large files straight to the bucket, which has to allow `PUT` from the address of the application (CORS).",
  }),
  CLOUDFRONT_DISTRIBUTION_ID: optionalText({ about: "Distribution in which files are purged." }),
  CLOUDFRONT_KEY_PAIR_ID: optionalText({
    about:
      "Public key under which CloudFront knows `CLOUDFRONT_PRIVATE_KEY`, where the distribution under `CDN_URL` takes files from the bucket.",
  }),
  CLOUDFRONT_PRIVATE_KEY: optionalText({
    about: "Signs addresses for CloudFront. PEM, with line ends or `\\n`.",
    secret: true,
  }),
  CDN_PURGE_URLS: urlList(webSchemes, {
    about:
      "Caches of your own, such as the front door's administration port or Varnish, that are sent `PURGE` when a file is deleted; the one next to the servers first. A token goes into the address: `http://purge:<token>@door:3001`.",
    secret: true,
  }),
  FASTLY_SERVICE_ID: optionalText({ about: "Fastly service in which files are purged." }),
  FASTLY_API_TOKEN: optionalText({ about: "Token that may purge that service.", secret: true }),
  CLOUDFLARE_ZONE_ID: optionalText({ about: "Cloudflare zone in which files are purged." }),
  CLOUDFLARE_API_TOKEN: optionalText({ about: "Token that may purge that zone.", secret: true }),

  LOAD_BALANCER_ALGORITHM: oneOf(
    ["round_robin", "least_connections", "least_load", "peak_ewma"],
    "peak_ewma",
    { about: "How a server is chosen for a request." },
  ),
  HEALTH_CHECK_INTERVAL: integer(
    30,
    { min: 1, max: 3600 },
    { about: "Seconds between two health checks of a server." },
  ),

  EDGE_ADMIN_URL: optionalUrl(webSchemes, {
    about:
      "The [front door](edge.md#from-the-dashboard)'s administration port, whose servers administrators then see and drain. With `--servers N` it is set. A token goes into the address: `http://admin:<token>@door:3001`.",
    secret: true,
  }),

  METRICS_ENABLED: flag(true, { about: "Whether figures are kept and served." }),
  METRICS_PORT: integer(
    9090,
    { min: 0, max: 65_535 },
    { about: "Port that serves `/metrics` to whoever reaches it; 0 for any free one." },
  ),
  METRICS_HOST: text("127.0.0.1", { about: "Address that `METRICS_PORT` is opened on." }),
  METRICS_TOKEN: optionalText({
    about: "Bearer token with which a scraper may read `/metrics` on the main port.",
    secret: true,
  }),
  SERVER_NAME: optionalText({
    about:
      "What this server is called in figures and alerts. Without it, its host name and port. No two servers may have the same.",
  }),
  ALERT_INTERVAL: integer(
    15,
    { min: 1, max: 300 },
    { about: "Seconds between two looks at the rules of alerts." },
  ),
  ALERT_WEBHOOKS: urlList(webSchemes, { about: "Where alerts are posted to.", secret: true }),
  ALERT_WEBHOOK_FORMAT: oneOf(["json", "slack", "teams"], "json", {
    about: "What is posted there.",
  }),
  ALERT_WEBHOOK_SECRET: optionalText({
    about: "Signs what is posted: `X-Peregrine-Signature` is `t=<seconds>,v1=<HMAC-SHA256>`.",
    secret: true,
  }),
  ALERT_EMAIL_TO: optionalText({ about: "Addresses that alerts are mailed to, with commas." }),
  ALERT_EMAIL_FROM: text("peregrine@localhost", { about: "Sender of these mails." }),
  SMTP_URL: optionalUrl(["smtp", "smtps"], { about: "Mail server for alerts.", secret: true }),
  ALERTMANAGER_URL: optionalUrl(webSchemes, {
    about: "Prometheus Alertmanager that gets every alert.",
  }),
  ALERT_HEARTBEAT_URL: optionalUrl(webSchemes, {
    about:
      "Posted to once a minute while alerts are looked after; have it tell you when it is not.",
    secret: true,
  }),
  ALERT_PRIVATE_RECEIVERS: flag(false, {
    about: "Whether alerts may be sent to private addresses, such as an Alertmanager beside.",
  }),
  ...tracingSettings,
  MEMORY_THRESHOLD: fraction(0.8, {
    about:
      "Share of memory in use above which caches shrink; nearly full, new answers are refused.",
  }),
  CPU_THRESHOLD: fraction(0.7, {
    about:
      "Share of CPU in use above which background work waits; nearly full, low priority is refused.",
  }),
  AUTO_OPTIMIZATION: flag(true, { about: "Whether the database is optimised at quiet hours." }),
} satisfies Record<string, Setting<unknown>>;

export type Config = ConfigOf<typeof settings>;

/** What is of use with another setting only. */
const dependencies: readonly (readonly [keyof Config, keyof Config])[] = [
  ["S3_ENDPOINT", "S3_BUCKET"],
  ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"],
  ["S3_DIRECT_UPLOADS", "S3_BUCKET"],
  ["CDN_SIGNING_KEY", "CDN_URL"],
  ["CDN_ASSETS", "CDN_URL"],
  ["CLOUDFRONT_KEY_PAIR_ID", "CLOUDFRONT_PRIVATE_KEY"],
  ["CLOUDFRONT_PRIVATE_KEY", "CLOUDFRONT_KEY_PAIR_ID"],
  ["CLOUDFRONT_KEY_PAIR_ID", "CDN_URL"],
  ["CLOUDFRONT_KEY_PAIR_ID", "S3_BUCKET"],
  ["FASTLY_SERVICE_ID", "FASTLY_API_TOKEN"],
  ["CLOUDFLARE_ZONE_ID", "CLOUDFLARE_API_TOKEN"],
];

/**
 * Reads every setting at once.
 *
 * @throws ConfigError naming each wrong variable, its value (unless it is a secret) and what is accepted.
 */
export function readConfig(environment: Record<string, string | undefined>): Config {
  return readSettings(environment, settings, (config) => {
    const problems = dependencies.flatMap(([name, needed]) =>
      config[name] && !config[needed] ? [`${needed}: must be set where ${name} is`] : [],
    );
    if ((config.ALERT_EMAIL_TO === undefined) !== (config.SMTP_URL === undefined)) {
      problems.push("ALERT_EMAIL_TO and SMTP_URL: set both, or neither");
    }
    return problems;
  });
}

/** The settings of this process. The one place that reads the environment. */
export function processConfig(): Config {
  return readConfig(process.env);
}

/**
 * Whether this process may run more than the 256 fetches at once that are Bun's default, and so more
 * answers. Bun reads the variable before any of our code runs, so it cannot be set from here.
 */
export function isFetchLimitRaised(): boolean {
  return process.env.BUN_CONFIG_MAX_HTTP_REQUESTS !== undefined;
}
