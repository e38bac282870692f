import type { EndpointRecorder } from "@peregrine/metrics";
import { Baseline, type Priority } from "@peregrine/resources";

/** A route, as those see it who stand before the routes. */
export type Endpoint = {
  method: string;
  /** "/api/v1/conversations/:id", never a path that was asked for. */
  template: string;
  /** Null for what is always let in. */
  priority: Priority | null;
  /** What it takes when nothing is in its way. */
  baseline: Baseline;
  /** Counts a request that was answered. */
  record: EndpointRecorder;
};

/** Makes what counts the requests of a route. */
type MakeRecorder = (method: string, template: string) => EndpointRecorder;

type Node = {
  children: Map<string, Node>;
  param: Node | undefined;
  /** By method. */
  endpoints: Map<string, Endpoint>;
  /** What is beneath here and has no route of its own. */
  rest: Map<string, Endpoint>;
};

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** How they are is what is asked of servers in trouble. */
const alwaysLetIn = new Set(["/health", "/ready", "/metrics"]);
const beginsAnswer = new Set([
  "POST /api/v1/conversations/:id/messages",
  "POST /api/v1/messages/:id/regenerate",
]);

/**
 * Finds the route of a request from its URL, before any other work is done for it. What has no
 * route is one endpoint for each method, so that strangers cannot make up endpoints.
 */
export class Endpoints {
  readonly #root = newNode();
  readonly #unmatched = new Map<string, Endpoint>();
  readonly #makeRecorder: MakeRecorder;

  /** @param makeRecorder without one nothing is counted */
  constructor(
    routes: readonly { method: string; path: string }[],
    makeRecorder: MakeRecorder | undefined,
  ) {
    this.#makeRecorder = makeRecorder ?? (() => () => {});
    for (const { method, path } of routes) this.#add(method === "WS" ? "GET" : method, path);
  }

  find(method: string, url: string): Endpoint {
    const known = method === "HEAD" ? "GET" : methods.has(method) ? method : "other";
    // An absolute URL: the path begins after "http://" and the host.
    const pathStart = url.indexOf("/", 8);
    const queryStart = url.indexOf("?", pathStart);
    const pathEnd = queryStart === -1 ? url.length : queryStart;
    let node: Node | undefined = this.#root;
    let rest = this.#root.rest.get(known);
    for (let start = pathStart + 1; node && start < pathEnd; ) {
      const slash = url.indexOf("/", start);
      const end = slash === -1 || slash > pathEnd ? pathEnd : slash;
      node = node.children.get(url.slice(start, end)) ?? node.param;
      rest = node?.rest.get(known) ?? rest;
      start = end + 1;
    }
    return node?.endpoints.get(known) ?? rest ?? this.#unmatchedOf(known);
  }

  #add(method: string, path: string): void {
    const endpoint = this.#endpoint(method, path);
    let node = this.#root;
    for (const segment of path.split("/").filter((part) => part !== "")) {
      if (segment === "*") {
        node.rest.set(method, endpoint);
        return;
      }
      node = segment.startsWith(":") ? paramOf(node) : childOf(node, segment);
    }
    node.endpoints.set(method, endpoint);
  }

  #endpoint(method: string, template: string): Endpoint {
    return {
      method,
      template,
      priority: priorityOf(method, template),
      baseline: new Baseline(),
      record: this.#makeRecorder(method, template),
    };
  }

  #unmatchedOf(method: string): Endpoint {
    const endpoint = this.#unmatched.get(method) ?? this.#endpoint(method, "unmatched");
    this.#unmatched.set(method, endpoint);
    return endpoint;
  }
}

function priorityOf(method: string, template: string): Priority | null {
  if (alwaysLetIn.has(template)) return null;
  if (template.startsWith("/api/docs")) return "low";
  return beginsAnswer.has(`${method} ${template}`) ? "answer" : "read";
}

function newNode(): Node {
  return { children: new Map(), param: undefined, endpoints: new Map(), rest: new Map() };
}

function childOf(node: Node, segment: string): Node {
  const child = node.children.get(segment) ?? newNode();
  node.children.set(segment, child);
  return child;
}

function paramOf(node: Node): Node {
  node.param ??= newNode();
  return node.param;
}
