import type { Exposition } from "./exposition.ts";
import { GaugeFamily } from "./families/gauge.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import type { Recorder } from "./windows/recorder.ts";
import { series } from "./windows/series.ts";

/** As much of a reading of the machine as is counted here. */
export type ReadingFacts = {
  cpu: { fraction: number };
  memory: { fraction: number; processBytes: number };
  disk: { fraction: number } | null;
  eventLoop: { meanDelayMs: number; maxDelayMs: number };
  files: { open: number; limit: number } | null;
};

/** What the server has of its own, asked for when it is needed. */
export type LiveFacts = {
  sockets: number;
  runningAnswers: number;
  /** Answers that wait for a model server. */
  waitingAnswers: number;
  /** Requests that wait to be let in. */
  waitingRequests: number;
  inFlight: number;
  limit: number;
  /** Statements that wait for a connection. */
  waitingStatements: number;
  activeStatements: number;
  /** 0 for normal, and one more for each level. */
  pressure: number;
};

/** The machine, the process, and what it is busy with. */
export class SystemMetrics {
  readonly #exposition: Exposition;
  readonly #recorder: Recorder;
  readonly #gauges = new Map<string, { value: number }>();

  constructor(exposition: Exposition, recorder: Recorder) {
    this.#exposition = exposition;
    this.#recorder = recorder;
    addProcessMetrics(exposition);
  }

  /** Called with each reading of the machine. */
  readonly onReading = ({ cpu, memory, disk, eventLoop, files }: ReadingFacts): void => {
    this.#set("system_cpu_usage_ratio", "CPU in use, of machine or container.", cpu.fraction);
    this.#set(
      "system_memory_usage_ratio",
      "Memory in use, of machine or container.",
      memory.fraction,
    );
    this.#set(
      "process_resident_memory_bytes",
      "Resident memory of this process.",
      memory.processBytes,
    );
    this.#set(
      "event_loop_delay_seconds",
      "How late timers were in the last second, on average.",
      eventLoop.meanDelayMs / 1000,
    );
    this.#set(
      "event_loop_delay_max_seconds",
      "How late timers were in the last second, at most.",
      eventLoop.maxDelayMs / 1000,
    );
    this.#recorder.value(series.cpu).take(cpu.fraction);
    this.#recorder.value(series.memory).take(memory.fraction);
    this.#recorder.value(series.eventLoopDelay).take(eventLoop.meanDelayMs / 1000);
    if (disk) {
      this.#set("system_disk_usage_ratio", "Disk in use.", disk.fraction);
      this.#recorder.value(series.disk).take(disk.fraction);
    }
    if (files) {
      this.#set("process_open_fds", "Open file descriptors.", files.open);
      if (Number.isFinite(files.limit)) {
        this.#set("process_max_fds", "File descriptors that may be open.", files.limit);
      }
    }
  };

  /** Takes the figures of what is going on now, for the second that ends and for a scrape. */
  take(facts: LiveFacts): void {
    this.#set("websocket_active_connections", "Open WebSockets.", facts.sockets);
    this.#set("answers_running", "Answers that are being written.", facts.runningAnswers);
    this.#set("answers_waiting", "Answers that wait for a model server.", facts.waitingAnswers);
    this.#set("http_requests_in_flight", "Requests that are let in.", facts.inFlight);
    this.#set("http_requests_waiting", "Requests that wait to be let in.", facts.waitingRequests);
    this.#set("http_requests_limit", "Requests that may be in flight.", facts.limit);
    this.#set("pressure_level", "0 is normal; see the documentation of resources.", facts.pressure);
    this.#recorder.value(series.connections).take(facts.sockets);
    this.#recorder.value(series.answers).take(facts.runningAnswers);
    this.#recorder
      .value(series.queue)
      .take(facts.waitingRequests + facts.waitingStatements + facts.waitingAnswers);
    this.#recorder.value(series.poolActive).take(facts.activeStatements);
    this.#recorder.value(series.poolWaiting).take(facts.waitingStatements);
  }

  #set(name: string, help: string, value: number): void {
    let gauge = this.#gauges.get(name);
    if (!gauge) {
      gauge = this.#exposition.add(new GaugeFamily({ name, help, labels: [] })).with();
      this.#gauges.set(name, gauge);
    }
    gauge.value = value;
  }
}
