/** The two texts in which the kernel says where this process's groups are. */
export type CgroupTexts = {
  /** `/proc/self/cgroup` */
  cgroup: string;
  /** `/proc/self/mountinfo` */
  mountinfo: string;
};

/** This process's group in one hierarchy, and every group above it that can be seen. */
export type CgroupHierarchy = {
  /** Where the hierarchy is mounted. */
  directory: string;
  /** The groups below that, own first, such as "/service/web", "/service" and "" for the mounted one. */
  paths: readonly string[];
};

/**
 * @param controller of cgroup version 1, such as "memory"; null for the one hierarchy of version 2
 * @returns null where there is no such hierarchy
 */
export function findHierarchy(
  { cgroup, mountinfo }: CgroupTexts,
  controller: string | null,
): CgroupHierarchy | null {
  const path = findPath(cgroup, controller);
  const mount = findMount(mountinfo, controller);
  if (path === null || mount === null) return null;
  const names = namesBelow(path, mount.root);
  const paths = [""];
  for (const name of names) paths.unshift(`${paths[0]}/${name}`);
  return { directory: mount.directory, paths };
}

/** From lines such as "4:memory:/service", "1:cpu,cpuacct:/service", and of version 2 "0::/service". */
function findPath(cgroup: string, controller: string | null): string | null {
  for (const line of cgroup.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers?.split(",").includes(controller ?? "")) return path ?? null;
  }
  return null;
}

/**
 * From lines such as "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory". The fourth
 * word is the group that is mounted: container engines often mount the container's own.
 */
function findMount(
  mountinfo: string,
  controller: string | null,
): { root: string; directory: string } | null {
  for (const line of mountinfo.split("\n")) {
    const [mount = "", source = ""] = line.split(" - ");
    const [type, , options = ""] = source.split(" ");
    const isWanted =
      controller === null
        ? type === "cgroup2"
        : type === "cgroup" && options.split(",").includes(controller);
    const [, , , root, directory] = mount.split(" ");
    if (isWanted && root !== undefined && directory !== undefined) return { root, directory };
  }
  return null;
}

/**
 * The names that lead from the mounted group to `path`. None where it is not below that: of a
 * process that was moved out of its namespace's root (a path with ".."), or where an engine mounts
 * one group and tells another's path.
 */
function namesBelow(path: string, mountedPath: string): string[] {
  const names = namesOf(path);
  const mounted = namesOf(mountedPath);
  const isBelow = !names.includes("..") && mounted.every((name, i) => names[i] === name);
  return isBelow ? names.slice(mounted.length) : [];
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}
