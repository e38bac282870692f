import { type AlgorithmName, algorithmNames, Pool } from "./index.ts";
import { seededRandom } from "./testing/seeded-random.ts";

/**
 * What a choice costs: nanoseconds for acquiring a ticket, its first byte and its end, with 4, 50
 * and 500 servers, the median of 9 rounds. `npm run bench -w @peregrine/balancer`
 */
const sizes = [4, 50, 500];
const rounds = 9;
const roundMs = 60;

function poolOf(size: number, algorithm: AlgorithmName): Pool {
  const servers = Array.from({ length: size }, (_, index) => ({ url: `http://server-${index}` }));
  return new Pool({ servers, algorithm, random: seededRandom(1) });
}

function nsPerRequest(pool: Pool): number {
  const demands = Array.from({ length: 64 }, (_, index) => ({ key: `conversation-${index}` }));
  const batch = 1000;
  const measure = (): number => {
    const startedMs = performance.now();
    let requests = 0;
    let elapsedMs = 0;
    while (elapsedMs < roundMs) {
      for (let at = 0; at < batch; at++) {
        const ticket = pool.tryAcquire(demands[at & 63]);
        ticket?.firstByte();
        ticket?.succeed();
      }
      requests += batch;
      elapsedMs = performance.now() - startedMs;
    }
    return (elapsedMs * 1e6) / requests;
  };
  measure();
  const samples = Array.from({ length: rounds }, measure).sort((a, b) => a - b);
  return samples[Math.floor(rounds / 2)] ?? Number.NaN;
}

const rows = algorithmNames.map((algorithm) => {
  const cells = sizes.map((size) => {
    using pool = poolOf(size, algorithm);
    return `${Math.round(nsPerRequest(pool))} ns`;
  });
  return `| \`${algorithm}\` | ${cells.join(" | ")} |`;
});
process.stdout.write(
  `${["| algorithm | 4 servers | 50 | 500 |", "| --- | --: | --: | --: |", ...rows].join("\n")}\n`,
);
