import { BlockList, isIPv4, isIPv6 } from "node:net";

/** Whether an address is that of a proxy before us, whose word about the client is believed. */
export type IsTrusted = (address: string) => boolean;

/**
 * @param ranges IP addresses and CIDR ranges
 * @throws Error on one that does not parse, naming it
 */
export function trustedAddresses(ranges: readonly string[]): IsTrusted {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = "", bits] = range.split("/");
    const family = familyOf(network);
    if (family === undefined) throw new Error(`${JSON.stringify(range)} is no IP address or range`);
    const widest = family === "ipv4" ? 32 : 128;
    const prefix = bits === undefined ? widest : Number(bits);
    if (prefix > widest) throw new Error(`${JSON.stringify(range)} has more than ${widest} bits`);
    list.addSubnet(network, prefix, family);
  }
  return (address) => {
    const family = familyOf(address);
    return family !== undefined && list.check(address, family);
  };
}

/** An IPv4 client on a socket that listens for IPv6 shows as `::ffff:10.0.0.1`. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && isIPv4(address.slice(7)) ? address.slice(7) : address;
}

function familyOf(address: string): "ipv4" | "ipv6" | undefined {
  if (isIPv4(address)) return "ipv4";
  return isIPv6(address) ? "ipv6" : undefined;
}
