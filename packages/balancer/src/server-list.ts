import { BalancerError } from "./errors.ts";
import { type NumberRange, numberProblem, show } from "./numbers.ts";

/** A server as an administrator writes it down. Only the address is needed. */
export interface ServerSpec {
  /** What logs, metrics and affinity know it by; the address when left out. */
  readonly id?: string | undefined;
  readonly url: string;
  /** Its share of the traffic beside the others'; 1 when left out. */
  readonly weight?: number | undefined;
  /** Where it stands; a pool prefers servers of its own zone. */
  readonly zone?: string | undefined;
  /** Takes traffic only while no other server can. */
  readonly backup?: boolean | undefined;
  /** Requests in flight at most; the pool's limit when left out. */
  readonly maxInFlight?: number | undefined;
  /** The models that it offers; every model when left out. */
  readonly models?: readonly string[] | undefined;
}

/** A server of which everything was checked and filled in. */
export interface ServerSettings {
  readonly id: string;
  readonly url: string;
  readonly weight: number;
  readonly zone: string | undefined;
  readonly backup: boolean;
  readonly maxInFlight: number | undefined;
  readonly models: readonly string[] | undefined;
}

const fields = ["id", "url", "weight", "zone", "backup", "maxInFlight", "models"];
const weightRange: NumberRange = { min: 0.001, max: 1000 };
const maxInFlightRange: NumberRange = { min: 1, max: 1_000_000, integer: true };

/**
 * Checks a whole list and says everything that is wrong with it at once, so that it is mended in
 * one go. `ownUrls` are the addresses of the process that asks: a server list with one of them
 * would make requests run in a circle.
 *
 * @param sharesAddress whether one address may be listed again under another id
 */
export function checkServers(
  list: unknown,
  ownUrls: readonly string[] = [],
  sharesAddress = false,
): ServerSettings[] {
  if (!Array.isArray(list) || list.length === 0) {
    throw new BalancerError(
      "invalid_servers",
      `The server list must name at least one server, such as [{ "url": "http://10.0.0.1:3000" }], not ${show(list)}`,
    );
  }
  const problems: string[] = [];
  const own = new Set(ownUrls.map(canonicalUrl));
  const placeOfId = new Map<string, number>();
  const placeOfUrl = new Map<string, number>();
  const servers: ServerSettings[] = [];
  for (const [index, entry] of list.entries()) {
    const place = index + 1;
    const say = (problem: string) => problems.push(`server ${place}: ${problem}`);
    const server = checkServer(entry, say);
    if (server === undefined) continue;
    const sameAddress = sharesAddress ? undefined : placeOfUrl.get(server.url);
    const twin = sameAddress ?? placeOfId.get(server.id);
    if (twin !== undefined) {
      say(`${show(server.url)} with the id ${show(server.id)} is already listed as server ${twin}`);
    }
    if (own.has(server.url)) {
      say(`${show(server.url)} is this process itself, and requests would run in a circle`);
    }
    placeOfUrl.set(server.url, place);
    placeOfId.set(server.id, place);
    servers.push(server);
  }
  if (problems.length > 0) throw new BalancerError("invalid_servers", problems.join("; "));
  return servers;
}

/**
 * Reads the one-line form that settings and the command line use: addresses separated by commas,
 * each followed by what sets it apart, as in
 * `http://a:3000;weight=2;zone=east,http://b:3000;backup`. Models are separated by `|`.
 */
export function parseServerList(
  text: string,
  ownUrls: readonly string[] = [],
  sharesAddress = false,
): ServerSettings[] {
  return checkServers(text.split(",").map(parseEntry), ownUrls, sharesAddress);
}

function parseEntry(entry: string, index: number): Record<string, unknown> {
  const [url = "", ...settings] = entry.split(";").map((part) => part.trim());
  const spec: Record<string, unknown> = { url };
  for (const setting of settings) {
    const equals = setting.indexOf("=");
    const name = equals < 0 ? setting : setting.slice(0, equals).trim();
    if (Object.hasOwn(spec, name)) {
      throw new BalancerError("invalid_servers", `server ${index + 1}: ${name} is given twice`);
    }
    spec[name] = readSetting(name, equals < 0 ? undefined : setting.slice(equals + 1).trim());
  }
  return spec;
}

