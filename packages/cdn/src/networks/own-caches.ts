import type { CdnNetwork } from "./network.ts";
import { chunks, sendPurge, tagsOf } from "./purge-request.ts";

/** 100 tags of 71 characters, the longest, stay within the 8 kB that Varnish and nginx take as a header. */
const tagsPerRequest = 100;

/**
 * Caches that one runs oneself, such as Varnish: each is sent `PURGE /` with the tags in
 * `Surrogate-Key`, separated by spaces, and removes whatever carries one of them.
 * `deploy/varnish.vcl` does so, and the administration port of the front door. A name and a password
 * in an address are sent as its authorization.
 *
 * @param urls the caches, each by its own address, the one next to the server first
 */
export function ownCaches(urls: readonly string[]): CdnNetwork {
  return {
    async purge(items, { signal }) {
      const failures: unknown[] = [];
      for (const tags of chunks(tagsOf(items), tagsPerRequest)) {
        // One after another: one that is farther from the server could fill itself from the nearer.
        for (const url of urls) {
          const headers = { ...credentials(url), "surrogate-key": tags.join(" ") };
          const { host, origin } = new URL(url);
          const sent = sendPurge(host, `${origin}/`, { method: "PURGE", headers }, signal);
          await sent.catch((error: unknown) => failures.push(error));
        }
      }
      // Each is asked, also after another failed; one failure is enough to ask all again.
      if (failures.length > 0) throw failures[0];
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
