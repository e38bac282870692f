import { AnswerPlayer } from "./answer-player.ts";
import { responseSteps } from "./answer-response.ts";
import { type ChatRequest, questionOf, readChatRequest } from "./chat-request.ts";
import { Connection } from "./connection.ts";
import type { HttpRequest } from "./http-request-parser.ts";
import { type RecordedRequest, RequestLog } from "./request-log.ts";
import { checkedScenario, plainScenario, type Scenario, scenarioIn } from "./scenario.ts";

type Options = {
  port?: number;
  hostname?: string;
  /** Requests without it as their bearer token get a 401. */
  apiKey?: string;
  models?: readonly string[];
};

export type { Scenario };

export type ModelServer = {
  /** Its base URL, with `/v1`. */
  url: string;
  requests: readonly RecordedRequest[];
  /** Answers that are being sent. */
  readonly openStreams: number;
  readonly openConnections: number;
  /** Connections that were made since the start. */
  readonly connections: number;
  /** The next requests are answered in these ways, one after another. */
  next(...scenarios: Partial<Scenario>[]): void;
  /** Every request from now on is answered so, unless something else is said of it. */
  always(scenario: Partial<Scenario>): void;
  /** Resolves once `condition` holds; it is asked when a request comes or ends, or a client leaves. */
  until(condition: () => boolean): Promise<void>;
  /** Closes connections on which nothing runs, as servers do after a while. */
  closeIdleConnections(): void;
  stop(): void;
};

/**
 * A model server that speaks the wire of OpenAI's API, and misbehaves on request. What a request
 * gets is said, the first before the others, by `{{…}}` in its last question, by `next`, by `always`;
 * over the network by `POST /control/next` and `/control/always`, and `GET /control/requests` tells
 * what came.
 *
 * It writes HTTP onto sockets itself: a server that is well-behaved by design cannot be made to cut
 * a character in two, reset a connection or end a body early.
 */
export function startModelServer(options: Options = {}): ModelServer {
  const { apiKey, models = ["test-model"], hostname = "127.0.0.1", port = 0 } = options;
  const log = new RequestLog();
  const queue: Partial<Scenario>[] = [];
  let standing: Partial<Scenario> = {};
  const open = new Set<Connection>();
  let connections = 0;
  const waiting = new Set<() => void>();

  const listener = Bun.listen<Connection>({
    hostname,
    port,
    socket: {
      open(socket) {
        socket.data = new Connection(socket);
        open.add(socket.data);
        connections++;
      },
      data({ data: connection }, bytes) {
        try {
          for (const request of connection.parser.push(bytes)) serve(connection, request);
        } catch {
          connection.reset();
        }
      },
      drain: ({ data: connection }) => connection.flush(),
      close: ({ data: connection }) => gone(connection),
      error: ({ data: connection }) => gone(connection),
    },
  });

  function gone(connection: Connection): void {
    open.delete(connection);
    connection.player?.leave();
    changed();
  }

  function changed(): void {
    for (const check of waiting) check();
  }

  function serve(connection: Connection, request: HttpRequest): void {
    const path = request.path.split("?", 1)[0] as string;
    const isAllowed = !apiKey || request.headers.authorization === `Bearer ${apiKey}`;
    if (path.startsWith("/control/")) control(connection, path, request.body);
    else if (!isAllowed) {
      const message = `Incorrect API key provided: ${request.headers.authorization}.`;
      connection.respond(401, { error: { message, type: "invalid_request_error" } });
    } else if (request.method === "GET" && path.endsWith("/models")) {
      const data = models.map((id) => ({ id, object: "model", created: 1_700_000_000 }));
      connection.respond(200, { object: "list", data });
    } else if (request.method === "POST" && path.endsWith("/chat/completions")) {
      chat(connection, request);
    } else connection.respond(404, { error: { message: `no such path: ${path}` } });
  }

  function chat(connection: Connection, request: HttpRequest): void {
    try {
      const asked = readChatRequest(request.body);
      const own = scenarioIn(questionOf(asked));
      answer(connection, request, asked, {
        ...plainScenario,
        ...standing,
        ...queue.shift(),
        ...own,
      });
    } catch (error) {
      connection.respond(400, { error: { message: (error as Error).message } });
    }
  }

  function answer(
    connection: Connection,
    request: HttpRequest,
    chat: ChatRequest,
    scenario: Scenario,
  ): void {
    const recorded = log.begin(request, chat);
    const steps = responseSteps(scenario, chat);
    const player = new AnswerPlayer(steps, connection, scenario.cut, (how) => {
      connection.player = undefined;
      log.end(recorded, how, player.tokensSent);
      changed();
    });
    connection.player = player;
    player.play();
    changed();
  }

  function control(connection: Connection, path: string, body: string): void {
    try {
      if (path === "/control/next") queue.push(...[JSON.parse(body)].flat().map(checkedScenario));
      else if (path === "/control/always") standing = checkedScenario(JSON.parse(body));
      else if (path !== "/control/requests") throw new Error(`no such path: ${path}`);
      const { openStreams, requests } = log;
      connection.respond(200, { openStreams, openConnections: open.size, connections, requests });
    } catch (error) {
      connection.respond(400, { error: { message: (error as Error).message } });
    }
  }

  return {
    url: `http://${hostname}:${listener.port}/v1`,
    requests: log.requests,
    get openStreams() {
      return log.openStreams;
    },
    get openConnections() {
      return open.size;
    },
    get connections() {
      return connections;
    },
    next: (...scenarios) => void queue.push(...scenarios),
    always: (scenario) => {
      standing = scenario;
    },
    until: (condition) =>
      new Promise((resolve) => {
        const check = () => {
          if (!condition()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    closeIdleConnections() {
      for (const connection of open) if (!connection.player) connection.close();
    },
    stop() {
      for (const connection of open) connection.player?.leave();
      listener.stop(true);
    },
  };
}
