/** How a host's link to all others is at the moment. */
export type LinkState = {
  /** Nothing passes, in either direction, and nobody is told. */
  readonly isCut: boolean;
  /** How much later what the host sends arrives; so each round trip takes that much longer. */
  readonly delayMs: number;
  /** The share of packets that is lost, in each direction. */
  readonly loss: number;
};

export const soundLink: LinkState = { isCut: false, delayMs: 0, loss: 0 };

/** Packets since the start: those that came to their end, and those that the link swallowed. */
export type Traffic = { readonly passed: number; readonly lost: number };

/** What the wire is told of one host, as a line of JSON. `restart` gives it a new namespace. */
export type WireCommand = {
  readonly host: number;
  readonly state?: LinkState;
  readonly restart?: true;
};

/** What it answers to each: the host as it is now. */
export type WireAnswer = Traffic & {
  /** By which of the wire's files its namespace is entered. */
  readonly entrance: number;
};

/** The most hosts that one network has. */
export const maxHosts = 16;

export function addressOf(host: number): string {
  return `10.0.0.${host + 1}`;
}
