import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

/** A receiver's address that may not be used. */
class ReceiverAddressError extends Error {
  override readonly name = "ReceiverAddressError";
}

const privateAddresses = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  privateAddresses.addSubnet(network, bits, "ipv4");
  // The same inside IPv6.
  privateAddresses.addSubnet(`::ffff:${network}`, 96 + bits, "ipv6");
}
for (const [network, bits] of [
  ["::", 127],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  privateAddresses.addSubnet(network, bits, "ipv6");
}

/**
 * Makes sure that an address is not inside: of this machine, this network, or a cloud's own.
 *
 * @throws ReceiverAddressError
 */
export async function requirePublic(url: URL): Promise<void> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(host)
    ? [host]
    : (await lookup(host, { all: true })).map(({ address }) => address);
  const inside = addresses.find((address) =>
    privateAddresses.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"),
  );
  if (inside !== undefined) {
    throw new ReceiverAddressError(
      `${url.host} is ${inside}, a private address; ALERT_PRIVATE_RECEIVERS=true allows those`,
    );
  }
}
