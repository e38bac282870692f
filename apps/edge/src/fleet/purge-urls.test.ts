import { expect, test } from "bun:test";
import { ownCaches } from "@peregrine/cdn";
import { readConfig } from "../config.ts";
import { startTestEdge } from "../testing/test-edge.ts";
import { purgeUrls } from "./purge-urls.ts";

test("servers purge the door first, and then what the environment names", () => {
  const urls = (environment: Record<string, string>, others?: string) =>
    purgeUrls(readConfig(environment), others);
  expect(urls({})).toBe("http://127.0.0.1:3001/");
  expect(urls({}, "http://varnish:6081")).toBe("http://127.0.0.1:3001/,http://varnish:6081");
  expect(urls({ EDGE_ADMIN_HOST: "::", EDGE_ADMIN_TOKEN: "t", EDGE_ADMIN_PORT: "9" })).toBe(
    "http://purge:t@127.0.0.1:9/",
  );
  expect(urls({ EDGE_ADMIN_HOST: "::1" })).toBe("http://[::1]:3001/");
  for (const off of [{ EDGE_CACHE_SIZE: "0" }, { EDGE_ADMIN_PORT: "0" }]) {
    expect(urls(off, "http://varnish:6081")).toBe("http://varnish:6081");
    expect(urls(off)).toBeUndefined();
  }
});

test("a token of any characters is the one that the door asks for", async () => {
  const token = "a,b:c@d/é %2C";
  const edge = await startTestEdge({
    urls: ["http://127.0.0.1:1"],
    environment: { EDGE_ADMIN_TOKEN: token },
  });
  try {
    const port = new URL(edge.adminUrl).port;
    const config = readConfig({ EDGE_ADMIN_TOKEN: token, EDGE_ADMIN_PORT: port });
    const [url = ""] = purgeUrls(config, undefined)?.split(",") ?? [];
    const items = [{ path: "/a", tag: "a" }];
    expect(await ownCaches([url]).purge(items, { reference: "r" })).toBe("done");
  } finally {
    await edge.stop();
  }
});
