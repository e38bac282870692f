import { dlopen, ptr } from "bun:ffi";
import { cpus } from "node:os";

/** The clock of a process's CPU time, by `clock_gettime`: /proc counts it in ticks of 10 ms. */
const cpuClockOf = (pid: number) => (~pid << 3) | 2;

const libc = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
const time = new BigInt64Array(2);

/** CPU seconds that a process has used, all of its threads together, to the nanosecond. */
export function cpuSecondsOf(pid: number): number {
  const failed = libc.symbols.clock_gettime(cpuClockOf(pid), ptr(time));
  if (failed !== 0) throw new Error(`there is no process ${pid} whose CPU time can be read`);
  return Number(time[0]) + Number(time[1]) / 1e9;
}

/**
 * Gives the processes under test a core to share, by turns, and this one the others. Where `taskset`
 * is missing, or there is one core, all stay where they are.
 *
 * @returns what was done, to be printed
 */
export function pin(underTest: readonly number[]): string {
  const [core, ...others] = cpus().keys();
  const taskset = Bun.which("taskset");
  if (!taskset || others.length === 0) return "not pinned to cores";
  const run = (list: string, pid: number) =>
    Bun.spawnSync([taskset, "--all-tasks", "--cpu-list", "--pid", list, String(pid)]).success;
  const went = underTest.every((pid) => run(String(core), pid)) && run(others.join(), process.pid);
  return went ? `servers on core ${core}, this on the others` : "not pinned to cores";
}
