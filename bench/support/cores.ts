import { cpus } from "node:os";

/**
 * Which cores the parts of a bench run on, as `taskset -c` reads them. Undefined where it is not to
 * be had or the machine has fewer than four cores: then everything shares all of them.
 */
export type Cores = Readonly<Record<"server" | "door" | "load", string>>;

/** The server and its database on two cores; the load, and with a door the door, on the others. */
export function shareCores(hasDoor: boolean): Cores | undefined {
  if (Bun.which("taskset") === null || cpus().length < 4) return undefined;
  return hasDoor
    ? { server: "0,1", door: "2", load: "3" }
    : { server: "0,1", door: "", load: "2,3" };
}

/** A command that runs on these cores alone, with all that it starts. */
export function pinned(cores: string | undefined, command: readonly string[]): string[] {
  return cores ? ["taskset", "-c", cores, ...command] : [...command];
}
