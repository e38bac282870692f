import { expect, test } from "bun:test";
import { createClientAddress } from "./client-address.ts";

const request = (headers: Record<string, string>) => new Request("http://x/", { headers });

test("without trusted proxies the header counts for nothing", () => {
  const clients = createClientAddress([]);
  const forged = request({ "x-forwarded-for": "1.2.3.4", "x-forwarded-proto": "https" });
  expect(clients.address(forged, "127.0.0.1")).toBe("127.0.0.1");
  expect(clients.isSecure(forged, "127.0.0.1")).toBe(false);
});

test("the client is the first hop from the right that is not trusted", () => {
  const clients = createClientAddress(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]);
  const forwarded = request({
    "x-forwarded-for": "6.6.6.6, 203.0.113.9, 10.1.2.3",
    "x-forwarded-proto": "https",
  });
  expect(clients.address(forwarded, "::ffff:127.0.0.1")).toBe("203.0.113.9");
  expect(clients.address(forwarded, "fd00::1")).toBe("203.0.113.9");
  expect(clients.address(forwarded, "198.51.100.1")).toBe("198.51.100.1");
  expect(clients.isSecure(forwarded, "127.0.0.1")).toBe(true);
});

test("a hop that is no address ends the search", () => {
  const clients = createClientAddress(["127.0.0.1"]);
  const broken = request({ "x-forwarded-for": "1.2.3.4, not-an-address" });
  expect(clients.address(broken, "127.0.0.1")).toBe("127.0.0.1");
});

test("a range that does not parse stops the start", () => {
  expect(() => createClientAddress(["10.0.0.0/99"])).toThrow();
});
