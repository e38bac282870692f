import { parseArgs } from "node:util";
import { startModelServer } from "./model-server.ts";
import { checkedScenario, plainScenario } from "./scenario.ts";

/**
 * Runs the model server as a process of its own, for demonstrations and benches:
 * `bun e2e/model-server/main.ts --port 0 --rate 80 --tokens 200`. Prints its base URL and runs until
 * it is told to stop.
 */
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    key: { type: "string" },
    model: { type: "string", multiple: true },
    ...Object.fromEntries(
      Object.keys(plainScenario).map((key) => [key, { type: "string" as const }]),
    ),
  },
});

const scenario = Object.entries(plainScenario).flatMap(([key, plain]) => {
  const given = (values as Record<string, unknown>)[key];
  if (typeof given !== "string") return [];
  return [[key, typeof plain === "string" ? given : JSON.parse(given)]];
});

const server = startModelServer({
  port: Number(values.port),
  hostname: values.host,
  ...(values.key === undefined ? {} : { apiKey: values.key }),
  ...(values.model === undefined ? {} : { models: values.model }),
});
server.always(checkedScenario(Object.fromEntries(scenario)));
console.log(server.url);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => server.stop());
