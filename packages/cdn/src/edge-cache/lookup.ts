import type { Flight } from "./flight.ts";
import type { StoredResponse } from "./stored-response.ts";

/** What is to be done with a request. */
export type Lookup =
  /** Serve it. `renew`: and fetch a newer one meanwhile. */
  | {
      readonly is: "usable";
      readonly response: StoredResponse;
      readonly isStale: boolean;
      readonly renew: boolean;
    }
  /** Ask the server, with its validators if it has any; it may still do where the server fails. */
  | { readonly is: "expired"; readonly response: StoredResponse }
  /** Ask again when this resolves: it is read from disk. */
  | { readonly is: "on_disk"; readonly loaded: Promise<unknown> }
  /** Somebody asks the server already. */
  | { readonly is: "on_its_way"; readonly flight: Flight }
  /** Ask the server. `mayBeShared`: and let others wait for it. */
  | {
      readonly is: "missing";
      readonly reason: "uri-miss" | "vary-miss" | "bypass";
      readonly mayBeShared: boolean;
    };
