import { type ErrorBody, errorTable } from "@peregrine/protocol";
import type { Admission, Priority, Ticket } from "@peregrine/resources";
import type { MemoryReads } from "../http/memory-reads.ts";
import { securityHeaders } from "../http/security-headers.ts";
import type { Endpoint, Endpoints } from "./endpoints.ts";

type Fetch = (request: Request) => Response | Promise<Response>;

type Options = {
  admission: Admission;
  now?: () => number;
};

/**
 * What every request passes before the routes: it is let in, waits for a moment, or is sent away
 * with a 503 that costs next to nothing. It holds its place until its response begins.
 */
export class Gate {
  readonly #admission: Admission;
  readonly #now: () => number;
  readonly #tickets = new WeakMap<Request, Ticket>();

  constructor({ admission, now = () => performance.now() }: Options) {
    this.#admission = admission;
    this.#now = now;
  }

  /**
   * Says that a request is done with what loads this server, and from here on waits for a model:
   * it gives up its place, and how long it will take says nothing about load.
   */
  waits(request: Request): void {
    this.#tickets.get(request)?.release(false);
  }

  /**
   * @param reads what is answered from memory, without the application
   * @returns the application's `fetch` with the gate before it
   */
  before(
    fetch: Fetch,
    endpoints: Endpoints,
    reads: MemoryReads = () => undefined,
  ): (request: Request) => Promise<Response | undefined> | Response {
    return (request) => {
      const startedMs = this.#now();
      const endpoint = endpoints.find(request.method, request.url);
      if (endpoint.priority === null) return this.#record(fetch(request), endpoint, startedMs);
      // Answered within this call, for as little as a refusal takes: it needs no place.
      const known = reads(request, endpoint, startedMs);
      if (known) return this.#recorded(known, endpoint, startedMs);
      const priority = canWait(request) ? "low" : endpoint.priority;
      const admitted = this.#admission.admit(priority, endpoint.baseline);
      if (admitted === undefined) return this.#recorded(refusal(priority), endpoint, startedMs);
      const response = this.#answer(request, priority, admitted, fetch);
      return this.#record(response, endpoint, startedMs);
    };
  }

  #recorded(response: Response, endpoint: Endpoint, startedMs: number): Response {
    endpoint.record(response.status, (this.#now() - startedMs) / 1000);
    return response;
  }

  async #record(
    answer: ReturnType<Fetch> | Promise<Response | undefined>,
    endpoint: Endpoint,
    startedMs: number,
  ): Promise<Response | undefined> {
    const response = await answer;
    // An upgrade to a socket has no response. A stream has begun.
    endpoint.record(response?.status ?? 101, (this.#now() - startedMs) / 1000);
    return response;
  }

  async #answer(
    request: Request,
    priority: Priority,
    admitted: Ticket | Promise<Ticket | undefined>,
    fetch: Fetch,
  ): Promise<Response | undefined> {
    const ticket = admitted instanceof Promise ? await admitted : admitted;
    if (!ticket) return refusal(priority);
    this.#tickets.set(request, ticket);
    try {
      const response = await fetch(request);
      // A failure may be quick because nothing was done: there is nothing to learn from it.
      ticket.release(response !== undefined && response.status < 500);
      return response;
    } finally {
      ticket.release(false);
    }
  }
}

/** Whether a program says that its request can wait: `Priority: u=5` and above (RFC 9218). */
function canWait(request: Request): boolean {
  const header = request.headers.get("priority");
  return header !== null && /(^|[ ,])u=[567]/.test(header);
}

const refusalBody = JSON.stringify({
  error: {
    code: "overloaded",
    message: "The server has too much to do. Try again shortly.",
  },
} satisfies ErrorBody);
const refusals = new Map<number, { status: number; headers: Headers }>();

/** Made of parts that are there already: under load there are many, and each takes from the others. */
function refusal(priority: Priority): Response {
  // Not all at once: what came together would come together again.
  const seconds = Math.ceil(priority === "low" ? 10 + Math.random() * 20 : 1 + Math.random() * 2);
  let init = refusals.get(seconds);
  if (!init) {
    init = {
      status: errorTable.overloaded.status,
      headers: new Headers({
        ...securityHeaders,
        "content-type": "application/json;charset=utf-8",
        "cache-control": "no-store",
        "server-timing": 'admission;desc="refused"',
        "retry-after": String(seconds),
      }),
    };
    refusals.set(seconds, init);
  }
  return new Response(refusalBody, init);
}
