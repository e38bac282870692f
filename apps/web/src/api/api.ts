import type {
  ApiKeyListBody,
  AskBody,
  Conversation,
  ConversationBody,
  ConversationListBody,
  CreateConversationBody,
  CreatedApiKeyBody,
  FileBody,
  FileInfo,
  LoginBody,
  MessageListBody,
  PatchConversationBody,
  RegisterBody,
  SearchBody,
  ServerInfoBody,
  User,
  UserBody,
} from "@peregrine/protocol";
import type { PartServer } from "../files/upload-in-parts.ts";
import { ApiError } from "./api-error.ts";
import { type SendBody, sendBody } from "./send-body.ts";

const BASE = "/api/v1";
const CONVERSATIONS_PER_PAGE = 50;
const MESSAGES_PER_PAGE = 50;
/** Two parts. Below, one request costs less than four. */
const IN_PARTS_ABOVE_BYTES = 16 * 1024 * 1024;

/** Before a cursor, after one, or around a message. */
export type MessagePlace =
  | { cursor: string }
  | { after: string }
  | { around: string }
  | Record<string, never>;

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/**
 * The server's HTTP API, one method a route. Everything that is not a success is thrown as an
 * {@link ApiError}; a lost session is told to `onUnauthenticated` as well, whichever request met
 * it, so that the page can ask to sign in.
 */
export class Api {
  readonly #fetch: Fetch;
  readonly #sendBody: SendBody;
  readonly #onUnauthenticated: () => void;

  constructor(options: { fetch: Fetch; sendBody?: SendBody; onUnauthenticated: () => void }) {
    this.#fetch = options.fetch;
    this.#sendBody = options.sendBody ?? sendBody;
    this.#onUnauthenticated = options.onUnauthenticated;
  }

  info(): Promise<ServerInfoBody> {
    return this.#json("GET", "/info");
  }

