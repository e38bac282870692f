import type { CdnNetwork } from "./network.ts";
import { chunks, sendPurge, tagsOf } from "./purge-request.ts";

/** 100 tags of 41 characters stay within the 8 kB that Varnish and nginx take as a header. */
const tagsPerRequest = 100;

/**
 * Caches that one runs oneself, such as Varnish: each is sent `PURGE /` with the tags in
 * `Surrogate-Key`, separated by spaces, and removes whatever carries one of them.
 * `deploy/varnish.vcl` does so, and the administration port of the front door. A name and a password
 * in an address are sent as its authorization.
 *
 * @param urls the caches, each by its own address
 */
export function ownCaches(urls: readonly string[]): CdnNetwork {
  return {
    async purge(items, { signal }) {
      for (const tags of chunks(tagsOf(items), tagsPerRequest)) {
        await Promise.all(
          urls.map((url) =>
            sendPurge(
              new URL(url).host,
              `${new URL(url).origin}/`,
              {
                method: "PURGE",
                headers: { ...credentials(url), "surrogate-key": tags.join(" ") },
              },
              signal,
            ),
          ),
        );
      }
      return "done";
    },
    close() {},
  };
}

function credentials(url: string): { authorization?: string } {
  const { username, password } = new URL(url);
  if (username === "" && password === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}
