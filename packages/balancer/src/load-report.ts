/** What a server says of itself, with its readiness or in a header of its answers. */
export interface LoadReport {
  /** Fraction of all its cores in use, 0 to 1. */
  readonly cpuFraction: number;
  /** How late its event loop runs. */
  readonly eventLoopDelayMs: number;
  /** Answers that it is streaming now, to whoever asked. */
  readonly runningAnswers: number;
}

/** Reads a report out of what came over the wire; anything else than three sane numbers is none. */
export function readLoadReport(value: unknown): LoadReport | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { cpu, event_loop_delay_ms, running_answers } = value as Record<string, unknown>;
  if (!isAmount(cpu) || !isAmount(event_loop_delay_ms) || !isAmount(running_answers)) {
    return undefined;
  }
  return {
    cpuFraction: Math.min(1, cpu),
    eventLoopDelayMs: event_loop_delay_ms,
    runningAnswers: running_answers,
  };
}

/**
 * Reads a report out of a header `endpoint-load-metrics` in its JSON form (ORCA), such as
 * `JSON {"cpu_utilization":0.2,"named_metrics":{"event_loop_delay_ms":1.5,"running_answers":3}}`.
 */
export function readLoadHeader(value: string): LoadReport | undefined {
  if (!/^JSON\s/i.test(value)) return undefined;
  let orca: unknown;
  try {
    orca = JSON.parse(value.slice("JSON".length));
  } catch {
    return undefined;
  }
  if (typeof orca !== "object" || orca === null) return undefined;
  const { cpu_utilization: cpu, named_metrics: named } = orca as Record<string, unknown>;
  if (typeof named !== "object" || named === null) return undefined;
  return readLoadReport({ ...named, cpu });
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
