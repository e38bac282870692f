import { ConfigError } from "@peregrine/settings";

/** What the command line asks for. */
export type Command =
  | { readonly run: "door"; readonly servers: string | undefined }
  | { readonly run: "fleet"; readonly count: number }
  | { readonly run: "print"; readonly format: "haproxy"; readonly servers: string | undefined };

const usage = `Usage: edge [--servers <list or number>] [--print haproxy]
  --servers http://a:3000,http://b:3000   spread requests over these; otherwise EDGE_SERVERS
  --servers 4                             start so many servers here, and spread requests over them
  --print haproxy                         write HAProxy's configuration for the same settings`;

const maxServers = 256;

/** @throws ConfigError naming what is not understood */
export function readArguments(args: readonly string[]): Command {
  let servers: string | undefined;
  let format: string | undefined;
  for (let at = 0; at < args.length; at += 2) {
    const [name, value] = [args[at], args[at + 1]];
    if (value === undefined || value.startsWith("--")) {
      throw new ConfigError(`${name}: expected a value after it\n${usage}`);
    }
    if (name === "--servers") servers = value;
    else if (name === "--print") format = value;
    else throw new ConfigError(`${name}: not known\n${usage}`);
  }
  if (format !== undefined && format !== "haproxy") {
    throw new ConfigError(`--print: ${JSON.stringify(format)} is not accepted; expected haproxy`);
  }
  const count = servers !== undefined && /^\d+$/.test(servers) ? Number(servers) : undefined;
  if (count !== undefined && (count < 1 || count > maxServers)) {
    throw new ConfigError(`--servers: expected 1 to ${maxServers} servers, not ${count}`);
  }
  if (format !== undefined) {
    if (count !== undefined) {
      throw new ConfigError("--print: the servers must be addresses, since none is started");
    }
    return { run: "print", format: "haproxy", servers };
  }
  return count === undefined ? { run: "door", servers } : { run: "fleet", count };
}
