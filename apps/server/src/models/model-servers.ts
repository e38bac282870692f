import type { Pool } from "@peregrine/balancer";
import { BalancedModel, type Balancing, type ServerFailure } from "./balanced-model.ts";
import { modelServerAddress } from "./base-url.ts";
import type { Model } from "./model.ts";
import { ModelList } from "./model-list.ts";
import type { ModelServerEntry } from "./model-server-list.ts";
import { type ModelLimits, OpenAiModel } from "./openai-model.ts";

/**
 * All that the rest of the application knows of where models run: one model that answers, whichever
 * server does so behind it, and the names that can be asked for.
 */
export type ModelServers = Model & {
  /** Models to choose from, the default first. Never fails: at worst it is the default alone. */
  list(): Promise<ModelInfo[]>;
  /** What a conversation that chose no model is answered by. Never fails. */
  defaultModel(): Promise<string>;
  /** Questions that wait for a server with room. */
  readonly queued: number;
  /** The servers behind; undefined where there are none to choose from. */
  readonly pool: Pick<Pool, "snapshot" | "drain" | "undrain"> | undefined;
  /** Closes idle connections. Streams that still run are their callers' to abort. */
  close(): void;
};

type ModelInfo = { id: string };

type Options = {
  /** At least one. */
  servers: readonly ModelServerEntry[];
  /** Of which an entry names its own by its place; the first where it does not. */
  apiKeys?: readonly string[];
  /** The default model; without it, the first that the servers list. */
  model?: string | undefined;
  limits?: Partial<ModelLimits>;
  balancing?: Balancing;
  onFailure?: (failure: ServerFailure) => void;
};

const defaultLimits: ModelLimits = {
  doubtMs: 2000,
  firstTokenMs: 60_000,
  nextTokenMs: 30_000,
  wholeMs: 30 * 60_000,
  maxAnswerLength: 400_000,
};

/** What is asked for where no setting and no server names a model: servers with a single one take any name. */
const nameOfUnknownModel = "default";

/** The servers of `MODEL_SERVERS`, with one set of connections. */
export function openModelServers(options: Options): ModelServers {
  const { apiKeys = [], onFailure } = options;
  const session = new Bun.FetchSession();
  const limits = { ...defaultLimits, ...options.limits };
  const servers = options.servers.map((entry) => {
    const { key = 1 } = entry;
    const apiKey = key === "none" ? undefined : apiKeys[key - 1];
    const address = modelServerAddress(entry.baseUrl, apiKey);
    const model = new OpenAiModel(address, apiKey, limits, session);
    return { ...entry, ...address, model, models: entry.server.models };
  });
  const { firstTokenMs } = limits;
  const balanced = new BalancedModel(servers, { ...options.balancing, firstTokenMs, onFailure });
  const list = new ModelList(servers, session);

  return {
    stream: (request, signal) => balanced.stream(request, signal),
    get queued() {
      return balanced.queued;
    },
    pool: balanced.pool,
    async list() {
      const ids = await list.ids();
      const preferred = options.model ?? ids[0] ?? nameOfUnknownModel;
      return [...new Set([preferred, ...ids])].map((id) => ({ id }));
    },
    async defaultModel() {
      return options.model ?? (await list.ids())[0] ?? nameOfUnknownModel;
    },
    close() {
      balanced.close();
      list.close();
      session.close();
    },
  };
}
