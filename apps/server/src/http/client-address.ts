import ipaddr from "ipaddr.js";

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** What the server may believe about who is asking, given the proxies it trusts. */
export type ClientAddress = {
  /** The address of the client, without a port. */
  address(request: Request, peer: string): string;
  /** Whether the client's own connection was encrypted. */
  isSecure(request: Request, peer: string): boolean;
};

/**
 * Reads `X-Forwarded-For` from right to left, as far as each hop is a trusted proxy: the first
 * address that is not one is the client. From anybody else the header counts for nothing.
 *
 * @param trustedProxies IP addresses and CIDR ranges
 * @throws Error on a range that does not parse
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const ranges = trustedProxies.map(parseRange);

  function isTrusted(address: string): boolean {
    if (ranges.length === 0 || !ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    return ranges.some(
      ([network, bits]) => parsed.kind() === network.kind() && parsed.match(network, bits),
    );
  }

  return {
    address(request, peer) {
      if (!isTrusted(peer)) return peer;
      const hops = request.headers.get("x-forwarded-for")?.split(",") ?? [];
      let client = peer;
      for (const hop of hops.reverse()) {
        const address = hop.trim();
        if (!ipaddr.isValid(address)) break;
        client = address;
        if (!isTrusted(address)) break;
      }
      return client;
    },
    isSecure(request, peer) {
      return isTrusted(peer) && request.headers.get("x-forwarded-proto") === "https";
    },
  };
}

function parseRange(text: string): Range {
  if (text.includes("/")) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}
