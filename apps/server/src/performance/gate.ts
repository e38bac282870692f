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
      const priority = canWait(request) ? "low" : endpoint.priority;
      const ticket = this.#admission.tryAdmit(priority, endpoint.baseline);
      // Who has no place is not answered from memory either: the line is there for all.
      const known = ticket && reads(request, endpoint, startedMs);
      if (!known) {
        const response = this.#answer(request, endpoint, priority, ticket, fetch);
        return this.#record(response, endpoint, startedMs);
      }
      // Answered within this call: it held up nobody, and says nothing about load.
      ticket.release(false);
      endpoint.record(known.status, (this.#now() - startedMs) / 1000);
      return known;
    };
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
    { baseline }: Endpoint,
    priority: Priority,
    taken: Ticket | undefined,
    fetch: Fetch,
  ): Promise<Response | undefined> {
    const ticket = taken ?? (await this.#admission.admit(priority, baseline));
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
const refusals = new Map<number, ResponseInit>();

/** Made of parts that are there already: under load there are many, and each takes from the others. */
function refusal(priority: Priority): Response {
  // Not all at once: what came together would come together again.
  const seconds = Math.ceil(priority === "low" ? 10 + Math.random() * 20 : 1 + Math.random() * 2);
  let init = refusals.get(seconds);
  if (!init) {
    init = {
      status: errorTable.overloaded.status,
      headers: {
        ...securityHeaders,
        "content-type": "application/json;charset=utf-8",
        "cache-control": "no-store",
        "retry-after": String(seconds),
      },
    };
    refusals.set(seconds, init);
  }
  return new Response(refusalBody, init);
}
