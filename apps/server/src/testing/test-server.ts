import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { QueryInfo } from "@peregrine/database";
import { createTestDatabase } from "@peregrine/database/testing";
import { startModelServer } from "@peregrine/e2e/model-server";
import { createLog } from "@peregrine/process";
import type {
  Conversation,
  ConversationBody,
  ErrorBody,
  StreamEvent,
  User,
  UserBody,
} from "@peregrine/protocol";
import { SseParser } from "@peregrine/protocol/sse";
import { readConfig } from "../config.ts";
import { startServer } from "../server.ts";

/** An event of an answer as it came over the wire. */
export type ReceivedEvent = { id: number; event: StreamEvent };

/**
 * A whole server on a free port with a database, a model server, a data directory and a web
 * application of its own.
 */
export async function startTestServer(environment: Record<string, string> = {}) {
  const database = await createTestDatabase();
  const models = startModelServer();
  const web = mkdtempSync(join(tmpdir(), "peregrine-web-"));
  await Bun.write(join(web, "index.html"), "<!doctype html><title>Peregrine</title>");
  await Bun.write(join(web, "assets/app-1234.js"), "export {};");
  const dataDirectory = mkdtempSync(join(tmpdir(), "peregrine-data-"));
  const queries: QueryInfo[] = [];
  const config = readConfig({
    PORT: "0",
    METRICS_PORT: "0",
    DATA_DIR: dataDirectory,
    DATABASE_URL: database.url,
    MODEL_SERVERS: models.url,
    LOG_LEVEL: "error",
    SHUTDOWN_TIMEOUT: "5",
    ...environment,
  });
  const start = () =>
    startServer(config, createLog(config.LOG_LEVEL, process.stdout), web, {
      onQuery: (info) => queries.push(info),
    });
  let server = await start();
  return {
    models,
    queries,
    databaseUrl: database.url,
    dataDirectory,
    /** The web application's build; read when the server starts. */
    webDirectory: web,
    get url() {
      return server.url;
    },
    get metricsUrl() {
      return server.metricsUrl ?? "";
    },
    /** Stops the server and starts another on the same database. */
    async restart() {
      await server.stop();
      server = await start();
    },
    stopServer: () => server.stop(),
    async stop() {
      await server.stop();
      models.stop();
      rmSync(web, { recursive: true });
      rmSync(dataDirectory, { recursive: true });
      await database.drop();
    },
  };
}

export type TestServer = Awaited<ReturnType<typeof startTestServer>>;

let accounts = 0;

/** Somebody who uses the API of a test server, signed in by a session cookie. */
export class TestUser {
  readonly #server: { url: string };
  readonly cookie: string;
  readonly user: User;

  private constructor(server: { url: string }, cookie: string, user: User) {
    this.#server = server;
    this.cookie = cookie;
    this.user = user;
  }

  /** Makes a new account. */
  static async register(server: { url: string }): Promise<TestUser> {
    const email = `user-${++accounts}-${Date.now()}@example.org`;
    const response = await fetch(`${server.url}/api/v1/auth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email, password: "a good password", name: "Ada" }),
    });
    if (response.status !== 201) throw new Error(`register: ${await response.text()}`);
    const cookie = response.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
    const { user } = (await response.json()) as UserBody;
    return new TestUser(server, cookie, user);
  }

  /** The same person at another server. */
  at(server: { url: string }): TestUser {
    return new TestUser(server, this.cookie, this.user);
  }

  fetch(path: string, init: RequestInit & { json?: unknown } = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("cookie")) headers.set("cookie", this.cookie);
    const { json, ...rest } = init;
    if (json === undefined) return fetch(this.#server.url + path, { ...rest, headers });
    headers.set("content-type", "application/json");
    const body = JSON.stringify(json);
    return fetch(this.#server.url + path, { method: "POST", ...rest, headers, body });
  }

  /** Expects success, and gives the body. */
  async json<T>(path: string, init: RequestInit & { json?: unknown } = {}): Promise<T> {
    const response = await this.fetch(path, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Expects an error, and gives its status and code. */
  async error(path: string, init: RequestInit & { json?: unknown } = {}) {
    const response = await this.fetch(path, init);
    const { error } = (await response.json()) as ErrorBody;
    return { status: response.status, code: error.code, field: error.field };
  }

  async newConversation(patch: object = {}): Promise<Conversation> {
    const { conversation } = await this.json<ConversationBody>("/api/v1/conversations", {
      json: {},
    });
    if (Object.keys(patch).length === 0) return conversation;
    const path = `/api/v1/conversations/${conversation.id}`;
    return (await this.json<ConversationBody>(path, { method: "PATCH", json: patch })).conversation;
  }

  /** Asks, and gives the response with the answer's events still to come. */
  ask(conversationId: string, content: string, signal?: AbortSignal): Promise<Response> {
    return this.fetch(`/api/v1/conversations/${conversationId}/messages`, {
      json: { content },
      headers: { accept: "text/event-stream" },
      ...(signal ? { signal } : {}),
    });
  }

  /** Attaches to an answer. */
  follow(answerId: string, lastEventId?: number): Promise<Response> {
    const headers: Record<string, string> =
      lastEventId === undefined ? {} : { "last-event-id": String(lastEventId) };
    return this.fetch(`/api/v1/messages/${answerId}/stream`, { headers });
  }
}

/** The events of a stream as they come. */
export async function* eventsOf(response: Response): AsyncGenerator<ReceivedEvent> {
  if (!response.ok || !response.body) throw new Error(`${response.status}: no stream`);
  const parser = new SseParser();
  for await (const piece of response.body) {
    for (const { id, data } of parser.push(piece)) {
      yield { id: Number(id), event: JSON.parse(data) };
    }
  }
}

/** All events of a stream, once it has ended. */
export async function allEvents(response: Response): Promise<ReceivedEvent[]> {
  return Array.fromAsync(eventsOf(response));
}

export function textOf(events: ReceivedEvent[]): string {
  return events.map(({ event }) => (event.type === "delta" ? event.text : "")).join("");
}

/**
 * Waits for a condition that comes true by itself. Looks ever more rarely, so that on a busy machine
 * looking does not take the place of what is looked for.
 */
export async function until(
  condition: () => unknown,
  what = "a condition",
  withinMs = 50_000,
): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  let pauseMs = 5;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${withinMs / 1000} s for ${what}`);
    await Bun.sleep(pauseMs);
    pauseMs = Math.min(50, pauseMs * 1.2);
  }
}
