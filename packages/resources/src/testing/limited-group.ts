import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CgroupTexts, findHierarchy } from "../readings/cgroup-hierarchy.ts";

type Limits = { memoryBytes?: number; cores?: number };

/** A group of this machine's own cgroups, as a container is one. */
export type LimitedGroup = {
  version: 1 | 2;
  /** The command that runs `command` in the group from its first instruction on. */
  inside(command: readonly string[]): string[];
  /** Ends what still runs in the group, and removes it. */
  remove(): Promise<void>;
};

/**
 * Makes a group with these limits: of version 2 where the controllers are there, else of version 1.
 *
 * @returns why not, where this machine or account can have none of either
 */
export function makeLimitedGroup(limits: Limits): LimitedGroup | string {
  if (!existsSync("/proc/self/cgroup")) return "this system has no cgroups";
  const texts = {
    cgroup: readFileSync("/proc/self/cgroup", "utf8"),
    mountinfo: readFileSync("/proc/self/mountinfo", "utf8"),
  };
  const name = `peregrine-test-${process.pid}-${++groups}`;
  const reasons: string[] = [];
  for (const version of [2, 1] as const) {
    const made: string[] = [];
    try {
      for (const [parent, files] of plan(texts, version, limits)) {
        const directory = join(parent, name);
        mkdirSync(directory);
        made.push(directory);
        for (const [file, text] of files) writeFileSync(join(directory, file), text);
      }
      return groupOf(version, made);
    } catch (error) {
      for (const directory of made) rmdirSync(directory);
      reasons.push(`version ${version}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return reasons.join("; ");
}

let groups = 0;
const periodUs = 100_000;

type Files = [name: string, text: string][];

/** Below which group one has to be made, and what to write into its files. @throws Error saying what is missing */
function plan(texts: CgroupTexts, version: 1 | 2, { memoryBytes, cores }: Limits) {
  const parents = new Map<string, Files>();
  const add = (controller: string, files: Files) => {
    const hierarchy = findHierarchy(texts, version === 1 ? controller : null);
    if (!hierarchy) throw new Error(`${controller} is not mounted`);
    const { directory, paths } = hierarchy;
    // In version 2 a group with processes has none below it, but for the topmost.
    const parent = version === 1 ? directory + paths[0] : directory;
    if (version === 2) writeFileSync(join(parent, "cgroup.subtree_control"), `+${controller}`);
    parents.set(parent, [...(parents.get(parent) ?? []), ...files]);
  };
  if (memoryBytes !== undefined) {
    const file = version === 1 ? "memory.limit_in_bytes" : "memory.max";
    add("memory", [[file, String(memoryBytes)]]);
  }
  if (cores !== undefined) {
    const quotaUs = String(cores * periodUs);
    if (version === 1) {
      add("cpu", [["cpu.cfs_quota_us", quotaUs]]);
      add("cpuacct", []);
    } else add("cpu", [["cpu.max", `${quotaUs} ${periodUs}`]]);
  }
  return parents;
}

function groupOf(version: 1 | 2, directories: readonly string[]): LimitedGroup {
  const enter = directories.map((directory) => `echo $$ > ${directory}/cgroup.procs`);
  return {
    version,
    inside: (command) => ["/bin/sh", "-c", [...enter, 'exec "$@"'].join(" && "), "sh", ...command],
    async remove() {
      for (const directory of directories) await removeGroup(directory);
    },
  };
}

async function removeGroup(directory: string): Promise<void> {
  const deadlineMs = Date.now() + 10_000;
  for (;;) {
    const processes = readFileSync(join(directory, "cgroup.procs"), "utf8").match(/\d+/g) ?? [];
    for (const pid of processes) kill(Number(pid));
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      // A process that was ended is in its group until its end is complete.
      if (Date.now() > deadlineMs) throw error;
    }
    await sleep(20);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile.
  }
}
