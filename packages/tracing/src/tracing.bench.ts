import { createSampler } from "./sampler.ts";
import { Span } from "./span.ts";
import { Tracer } from "./tracer.ts";

/** What a request with three spans inside costs: without traces, not kept, and kept. */
const rounds = 200_000;
const requestShape = { name: "GET /api", kind: "server" } as const;
const statementShape = {
  name: "conversations.list",
  kind: "client",
  attributes: { "db.system.name": "postgresql" },
} as const;

async function perRequestUs(tracer: Tracer | undefined): Promise<number> {
  const inside = async () => {
    for (let i = 0; i < 3; i++) {
      await null;
      tracer?.ended(statementShape, 1, { "peregrine.db.wait_ms": 0.2 });
    }
  };
  const request = async () => {
    const context = tracer?.begin(undefined, () => requestShape);
    await (tracer && context ? tracer.under(context, inside) : inside());
    if (context instanceof Span) context.end();
  };
  for (let i = 0; i < rounds / 10; i++) await request();
  const startedMs = performance.now();
  for (let i = 0; i < rounds; i++) await request();
  return ((performance.now() - startedMs) * 1000) / rounds;
}

const tracer = (ratio: number) =>
  new Tracer({ sampler: createSampler("traceidratio", ratio), onEnd: () => {} });
const plain = await perRequestUs(undefined);
console.log(`without: ${plain.toFixed(2)} µs a request`);
console.log(`not kept: ${((await perRequestUs(tracer(0))) - plain).toFixed(2)} µs more`);
console.log(`kept: ${((await perRequestUs(tracer(1))) - plain).toFixed(2)} µs more`);
