/** The part of Bun's server that knows the other end of a connection. */
type Connections = {
  requestIP(request: Request): { address: string } | null;
};

/** The address at the other end of the connection; of a proxy, if one is in front. */
export function peerAddress(request: Request, server: Connections | null): string {
  return server?.requestIP(request)?.address ?? "unknown";
}
