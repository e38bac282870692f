import type { RequestHead } from "../http/request-head.ts";
import type { Client, ClientUser } from "./client.ts";
import { type AnswerTaker, Exchange } from "./exchange.ts";
import { HedgedExchange } from "./hedged-exchange.ts";
import type { ProxyContext } from "./proxy-context.ts";

/** Who passes a request on to a server, to be begun: to a second one as well, where that is set. */
export function createExchange(
  context: ProxyContext,
  client: Client,
  head: RequestHead,
  taker?: AnswerTaker,
): ClientUser & { begin(): void } {
  const isRead = (head.method === "GET" || head.method === "HEAD") && head.length === 0;
  return context.limits.hedgeAfterMs > 0 && isRead && !head.isUpgrade
    ? new HedgedExchange(context, client, head, taker)
    : new Exchange(context, client, head, taker);
}
