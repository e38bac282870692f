import { modelServerAddress } from "./base-url.ts";
import type { Model, ModelEvent, ModelRequest } from "./model.ts";
import { ModelError } from "./model-error.ts";
import { ModelList } from "./model-list.ts";
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
  /** Closes idle connections. Streams that still run are their callers' to abort. */
  close(): void;
};

type ModelInfo = { id: string };

export type ServerFailure = {
  /** Host and port of the server. */
  server: string;
  error: ModelError;
  /** Whether another server was asked instead. */
  failedOver: boolean;
};

type Options = {
  /** Base URLs; see `modelServerAddress`. At least one. */
  urls: readonly string[];
  apiKey?: string | undefined;
  /** The default model; without it, the first that the servers list. */
  model?: string | undefined;
  limits?: Partial<ModelLimits>;
  onFailure?: (failure: ServerFailure) => void;
};

const defaultLimits: ModelLimits = {
  firstTokenMs: 60_000,
  nextTokenMs: 30_000,
  wholeMs: 30 * 60_000,
  maxAnswerLength: 400_000,
};

/** What is asked for where no setting and no server names a model: servers with a single one take any name. */
const nameOfUnknownModel = "default";

/**
 * The servers of `MODEL_SERVERS`. A conversation stays with the server that its id falls on, others
 * take turns. A server that fails before the first token is followed by the next one in the list, in
 * one round; what fails after it is the answer's failure, since a second server would write another
 * answer.
 */
export function openModelServers(options: Options): ModelServers {
  const { urls, apiKey, onFailure } = options;
  const session = new Bun.FetchSession();
  const limits = { ...defaultLimits, ...options.limits };
  const addresses = urls.map((url) => modelServerAddress(url, apiKey));
  const servers = addresses.map((address) => ({
    host: address.host,
    model: new OpenAiModel(address, apiKey, limits, session),
  }));
  const list = new ModelList(addresses, session);
  let turn = 0;

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const first = request.conversationId ? Bun.hash.xxHash32(request.conversationId) : turn++;
    for (let tried = 1; ; tried++) {
      const server = servers[(first + tried - 1) % servers.length] as (typeof servers)[number];
      let hasBegun = false;
      try {
        for await (const event of server.model.stream(request, signal)) {
          hasBegun = true;
          yield event;
        }
        return;
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        const failedOver = !hasBegun && error.isServerAtFault && tried < servers.length;
        onFailure?.({ server: server.host, error, failedOver });
        if (!failedOver) throw error;
      }
    }
  }

  return {
    stream,
    async list() {
      const ids = await list.ids();
      const preferred = options.model ?? ids[0] ?? nameOfUnknownModel;
      return [...new Set([preferred, ...ids])].map((id) => ({ id }));
    },
    async defaultModel() {
      return options.model ?? (await list.ids())[0] ?? nameOfUnknownModel;
    },
    close() {
      list.close();
      session.close();
    },
  };
}
