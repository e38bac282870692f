import { expect, test } from "bun:test";
import { ConfigError } from "@peregrine/settings";
import { readConfig, settings } from "./config.ts";

test("an empty environment gives the defaults of the design", () => {
  const config = readConfig({});
  expect(config).toMatchObject({
    HOST: "127.0.0.1",
    PORT: 3000,
    DB_POOL_SIZE: 20,
    DB_MAX_OVERFLOW: 30,
    DB_POOL_TIMEOUT: 30,
    CACHE_TTL: 3600,
    MEMORY_CACHE_SIZE: 1000,
    CDN_CACHE_TTL: 31_536_000,
    HEALTH_CHECK_INTERVAL: 30,
    METRICS_ENABLED: true,
    METRICS_PORT: 9090,
    MEMORY_THRESHOLD: 0.8,
    CPU_THRESHOLD: 0.7,
    AUTO_OPTIMIZATION: true,
    SIGNUP: "open",
    MODEL_SERVERS: [],
  });
  expect(config.DATABASE_URL).toBeUndefined();
});

test("each wrong setting is one line that names the variable, the value and what is accepted", () => {
  const environment = {
    PORT: "99999",
    CPU_THRESHOLD: "70",
    METRICS_ENABLED: "yes",
    SIGNUP: "maybe",
    MODEL_SERVERS: "http://a:1, not a url",
    TRUSTED_PROXIES: "everyone",
  };
  expect(() => readConfig(environment)).toThrow(ConfigError);
  const lines = catchMessage(() => readConfig(environment)).split("\n");
  expect(lines).toHaveLength(Object.keys(environment).length);
  expect(lines).toContain('PORT: "99999" is not accepted; expected a whole number from 0 to 65535');
  expect(lines).toContain('SIGNUP: "maybe" is not accepted; expected open, closed');
});

test("a secret is never shown", () => {
  const message = catchMessage(() => readConfig({ DATABASE_URL: "mysql://root:hunter2@db" }));
  expect(message).toStartWith("DATABASE_URL: the given value is not accepted");
  expect(message).not.toContain("hunter2");
});

test("keys of model servers are counted, and never shown", () => {
  const environment = {
    MODEL_SERVERS: "http://a;key=1,http://a;key=3",
    MODEL_API_KEY: "sk-1, sk-2",
  };
  expect(catchMessage(() => readConfig(environment))).toBe(
    "MODEL_SERVERS: server 2 asks for key 3, and MODEL_API_KEY has 2",
  );
  const config = readConfig({ ...environment, MODEL_API_KEY: "sk-1, sk-2,sk-3" });
  expect(config.MODEL_API_KEY).toEqual(["sk-1", "sk-2", "sk-3"]);
  expect(readConfig({}).MODEL_API_KEY).toEqual([]);
});

test("an empty variable counts as unset, and lists are read", () => {
  const config = readConfig({
    PORT: " ",
    DATABASE_URL: "",
    MODEL_SERVERS: "http://a:1/v1/, https://b/v1",
    TRUSTED_PROXIES: "127.0.0.1,10.0.0.0/8,::1",
  });
  expect(config.PORT).toBe(3000);
  expect(config.DATABASE_URL).toBeUndefined();
  expect(config.MODEL_SERVERS.map((entry) => entry.server.url)).toEqual([
    "http://a:1/v1",
    "https://b/v1",
  ]);
  expect(config.TRUSTED_PROXIES).toEqual(["127.0.0.1", "10.0.0.0/8", "::1"]);
});

test("every default is itself accepted", () => {
  for (const setting of Object.values(settings)) {
    if (setting.fallback !== undefined) expect(setting.parse(setting.fallback)).not.toBeUndefined();
  }
});

function catchMessage(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}