function readSetting(name: string, value: string | undefined): unknown {
  switch (name) {
    case "weight":
    case "maxInFlight":
      return value && Number.isFinite(Number(value)) ? Number(value) : value;
    case "models":
      return value?.split("|").map((model) => model.trim());
    case "backup":
      return value === undefined || value === "true" ? true : value === "false" ? false : value;
    default:
      return value ?? null;
  }
}

function checkServer(entry: unknown, say: (problem: string) => void): ServerSettings | undefined {
  if (typeof entry !== "object" || entry === null) {
    say(`must be an object with a url, not ${show(entry)}`);
    return undefined;
  }
  const spec = entry as Record<string, unknown>;
  for (const name of Object.keys(spec)) {
    if (!fields.includes(name)) say(`unknown field ${show(name)}${suggestion(name)}`);
  }
  const { url, id, weight, zone, backup, maxInFlight, models } = spec;
  const urlProblem = findUrlProblem(url);
  if (urlProblem !== undefined) {
    say(urlProblem);
    return undefined;
  }
  if (id !== undefined && !isName(id)) say(`id must be text, not ${show(id)}`);
  if (zone !== undefined && !isName(zone)) say(`zone must be text, not ${show(zone)}`);
  if (backup !== undefined && typeof backup !== "boolean") {
    say(`backup must be true or false, not ${show(backup)}`);
  }
  const weightProblem = weight === undefined ? undefined : numberProblem(weight, weightRange);
  if (weightProblem !== undefined) {
    say(`weight ${weightProblem}${weight === 0 ? "; drain a server that shall get nothing" : ""}`);
  }
  const limitProblem =
    maxInFlight === undefined ? undefined : numberProblem(maxInFlight, maxInFlightRange);
  if (limitProblem !== undefined) say(`maxInFlight ${limitProblem}`);
  if (models !== undefined && !isListOfNames(models)) {
    say(`models must be a list of names, not ${show(models)}`);
  }
  const address = canonicalUrl(url as string);
  return {
    id: (id as string | undefined) ?? address,
    url: address,
    weight: (weight as number | undefined) ?? 1,
    zone: zone as string | undefined,
    backup: (backup as boolean | undefined) ?? false,
    maxInFlight: maxInFlight as number | undefined,
    models: models as readonly string[] | undefined,
  };
}

/** The parser of URLs forgives `http:/a` and turns `http://a b` away with no reason, so we look first. */
function findUrlProblem(url: unknown): string | undefined {
  const example = 'such as "http://10.0.0.1:3000"';
  if (typeof url !== "string" || url === "") {
    return `url must be an address ${example}, not ${show(url)}`;
  }
  if (!/^https?:\/\/[^/]/i.test(url)) {
    return `${show(url)} must begin with http:// or https:// and a host, ${example}`;
  }
  const parsed = URL.parse(url);
  if (parsed === null) return `${show(url)} is not an address; write one ${example}`;
  if (parsed.username !== "" || parsed.password !== "") {
    return `the address of ${show(parsed.host)} must not hold a user name or password`;
  }
  if (parsed.search !== "" || parsed.hash !== "") {
    return `${show(url)} must not hold a ? or a #`;
  }
  if (!/^(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?)$/i.test(parsed.hostname)) {
    return `${show(url)} has the host ${show(parsed.hostname)}, which is no host name`;
  }
  return undefined;
}

function canonicalUrl(url: string): string {
  return new URL(url).href.replace(/\/+$/, "");
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= 200;
}

function isListOfNames(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isName);
}

function suggestion(name: string): string {
  const near = fields.find((field) => sameLetters(field) === sameLetters(name));
  const same = near ?? fields.find((field) => field[0] === name[0]?.toLowerCase());
  return same === undefined ? `; known are ${fields.join(", ")}` : `; did you mean "${same}"?`;
}

function sameLetters(word: string): string {
  return [...word.toLowerCase()].sort().join("");
}
