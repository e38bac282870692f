import { expect, test } from "bun:test";
import { readConfig } from "../config.ts";
import { adminUrl } from "./admin-url.ts";

test("the port is named as the machine itself reaches it, with its token as the password", () => {
  const url = (environment: Record<string, string>) => adminUrl(readConfig(environment), "admin");
  expect(url({})).toBe("http://127.0.0.1:3001/");
  // Its cache may be off: it still has servers.
  expect(url({ EDGE_CACHE_SIZE: "0", EDGE_ADMIN_PORT: "9" })).toBe("http://127.0.0.1:9/");
  expect(url({ EDGE_ADMIN_HOST: "0.0.0.0", EDGE_ADMIN_TOKEN: "a b@c" })).toBe(
    "http://admin:a%20b%40c@127.0.0.1:3001/",
  );
  expect(url({ EDGE_ADMIN_PORT: "0" })).toBeUndefined();
});
