import { join } from "node:path";
import { type CgroupHierarchy, type CgroupTexts, findHierarchy } from "./cgroup-hierarchy.ts";
import { readCpuV1, readMemoryV1 } from "./cgroup-v1.ts";
import { readCpuV2, readMemoryV2 } from "./cgroup-v2.ts";
import type { GroupCpu, GroupMemory } from "./group-figures.ts";
import { readText } from "./read-text.ts";

/** How to read each group that this process is in, by its directory, own first. */
type Groups<Figures> = ReadonlyMap<string, () => Promise<Figures | null>>;

/**
 * The limits that a container sets: this process's group and every group above it, since each of
 * them can be the one that is tightest.
 *
 * A controller belongs to either version of cgroups, and a machine may have both mounted: memory
 * and CPU are each read where version 1 has them, and otherwise in the hierarchy of version 2.
 */
export class Container {
  readonly #memory: Groups<GroupMemory>;
  readonly #cpu: Groups<GroupCpu>;

  private constructor(memory: Groups<GroupMemory>, cpu: Groups<GroupCpu>) {
    this.#memory = memory;
    this.#cpu = cpu;
  }

  /** @param procDirectory `/proc`, but for tests */
  static async find(procDirectory: string): Promise<Container> {
    const [cgroup, mountinfo] = await Promise.all([
      readText(join(procDirectory, "self/cgroup")),
      readText(join(procDirectory, "self/mountinfo")),
    ]);
    const texts = { cgroup: cgroup ?? "", mountinfo: mountinfo ?? "" };
    return new Container(memoryGroups(texts), cpuGroups(texts));
  }

  /** The group whose memory is fullest. */
  async memory(): Promise<GroupMemory | null> {
    const groups = await Promise.all([...this.#memory.values()].map((read) => read()));
    return groups.reduce(
      (fullest, group) => (group && share(group) > share(fullest) ? group : fullest),
      null,
    );
  }

  /** The groups that have a quota, own first. */
  async cpu(): Promise<Map<string, GroupCpu>> {
    const found = new Map<string, GroupCpu>();
    for (const [directory, read] of this.#cpu) {
      const group = await read();
      if (group) found.set(directory, group);
    }
    return found;
  }
}

function memoryGroups(texts: CgroupTexts): Groups<GroupMemory> {
  const first = findHierarchy(texts, "memory");
  const hierarchy = first ?? findHierarchy(texts, null);
  const read = first ? readMemoryV1 : readMemoryV2;
  return new Map(directoriesOf(hierarchy).map((directory) => [directory, () => read(directory)]));
}

function cpuGroups(texts: CgroupTexts): Groups<GroupCpu> {
  const first = findHierarchy(texts, "cpu");
  const account = findHierarchy(texts, "cpuacct");
  if (!first) {
    const directories = directoriesOf(findHierarchy(texts, null));
    return new Map(directories.map((directory) => [directory, () => readCpuV2(directory)]));
  }
  return new Map(
    first.paths.map((path) => [
      first.directory + path,
      () => readCpuV1(first.directory + path, (account ?? first).directory + path),
    ]),
  );
}

function directoriesOf(hierarchy: CgroupHierarchy | null): string[] {
  return hierarchy?.paths.map((path) => hierarchy.directory + path) ?? [];
}

function share(memory: GroupMemory | null): number {
  return memory ? memory.usedBytes / memory.limitBytes : -1;
}
