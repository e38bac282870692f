import {
  type AlgorithmName,
  AttemptFailure,
  Pool,
  type Probe,
  Sender,
  type Ticket,
} from "../src/index.ts";
import { seededRandom } from "../src/testing/seeded-random.ts";
import { settlePromises, VirtualClock } from "../src/testing/virtual-clock.ts";
import type { Scenario } from "./scenario.ts";
import { SimulatedServer } from "./simulated-server.ts";

export interface SimulationOptions {
  readonly algorithm: AlgorithmName;
  /** Whether servers are probed and ejected, and requests tried again. */
  readonly isGuarded: boolean;
  readonly seed: number;
}

export interface SimulationResult {
  readonly requests: number;
  readonly failed: number;
  readonly retries: number;
  /** Times to the first byte; a failed request counts as its time limit. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const timeLimitMs = 5000;
const shortStreamMs = 200;
const longStreamMs = 90_000;
const longFraction = 0.05;
/** Requests that must not be sent twice, such as a question. */
const writeFraction = 0.2;
const conversations = 5000;

/** Runs a scenario in virtual time, with the pool and the sender that the real doors use. */
export async function simulate(
  scenario: Scenario,
  options: SimulationOptions,
): Promise<SimulationResult> {
  const clock = new VirtualClock();
  const trafficRandom = seededRandom(options.seed);
  const serverRandom = seededRandom(options.seed + 1);
  const fleet = Array.from(
    { length: scenario.servers },
    (_, index) => new SimulatedServer(`s${index}`, clock, serverRandom),
  );
  const serverOf = new Map(fleet.map((server) => [server.id, server]));
  const find = (id: string) => serverOf.get(id) as SimulatedServer;
  let retries = 0;
  using pool = new Pool({
    servers: fleet.map(({ id }) => ({ id, url: `http://${id}` })),
    algorithm: options.algorithm,
    clock,
    random: seededRandom(options.seed + 2),
    ...(options.isGuarded
      ? { health: { probe: probeOf(find) } }
      : { ejection: { maxFraction: 0 } }),
  });
  const sender = new Sender(pool, {
    clock,
    maxAttempts: options.isGuarded ? 3 : 1,
    events: { onRetry: () => retries++ },
  });

  const firstByteMs: number[] = [];
  let failed = 0;
  const attempt = (ticket: Ticket, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const server = find(ticket.server.id);
      const hangUp = server.ask(() => {
        cancelLimit();
        pool.report(ticket.server.id, server.load);
        resolve();
      });
      const cancelLimit = clock.after(timeLimitMs, () => {
        hangUp();
        reject(new AttemptFailure("timeout", "no first byte in time"));
      });
      signal.addEventListener("abort", () => {
        cancelLimit();
        hangUp();
        reject(signal.reason);
      });
    });
  const request = async () => {
    const startedMs = clock.now();
    const key = `conversation ${Math.floor(trafficRandom() * conversations)}`;
    const repeatable = trafficRandom() >= writeFraction;
    const streamMs = trafficRandom() < longFraction ? longStreamMs : shortStreamMs;
    try {
      const { ticket } = await sender.send({ key, repeatable, attempt });
      firstByteMs.push(clock.now() - startedMs);
      const server = find(ticket.server.id);
      server.streams++;
      clock.after(streamMs, () => {
        server.streams--;
        ticket.succeed();
      });
    } catch {
      failed++;
      firstByteMs.push(timeLimitMs);
    }
  };

  const traffic = { factor: 1 };
  for (const event of scenario.events) {
    clock.after(event.atSeconds * 1000, () => event.happen(fleet, traffic));
  }
  const endMs = scenario.seconds * 1000;
  const arrive = () => {
    if (clock.now() >= endMs) return;
    // A request never rejects: what fails is counted.
    void request();
    const meanGapMs = 1000 / (scenario.requestsPerSecond * traffic.factor);
    clock.after(-Math.log(1 - trafficRandom()) * meanGapMs, arrive);
  };
  clock.after(0, arrive);
  await settlePromises();
  while (clock.runNext(endMs + longStreamMs + 2 * timeLimitMs)) await settlePromises();

  firstByteMs.sort((a, b) => a - b);
  return {
    requests: firstByteMs.length,
    failed,
    retries,
    p50Ms: quantile(firstByteMs, 0.5),
    p99Ms: quantile(firstByteMs, 0.99),
  };
}

/** Asks through the same line that requests stand in, as a real probe does. */
function probeOf(find: (id: string) => SimulatedServer): Probe {
  return ({ id }, signal) =>
    new Promise((resolve, reject) => {
      const hangUp = find(id).ask(() =>
        resolve({ status: 200, body: JSON.stringify({ status: "ready", checks: {} }) }),
      );
      signal.addEventListener("abort", () => {
        hangUp();
        reject(signal.reason);
      });
    });
}

function quantile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))] ?? 0;
}
