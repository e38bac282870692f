import type { ModelServerAddress } from "./base-url.ts";

const maxBytes = 4 * 1024 * 1024;
const maxModels = 1000;
const maxIdLength = 200;

/** A server to ask, or one that was set up with the names of its models, which is not asked. */
type ListedServer = Pick<ModelServerAddress, "modelsUrl" | "authorization"> & {
  models?: readonly string[] | undefined;
};

type Options = { timeoutMs: number; keepMs: number; retryMs: number };

/**
 * The models that servers list at `GET /models`, asked at most every `keepMs`, or every `retryMs`
 * where that failed. A server that fails leaves its last list standing; nothing here throws, since a
 * picker without a choice is better than a page without a picker. Whoever asks while a list is old
 * gets the old one at once, and the new one the next time.
 */
export class ModelList {
  readonly #servers: readonly ListedServer[];
  readonly #fetch: typeof Bun.FetchSession.prototype.fetch;
  readonly #options: Options;
  readonly #known: (readonly string[])[];
  readonly #abort = new AbortController();
  #loading: Promise<void> | undefined;
  #freshUntilMs = Number.NEGATIVE_INFINITY;
  #wasLoaded = false;

  constructor(
    servers: readonly ListedServer[],
    session: Bun.FetchSession,
    options: Options = { timeoutMs: 3000, keepMs: 5 * 60_000, retryMs: 15_000 },
  ) {
    this.#servers = servers;
    this.#fetch = session.fetch;
    this.#options = options;
    this.#known = servers.map(() => []);
  }

  /** Ids of all models, in the order of the servers and of their lists. */
  async ids(): Promise<string[]> {
    if (performance.now() >= this.#freshUntilMs) {
      this.#loading ??= this.#load().finally(() => {
        this.#loading = undefined;
      });
      if (!this.#wasLoaded) await this.#loading;
    }
    return [...new Set(this.#known.flat())];
  }

  close(): void {
    this.#abort.abort();
  }

  async #load(): Promise<void> {
    const lists = await Promise.all(this.#servers.map((server) => this.#ask(server)));
    let failed = false;
    for (const [i, list] of lists.entries()) {
      if (list) this.#known[i] = list;
      else failed = true;
    }
    const { keepMs, retryMs } = this.#options;
    this.#freshUntilMs = performance.now() + (failed ? retryMs : keepMs);
    // Until some server has answered there is no old list to give out; everyone waits for one.
    this.#wasLoaded = this.#known.some((list) => list.length > 0) || !failed;
  }

  /** @returns undefined where the server has no list that can be read */
  async #ask(server: ListedServer): Promise<readonly string[] | undefined> {
    if (server.models) return server.models;
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    try {
      const response = await this.#fetch(server.modelsUrl, {
        headers: server.authorization ? { authorization: server.authorization } : {},
        redirect: "manual",
        signal: AbortSignal.any([timeout, this.#abort.signal]),
      });
      const body = await readWhole(response, maxBytes);
      return response.ok ? readModelIds(JSON.parse(body)) : undefined;
    } catch {
      return undefined;
    }
  }
}

/** `{data: [{id}]}` (OpenAI), `[{id}]` (Together), `{models: [{name}]}` (Ollama's own). */
function readModelIds(json: unknown): string[] | undefined {
  const body = json as { data?: unknown; models?: unknown } | null;
  const list = Array.isArray(json) ? json : (body?.data ?? body?.models);
  if (!Array.isArray(list)) return undefined;
  const ids: string[] = [];
  for (const entry of list as ({ id?: unknown; name?: unknown } | null)[]) {
    const id = entry?.id ?? entry?.name;
    if (typeof id !== "string" || id === "" || id.length > maxIdLength) continue;
    if (!id.isWellFormed() || /\p{Cc}/u.test(id)) continue;
    ids.push(id);
    if (ids.length === maxModels) break;
  }
  return ids;
}

/** @throws RangeError above `maxBytes` */
async function readWhole(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new RangeError(`a list of models above ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