  /** @returns the signed-in user, or null. */
  async me(): Promise<User | null> {
    try {
      return (await this.#json<UserBody>("GET", "/me")).user;
    } catch (error) {
      if (error instanceof ApiError && error.code === "unauthenticated") return null;
      throw error;
    }
  }

  async register(body: RegisterBody): Promise<User> {
    return (await this.#json<UserBody>("POST", "/auth/register", body)).user;
  }

  async login(body: LoginBody): Promise<User> {
    return (await this.#json<UserBody>("POST", "/auth/login", body)).user;
  }

  async logout(): Promise<void> {
    await this.#send("POST", "/auth/logout");
  }

  conversations(cursor?: string): Promise<ConversationListBody> {
    return this.#json("GET", `/conversations?${page(CONVERSATIONS_PER_PAGE, cursor)}`);
  }

  /** @param signal aborts a search that has been typed over */
  search(query: string, cursor: string | null, signal: AbortSignal): Promise<SearchBody> {
    const parameters = new URLSearchParams({ q: query, ...(cursor === null ? {} : { cursor }) });
    return this.#json("GET", `/search?${parameters}`, undefined, signal);
  }

  async createConversation(body: CreateConversationBody): Promise<Conversation> {
    return (await this.#json<ConversationBody>("POST", "/conversations", body)).conversation;
  }

  async conversation(id: string): Promise<Conversation> {
    return (await this.#json<ConversationBody>("GET", `/conversations/${id}`)).conversation;
  }

  async patchConversation(id: string, body: PatchConversationBody): Promise<Conversation> {
    return (await this.#json<ConversationBody>("PATCH", `/conversations/${id}`, body)).conversation;
  }

  async deleteConversation(id: string): Promise<void> {
    await this.#send("DELETE", `/conversations/${id}`);
  }

  /** The newest messages, or those at a place. */
  messages(conversationId: string, place: MessagePlace = {}): Promise<MessageListBody> {
    const query = new URLSearchParams({ limit: String(MESSAGES_PER_PAGE), ...place });
    return this.#json("GET", `/conversations/${conversationId}/messages?${query}`);
  }

  /** Asks. @returns the response whose body is the answer's event stream. */
  ask(conversationId: string, body: AskBody, signal: AbortSignal): Promise<Response> {
    return this.#stream("POST", `/conversations/${conversationId}/messages`, { signal, body });
  }

  /** Writes the answer anew. @returns the response whose body is the new answer's event stream. */
  regenerate(messageId: string, signal: AbortSignal): Promise<Response> {
    return this.#stream("POST", `/messages/${messageId}/regenerate`, { signal });
  }

  /** Attaches to an answer behind `lastEventId`, or from its start. */
  attach(messageId: string, lastEventId: number | undefined, signal: AbortSignal) {
    return this.#stream("GET", `/messages/${messageId}/stream`, {
      signal,
      ...(lastEventId === undefined ? {} : { lastEventId }),
    });
  }

  async stop(messageId: string): Promise<void> {
    await this.#send("POST", `/messages/${messageId}/stop`);
  }

  /**
   * Uploads a file, a large one in parts. `onProgress` is told how much of it is on its way, from 0
   * to 1.
   */
  async uploadFile(
    file: File,
    onProgress: (fraction: number) => void,
    signal: AbortSignal,
  ): Promise<FileInfo> {
    // Parts are hashed, which browsers do for pages that came over TLS or from this machine alone.
    if (file.size > IN_PARTS_ABOVE_BYTES && crypto.subtle) {
      const { uploadInParts } = await import("../files/upload-in-parts.ts");
      return uploadInParts(this.#partServer(), file, { onProgress, signal });
    }
    const body = new FormData();
    body.append("file", file);
    const request = { method: "POST", url: `${BASE}/files`, body } as const;
    const response = await this.#sendBody(request, onProgress, signal);
    if (!response.ok) throw await this.#refusal(response);
    return (await readJson<FileBody>(response)).file;
  }

  #partServer(): PartServer {
    return {
      request: (method, path, body, signal) => this.#json(method, path, body, signal),
      remove: (path) => this.act("DELETE", path),
      send: async (part, onProgress, signal) => {
        const url = part.url.startsWith("/") ? BASE + part.url : part.url;
        const response = await this.#sendBody({ ...part, url }, onProgress, signal);
        if (response.ok) return;
        if (part.url.startsWith("/")) throw await this.#refusal(response);
        // A store that speaks another language than we do.
        throw new ApiError("files_unavailable", "The file store refused a part. Try again.", {
          status: 503,
        });
      },
    };
  }

  /** Lets everybody have a file, or its owner alone. */
  async showFile(id: string, visibility: FileInfo["visibility"]): Promise<FileInfo> {
    return (await this.#json<FileBody>("PATCH", `/files/${id}`, { visibility })).file;
  }

  async file(id: string): Promise<FileInfo> {
    return (await this.#json<FileBody>("GET", `/files/${id}`)).file;
  }

  async deleteFile(id: string): Promise<void> {
    await this.#send("DELETE", `/files/${id}`);
  }

  async apiKeys(): Promise<ApiKeyListBody["apiKeys"]> {
    return (await this.#json<ApiKeyListBody>("GET", "/api-keys")).apiKeys;
  }

  createApiKey(name: string): Promise<CreatedApiKeyBody> {
    return this.#json("POST", "/api-keys", { name });
  }

  async deleteApiKey(id: string): Promise<void> {
    await this.#send("DELETE", `/api-keys/${id}`);
  }

  /** Reads from a part of the API that only some pages need, and so have their own types for. */
  get<Body>(path: string): Promise<Body> {
    return this.#json("GET", path);
  }

  /** Asks such a part for what it makes of a body. */
  post<Body>(path: string, body: object): Promise<Body> {
    return this.#json("POST", path, body);
  }

  /** Does something in such a part. */
  async act(method: "POST" | "PUT" | "DELETE", path: string, body?: object): Promise<void> {
    await this.#send(method, path, body);
  }

  async #json<Body>(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Body> {
    return readJson(await this.#send(method, path, body, signal));
  }

  #send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const headers = { accept: "application/json" };
    return this.#request(path, { method, headers, ...(signal ? { signal } : {}) }, body);
  }

  #stream(
    method: string,
    path: string,
    options: { signal: AbortSignal; body?: unknown; lastEventId?: number },
  ): Promise<Response> {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (options.lastEventId !== undefined) headers["last-event-id"] = String(options.lastEventId);
    return this.#request(path, { method, headers, signal: options.signal }, options.body);
  }

  async #request(path: string, init: RequestInit, body: unknown): Promise<Response> {
    const headers = new Headers(init.headers);
    if (body !== undefined) headers.set("content-type", "application/json");
    let response: Response;
    try {
      response = await this.#fetch(BASE + path, {
        ...init,
        headers,
        credentials: "same-origin",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw ApiError.network(cause);
    }
    if (response.ok) return response;
    throw await this.#refusal(response);
  }

  async #refusal(response: Response): Promise<ApiError> {
    const error = await ApiError.from(response);
    if (error.code === "unauthenticated") this.#onUnauthenticated();
    return error;
  }
}

async function readJson<Body>(response: Response): Promise<Body> {
  try {
    return (await response.json()) as Body;
  } catch (cause) {
    throw new ApiError("bad_response", "The server's answer could not be read.", {
      status: response.status,
      cause,
    });
  }
}

function page(limit: number, cursor: string | undefined): string {
  const query = new URLSearchParams({ limit: String(limit) });
  if (cursor !== undefined) query.set("cursor", cursor);
  return query.toString();
}
