import { dlopen } from "bun:ffi";
import { closeSync, constants, openSync } from "node:fs";

/**
 * The calls of Linux that no module offers, for the wire between network namespaces. Each works on
 * the thread that calls it, which in a process without workers is the same one every time.
 */
const { symbols: libc } = dlopen("libc.so.6", {
  unshare: { args: ["i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: "i32" },
  write: { args: ["i32", "ptr", "u64"], returns: "i32" },
});

const newNetworkNamespace = 0x40000000;
const internet = { family: 2, datagram: 2 };
const requests = {
  setTunnel: 0x400454ca,
  getFlags: 0x8913,
  setFlags: 0x8914,
  setAddress: 0x8916,
  setNetmask: 0x891c,
};
/** IFF_TUN, for packets without a frame around them, and IFF_NO_PI, for nothing before them. */
const tunnelFlags = 0x0001 | 0x1000;
const interfaceUp = 0x1;
/** What ioctl asks for: 16 bytes with the interface's name, and 24 with what is asked. */
const requestBytes = 40;
const nameBytes = 16;
const pollInput = 0x1;
const pollHungUp = 0x10;

/** A network of its own, as two open files: what it is entered by, and its one way out. */
export type Namespace = { entrance: number; tunnel: number };

/**
 * Moves this thread into a new network namespace and gives it the address, with a tunnel as the way
 * to all others of 10.0.0.0/24. The namespace lasts as long as the files are open or a process is
 * in it: there is nothing to be removed afterwards, however this one ends.
 *
 * @throws Error where the kernel or our rights do not allow it
 */
export function enterNewNamespace(address: string): Namespace {
  if (libc.unshare(newNetworkNamespace) !== 0) {
    throw new Error("a network namespace cannot be made here");
  }
  const entrance = openSync("/proc/thread-self/ns/net", "r");
  const tunnel = openSync("/dev/net/tun", constants.O_RDWR | constants.O_NONBLOCK);
  const flags = Buffer.alloc(2);
  flags.writeUInt16LE(tunnelFlags);
  ask("setTunnel", tunnel, "wire", flags);
  const socket = libc.socket(internet.family, internet.datagram, 0);
  if (socket < 0) throw new Error("a socket cannot be made here");
  ask("setAddress", socket, "wire", socketAddress(address));
  ask("setNetmask", socket, "wire", socketAddress("255.255.255.0"));
  for (const name of ["lo", "wire"]) bringUp(socket, name);
  closeSync(socket);
  return { entrance, tunnel };
}

/** Waits until one of the files has something to read, or the time is over. @returns those that have */
export function waitForInput(files: readonly number[], timeoutMs: number): number[] {
  const asked = Buffer.alloc(8 * files.length);
  for (const [index, file] of files.entries()) {
    asked.writeInt32LE(file, 8 * index);
    asked.writeInt16LE(pollInput, 8 * index + 4);
  }
  libc.poll(asked, files.length, timeoutMs);
  return files.filter(
    (_, index) => (asked.readInt16LE(8 * index + 6) & (pollInput | pollHungUp)) !== 0,
  );
}

/** @returns how many bytes came: 0 at the end, less where nothing is there now */
export function readInto(file: number, buffer: Buffer): number {
  return libc.read(file, buffer, buffer.length);
}

/** What the file does not take is lost, as on any wire. */
export function write(file: number, bytes: Buffer): void {
  libc.write(file, bytes, bytes.length);
}

function bringUp(socket: number, name: string): void {
  const flags = ask("getFlags", socket, name, Buffer.alloc(2));
  flags.writeUInt16LE(flags.readUInt16LE() | interfaceUp);
  ask("setFlags", socket, name, flags.subarray(0, 2));
}

/** @returns what the kernel put in the place of what it was given */
function ask(request: keyof typeof requests, file: number, name: string, given: Buffer): Buffer {
  const asked = Buffer.alloc(requestBytes);
  asked.write(name);
  given.copy(asked, nameBytes);
  if (libc.ioctl(file, requests[request], asked) !== 0) {
    throw new Error(`the kernel refuses ${request} for the interface ${name}`);
  }
  return asked.subarray(nameBytes);
}

/** A `sockaddr_in` without a port. */
function socketAddress(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(internet.family);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}
