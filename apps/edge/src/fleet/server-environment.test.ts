import { expect, test } from "bun:test";
import { readConfig } from "../config.ts";
import { serverEnvironment } from "./server-environment.ts";

const toldBy = (environment: Record<string, string>) =>
  serverEnvironment(readConfig(environment), environment, "postgres://shared");

test("servers are told where their door is, what they share, and what their door was told", () => {
  const environment = {
    PORT: "80",
    EDGE_ADMIN_TOKEN: "t",
    TRUSTED_PROXIES: "10.0.0.1",
    MODEL: "m",
  };
  expect(toldBy(environment)).toMatchObject({
    MODEL: "m",
    DATABASE_URL: "postgres://shared",
    HOST: "127.0.0.1",
    PORT: "0",
    METRICS_PORT: "0",
    CDN_PURGE_URLS: "http://purge:t@127.0.0.1:3001/",
    EDGE_ADMIN_URL: "http://admin:t@127.0.0.1:3001/",
    TRUSTED_PROXIES: "10.0.0.1,127.0.0.1",
  });
});

test("a door that was named by hand is the one they steer", () => {
  const byHand = { EDGE_ADMIN_URL: "http://door:3001" };
  expect(toldBy(byHand).EDGE_ADMIN_URL).toBe("http://door:3001");
  expect(toldBy({ EDGE_ADMIN_URL: "" }).EDGE_ADMIN_URL).toBe("http://127.0.0.1:3001/");
  expect(toldBy({ EDGE_ADMIN_PORT: "0" }).EDGE_ADMIN_URL).toBeUndefined();
});
