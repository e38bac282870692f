import type { AdviceRule } from "./advisor.ts";
import type { Reading } from "./reading.ts";

const minute = 60_000;

/** What to do when the machine or the container runs short. */
export const resourceAdvice: readonly AdviceRule<{ reading: Reading }>[] = [
  {
    id: "memory_short",
    severity: "critical",
    title: "Memory is nearly full",
    holdsForMs: 2 * minute,
    look: ({ reading: { memory } }) =>
      memory.fraction < 0.9
        ? null
        : `${percent(memory.fraction)} of the ${memory.limitedBy}'s ${gigabytes(memory.limitBytes)} is in use, ${gigabytes(memory.processBytes)} of it by this server.`,
    advice:
      "Let the server give back what it can now. If it fills up again, lower MEMORY_CACHE_SIZE or give it more memory.",
    remedy: { kind: "action", action: "release_memory", label: "Give memory back now" },
  },
  {
    id: "cpu_short",
    severity: "warning",
    title: "The CPU is nearly used up",
    holdsForMs: 5 * minute,
    look: ({ reading: { cpu } }) =>
      cpu.fraction < 0.9
        ? null
        : `${percent(cpu.fraction)} of ${cores(cpu.availableCores)} in use, ${cpu.processCores.toFixed(1)} of them by this server.`,
    advice:
      "Run one more server on another machine, or find what else uses this one's CPU. One server uses little more than one core.",
    remedy: { kind: "command", command: "ps -eo pid,pcpu,args --sort=-pcpu | head" },
  },
  {
    id: "container_throttled",
    severity: "warning",
    title: "The container's CPU quota is too small",
    holdsForMs: 2 * minute,
    look: ({ reading: { cpu } }) =>
      (cpu.throttledFraction ?? 0) < 0.2
        ? null
        : `The quota of ${cores(cpu.availableCores)} was used up in ${percent(cpu.throttledFraction ?? 0)} of its periods; each time all requests stop for some milliseconds.`,
    advice: "Raise the container's CPU quota, or take it away and give the container a weight.",
    remedy: { kind: "command", command: "docker update --cpus 4 <container>" },
  },
  {
    id: "disk_short",
    severity: "critical",
    title: "The disk is nearly full",
    holdsForMs: minute,
    look: ({ reading: { disk } }) =>
      !disk || disk.fraction < 0.9
        ? null
        : `${percent(disk.fraction)} of ${gigabytes(disk.totalBytes)} in use, ${gigabytes(disk.freeBytes)} free.`,
    advice: "Make room or enlarge the disk. When it is full nothing can be saved.",
    remedy: {
      kind: "command",
      command: 'du -xh --max-depth=2 "$' + '{DATA_DIR:-./data}" | sort -h | tail',
    },
  },
  {
    id: "files_short",
    severity: "critical",
    title: "Few more files and connections can be opened",
    holdsForMs: 0,
    look: ({ reading: { files } }) =>
      !files || files.fraction < 0.8 ? null : `${files.open} of ${files.limit} are open.`,
    advice:
      "Every connection is an open file. Raise the limit (LimitNOFILE in a systemd unit, nofile in a container) and start the server again.",
    remedy: { kind: "command", command: "ulimit -n 65536" },
  },
  {
    id: "event_loop_held",
    severity: "warning",
    title: "The event loop runs late",
    holdsForMs: minute,
    look: ({ reading: { eventLoop } }) =>
      eventLoop.meanDelayMs < 50
        ? null
        : `Timers are ${Math.round(eventLoop.meanDelayMs)} ms late on average and ${Math.round(eventLoop.maxDelayMs)} ms at most: every request waits for as long.`,
    advice:
      "The server has more to do than one core can. Run one more server behind the balancer, or make room on the machine.",
    remedy: null,
  },
];

function percent(fraction: number): string {
  return `${Math.round(fraction * 100)} %`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}

function cores(count: number): string {
  return `${Number(count.toFixed(1))} ${count === 1 ? "core" : "cores"}`;
}
