import { isIPv4 } from "node:net";
import type { Config } from "../config.ts";
import type { ServerEntry } from "../servers/server-entries.ts";

/**
 * HAProxy's configuration for the settings of this door, for those who run HAProxy already. What
 * HAProxy has no word for is said in a comment where it is left out.
 */
export function haproxyConfig(config: Config, entries: readonly ServerEntry[]): string {
  return `# Made by \`npm run peregrine -- edge --print haproxy\` from the same settings as the front door.
defaults
    mode http
    option http-keep-alive
    option redispatch
    http-reuse safe
    timeout connect ${config.EDGE_CONNECT_TIMEOUT}s
    timeout http-request ${config.EDGE_HEADER_TIMEOUT}s
    timeout http-keep-alive ${config.EDGE_KEEP_ALIVE_TIMEOUT}s
    timeout client ${config.EDGE_IDLE_TIMEOUT}s
    # One limit for the first byte and for pauses: the longer of the two.
    timeout server ${Math.max(config.EDGE_FIRST_BYTE_TIMEOUT, config.EDGE_ANSWER_IDLE_TIMEOUT)}s
    timeout tunnel ${config.EDGE_SOCKET_IDLE_TIMEOUT}s
    timeout queue 10s
${resolvers(entries)}
frontend peregrine
    bind ${config.HOST}:${config.PORT}${tls(config)}
    maxconn ${config.EDGE_MAX_CONNECTIONS}
${connectionLimit(config)}${trust(config)}
    http-request set-header X-Request-ID %[uuid] unless { req.hdr(X-Request-ID) -m found }
    http-request deny deny_status 405 if { method CONNECT TRACE }
    default_backend servers

backend servers
    ${algorithm(config)}
    option httpchk
    http-check send meth GET uri /ready ver HTTP/1.1 hdr Host peregrine
    http-check expect rstring "\\"status\\" *: *\\"ready\\""
    # Tried again elsewhere: what was never sent, and what may be repeated.
    retries 2
    retry-on conn-failure empty-response 502 503 504
    http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE }
${config.EDGE_HEDGE_AFTER_MS > 0 ? "    # EDGE_HEDGE_AFTER_MS has no counterpart: each request is on one server at a time.\n" : ""}    default-server check inter ${config.HEALTH_CHECK_INTERVAL}s downinter 5s fastinter 1s fall 3 rise 2 slowstart 30s observe layer4 error-limit 3 on-error mark-down
${remarks(config, entries)}${entries.map((entry, index) => server(config, entry, index, entries)).join("\n")}
`;
}

function tls(config: Config): string {
  // HAProxy looks for the key beside the certificate, under its name with .key.
  return config.EDGE_TLS_CERT === undefined ? "" : ` ssl crt ${config.EDGE_TLS_CERT}`;
}

function trust(config: Config): string {
  const scheme = config.EDGE_TLS_CERT === undefined ? "http" : "https";
  const names = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"];
  const trusted = config.TRUSTED_PROXIES.join(" ");
  const unless = trusted === "" ? "" : ` unless { src ${trusted} }`;
  const found = (name: string) => `unless { req.hdr(${name}) -m found }`;
  return [
    "    # What a client claims about itself is replaced; a trusted proxy is believed.",
    ...[...names, "X-Real-IP"].map((name) => `    http-request del-header ${name}${unless}`),
    "    option forwardfor",
    `    http-request set-header X-Forwarded-Proto ${scheme} ${found("X-Forwarded-Proto")}`,
    `    http-request set-header X-Forwarded-Host %[req.hdr(Host)] ${found("X-Forwarded-Host")}`,
  ].join("\n");
}

function connectionLimit(config: Config): string {
  const limit = config.EDGE_MAX_CONNECTIONS_PER_ADDRESS;
  if (limit === 0) return "";
  const trusted = config.TRUSTED_PROXIES.join(" ");
  const except = trusted === "" ? "" : ` !{ src ${trusted} }`;
  return `    stick-table type ipv6 size 100k expire 1m store conn_cur
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_conn_cur gt ${limit} }${except}
`;
}

function algorithm({ LOAD_BALANCER_ALGORITHM: name }: Config): string {
  switch (name) {
    case "round_robin":
      return "balance roundrobin";
    case "least_connections":
      return "balance leastconn";
    case "affinity":
      return "balance source\n    hash-type consistent\n    hash-balance-factor 125";
    default:
      return `# ${name} has no counterpart; the nearest to it:\n    balance leastconn`;
  }
}

const mostAddresses = 32;

function resolvers(entries: readonly ServerEntry[]): string {
  if (!entries.some((entry) => entry.isName)) return "";
  return "\nresolvers system\n    parse-resolv-conf\n    hold valid 10s\n";
}

function server(
  config: Config,
  { spec, isName }: ServerEntry,
  index: number,
  entries: readonly ServerEntry[],
): string {
  const { hostname, port, protocol } = new URL(spec.url);
  const isSecure = protocol === "https:";
  const address = `${hostname}:${port || (isSecure ? 443 : 80)}`;
  const limit = spec.maxInFlight ?? config.EDGE_MAX_IN_FLIGHT;
  const isForeign =
    config.EDGE_ZONE !== undefined && spec.zone !== undefined && spec.zone !== config.EDGE_ZONE;
  const parts = [
    isName ? `server-template s${index + 1}- ${mostAddresses}` : `server s${index + 1}`,
    address,
    `weight ${weight(spec.weight ?? 1, entries)}`,
    // Zones with spill-over are the nearest to backups.
    ...(spec.backup || isForeign ? ["backup"] : []),
    ...(limit > 0 ? [`maxconn ${limit}`] : []),
    ...(isSecure ? [tlsTo(config, hostname)] : []),
    ...(isName ? ["resolvers system init-addr none"] : []),
  ];
  return `    ${parts.join(" ")}`;
}

/** As the door does: nothing of a request is sent before the certificate is checked. */
function tlsTo(config: Config, hostname: string): string {
  const authorities = config.NODE_EXTRA_CA_CERTS ?? "@system-ca";
  const verified = `ssl verify required ca-file ${authorities}`;
  if (isAddress(hostname)) return verified;
  return `${verified} sni str(${hostname}) check-sni ${hostname} verifyhost ${hostname}`;
}

function isAddress(hostname: string): boolean {
  return isIPv4(hostname) || hostname.startsWith("[");
}

/** What of the door's own checks of certificates HAProxy does not do. */
function remarks(config: Config, entries: readonly ServerEntry[]): string {
  const secure = entries
    .map(({ spec }) => new URL(spec.url))
    .filter(({ protocol }) => protocol === "https:");
  let text = "";
  if (secure.some(({ hostname }) => isAddress(hostname))) {
    text +=
      "    # HAProxy compares names alone: of a server that is listed by its address it believes any\n    # certificate of these authorities. List it by the name that its certificate is for.\n";
  }
  if (secure.length > 0 && config.NODE_EXTRA_CA_CERTS !== undefined) {
    text +=
      "    # HAProxy takes one file of authorities: those built in are believed by the door alone.\n";
  }
  return text;
}

/** HAProxy's weights are whole numbers up to 256: the largest of ours becomes 100. */
function weight(own: number, entries: readonly ServerEntry[]): number {
  const largest = Math.max(...entries.map(({ spec }) => spec.weight ?? 1));
  return Math.max(1, Math.round((own / largest) * 100));
}
