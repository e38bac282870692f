import { CdnError } from "../errors.ts";
import type { CdnNetwork } from "./network.ts";
import { chunks, sendPurge, tagsOf } from "./purge-request.ts";

/** What Cloudflare takes in one request on every plan. */
const tagsPerRequest = 30;

export type CloudflareOptions = { zoneId: string; apiToken: string; apiUrl?: string };

/** Cloudflare, by the purge by cache tag of its API. The token needs "Cache Purge" of the zone. */
export function cloudflare(options: CloudflareOptions): CdnNetwork {
  const { zoneId, apiToken, apiUrl = "https://api.cloudflare.com" } = options;
  const url = `${apiUrl}/client/v4/zones/${encodeURIComponent(zoneId)}/purge_cache`;
  return {
    async purge(items, { signal }) {
      for (const tags of chunks(tagsOf(items), tagsPerRequest)) {
        const headers = {
          authorization: `Bearer ${apiToken}`,
          "content-type": "application/json",
        };
        const body = JSON.stringify({ tags });
        const answer = await sendPurge(
          "Cloudflare",
          url,
          { method: "POST", headers, body },
          signal,
        );
        if (!saysSuccess(answer)) {
          throw new CdnError(
            "unavailable",
            `Cloudflare answered a purge with 200 and no success: ${answer.slice(0, 500)}`,
          );
        }
      }
      return "done";
    },
    close() {},
  };
}

function saysSuccess(answer: string): boolean {
  try {
    return JSON.parse(answer)?.success === true;
  } catch {
    return false;
  }
}
