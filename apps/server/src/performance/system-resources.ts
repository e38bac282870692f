import type { PerformanceBody } from "@peregrine/protocol";
import type { Resources } from "./watch-resources.ts";

/** The last reading of this machine, and what the server does about it. */
export function systemResources(resources: Resources): PerformanceBody["system_resources"] {
  const { cpu, memory, disk, eventLoop, files } = resources.monitor.latest;
  const { level, sinceMs } = resources.pressure.verdict;
  const { inFlight, limit, waiting } = resources.admission.state;
  return {
    cpu_usage: cpu.fraction,
    cpu_cores: cpu.availableCores,
    memory_usage: memory.fraction,
    memory_bytes: memory.usedBytes,
    memory_limit_bytes: memory.limitBytes,
    process_memory_bytes: memory.processBytes,
    disk_usage: disk?.fraction ?? null,
    disk_free_bytes: disk?.freeBytes ?? null,
    event_loop_delay_ms: eventLoop.meanDelayMs,
    open_files: files?.open ?? null,
    pressure: level,
    pressure_since: new Date(sinceMs).toISOString(),
    requests_in_flight: inFlight,
    requests_limit: limit,
    requests_waiting: waiting,
  };
}
