type Handle = (...request: unknown[]) => unknown;

/**
 * Answers HEAD as GET without its body (RFC 9110, 9.3.2), and anything else as it is. Elysia would
 * read the body to its end to learn its length, also one of gigabytes; here what the response says
 * of itself stands, and the body is let go unread.
 */
export function answerHead(handle: Handle, ...[request, ...rest]: unknown[]): unknown {
  const isHead = request instanceof Request && request.method === "HEAD";
  return isHead ? headOf(handle, request, rest) : handle(request, ...rest);
}

async function headOf(handle: Handle, request: Request, rest: unknown[]): Promise<unknown> {
  const response = await handle(new Request(request, { method: "GET" }), ...rest);
  if (!(response instanceof Response)) return response;
  const { status, headers } = response;
  await response.body?.cancel();
  return new Response(null, { status, headers });
}
