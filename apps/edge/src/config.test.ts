import { describe, expect, test } from "bun:test";
import { readArguments } from "./arguments.ts";
import { readConfig, settings } from "./config.ts";

test("every default is itself accepted, and an empty environment is enough", () => {
  for (const setting of Object.values(settings)) {
    if (setting.fallback !== undefined) expect(setting.parse(setting.fallback)).not.toBeUndefined();
  }
  expect(readConfig({})).toMatchObject({ PORT: 3000, LOAD_BALANCER_ALGORITHM: "peak_ewma" });
});

test("what does not fit together is said with the names of both", () => {
  expect(() => readConfig({ EDGE_TLS_CERT: "a" })).toThrow("EDGE_TLS_CERT and EDGE_TLS_KEY");
  expect(() => readConfig({ EDGE_SERVERS: "http://a:1", EDGE_SERVERS_FILE: "b" })).toThrow(
    "only one may be set",
  );
  expect(() => readConfig({ EDGE_ADMIN_HOST: "0.0.0.0" })).toThrow("EDGE_ADMIN_TOKEN: must be set");
  expect(() => readConfig({ LOAD_BALANCER_ALGORITHM: "fastest" })).toThrow(
    'LOAD_BALANCER_ALGORITHM: "fastest" is not accepted; expected round_robin',
  );
});

describe("the command line", () => {
  test("is a list, a number, or a format to print", () => {
    expect(readArguments([])).toEqual({ run: "door", servers: undefined });
    expect(readArguments(["--servers", "4"])).toEqual({ run: "fleet", count: 4 });
    expect(readArguments(["--servers", "http://a:1"])).toEqual({
      run: "door",
      servers: "http://a:1",
    });
    expect(readArguments(["--print", "haproxy", "--servers", "http://a:1"])).toEqual({
      run: "print",
      format: "haproxy",
      servers: "http://a:1",
    });
  });

  test("says what it does not understand", () => {
    expect(() => readArguments(["--server", "4"])).toThrow("--server: not known");
    expect(() => readArguments(["--servers"])).toThrow("expected a value");
    expect(() => readArguments(["--servers", "0"])).toThrow("1 to 256");
    expect(() => readArguments(["--print", "nginx"])).toThrow("expected haproxy");
    expect(() => readArguments(["--print", "haproxy", "--servers", "4"])).toThrow("addresses");
  });
});
