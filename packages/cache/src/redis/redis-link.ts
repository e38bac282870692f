import { createClient, createCluster, createSentinel, RESP_TYPES } from "redis";
import { CacheError } from "../errors.ts";
import { sleep } from "../time-limit.ts";

/** Which Redis to use, and how. `rediss://` in a URL means TLS; `tls` refines it. */
export type RedisTarget = { readonly tls?: RedisTls } & (
  | { readonly kind: "single"; readonly url: string }
  | {
      readonly kind: "sentinel";
      /** The name of the master that the sentinels watch. */
      readonly name: string;
      readonly sentinels: readonly { host: string; port: number }[];
      readonly username?: string;
      readonly password?: string;
      readonly sentinelPassword?: string;
    }
  | {
      readonly kind: "cluster";
      /** Some of its nodes; the rest is found. */
      readonly urls: readonly string[];
      readonly username?: string;
      readonly password?: string;
    }
);

interface RedisTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export type RedisArgument = string | Buffer;

/**
 * One connection to Redis (in a cluster: one to each node). Commands given in the same tick travel
 * in one packet. Nothing is queued while it is down: a command then fails at once, and the link goes
 * on connecting by itself.
 */
export interface RedisLink {
  /** `key` decides the node of a cluster. Texts in replies are Buffers. */
  send(key: string, args: readonly RedisArgument[]): Promise<unknown>;
  /** What is under several names; null where there is nothing, or no text. */
  read(names: readonly string[]): Promise<readonly unknown[]>;
  /** The same for each master: for SCAN, which sees the keys of one node only. */
  sendToMasters(
    work: (send: (args: readonly RedisArgument[]) => Promise<unknown>) => Promise<void>,
  ): Promise<void>;
  /** Resolves when it is connected for the first time. */
  readonly connected: Promise<unknown>;
  close(): void;
}

export function openRedisLink(target: RedisTarget, onError: (error: unknown) => void): RedisLink {
  const socket = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectStrategy: (retries: number) => Math.min(25 * 2 ** retries, MAX_RECONNECT_MS),
    ...(target.tls === undefined ? {} : { tls: true as const, ...target.tls }),
  };
  const commandOptions = {
    // Callers have limits of their own. One for each command costs an abort signal, 2 µs.
    timeout: 0,
    typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.SIMPLE_STRING]: Buffer },
  };
  const shared = { RESP: 2, disableOfflineQueue: true } as const;

  if (target.kind === "single") {
    let closed = false;
    const client = createClient({
      ...shared,
      url: target.url,
      socket: {
        ...socket,
        reconnectStrategy: (retries) => (closed ? false : socket.reconnectStrategy(retries)),
      },
    });
    client.on("error", onError);
    // Destroyed while it connects, a client would leave the connection it gets behind.
    client.on("ready", () => {
      if (closed) client.destroy();
    });
    const connected = client.connect();
    connected.catch((error) => {
      if (!closed) onError(error);
    });
    const send = (args: readonly RedisArgument[]) =>
      client.sendCommand<unknown>(args, commandOptions);
    return {
      send: (_key, args) => send(args),
      read: (names) => readAtOnce(send, names),
      sendToMasters: (work) => work(send),
      connected,
      close() {
        closed = true;
        if (client.isReady) client.destroy();
      },
    };
  }

  if (target.kind === "sentinel") {
    const { username, password, sentinelPassword } = target;
    const attempts = connectAgain(async (onDestroyable) => {
      const sentinel = createSentinel({
        name: target.name,
        sentinelRootNodes: target.sentinels.map(({ host, port }) => ({ host, port })),
        RESP: 2,
        nodeClientOptions: {
          ...shared,
          socket,
          ...(username === undefined ? {} : { username }),
          ...(password === undefined ? {} : { password }),
        },
        ...(sentinelPassword === undefined
          ? {}
          : { sentinelClientOptions: { password: sentinelPassword } }),
      });
      sentinel.on("error", onError);
      const destroy = () => {
        sentinel.destroy().catch(onError);
      };
      onDestroyable(destroy);
      try {
        await sentinel.connect();
        // Held for good: it follows the master, and unlike the sentinel client itself it lets
        // commands share a packet instead of handing its one connection round.
        return await sentinel.acquire();
      } catch (error) {
        destroy();
        throw error;
      }
    }, onError);
    const send = async (args: readonly RedisArgument[]) =>
      attempts.client().sendCommand<unknown>(false, [...args], commandOptions);
    return {
      send: (_key, args) => send(args),
      read: (names) => readAtOnce(send, names),
      sendToMasters: (work) => work(send),
      connected: attempts.connected,
      close: attempts.close,
    };
  }

  const { username, password } = target;
  const attempts = connectAgain(async (onDestroyable) => {
    const cluster = createCluster({
      RESP: 2,
      rootNodes: target.urls.map((url) => ({ url })),
      defaults: {
        disableOfflineQueue: true,
        socket,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
      },
    });
    cluster.on("error", onError);
    const destroy = () => {
      if (cluster.isOpen) cluster.destroy();
    };
    try {
      await cluster.connect();
      // Not before: destroyed while it connects, it would leave connections behind.
      onDestroyable(destroy);
      return cluster;
    } catch (error) {
      destroy();
      throw error;
    }
  }, onError);
  const send = async (key: string, args: readonly RedisArgument[]) =>
    attempts.client().sendCommand<unknown>(key, false, [...args], commandOptions);
  return {
    send,
    // Each key has a node of its own to be asked.
    read: (names) => Promise.all(names.map((name) => send(name, ["GET", name]))),
    async sendToMasters(work) {
      const cluster = attempts.client();
      for (const master of cluster.masters) {
        const client = await cluster.nodeClient(master);
        await work((args) => client.sendCommand<unknown>(args, commandOptions));
      }
    },
    connected: attempts.connected,
    close: attempts.close,
  };
}

async function readAtOnce(
  send: (args: readonly RedisArgument[]) => Promise<unknown>,
  names: readonly string[],
): Promise<readonly unknown[]> {
  return (await send(["MGET", ...names])) as unknown[];
}

/** A single client goes on connecting by itself from the start; these give up: they begin again. */
function connectAgain<C>(
  connect: (onDestroyable: (destroy: () => void) => void) => Promise<C>,
  onError: (error: unknown) => void,
) {
  let client: C | undefined;
  let destroy = () => {};
  let closed = false;

  async function run(): Promise<void> {
    while (!closed) {
      try {
        const connected = await connect((newDestroy) => {
          destroy = newDestroy;
        });
        if (closed) destroy();
        else client = connected;
        return;
      } catch (error) {
        if (closed) return;
        onError(error);
        await sleep(MAX_RECONNECT_MS);
      }
    }
  }

  return {
    connected: run(),
    client(): C {
      if (client !== undefined) return client;
      throw new CacheError("REDIS_UNAVAILABLE", "Redis has not been reached yet, or is closed");
    },
    close() {
      closed = true;
      client = undefined;
      destroy();
    },
  };
}

const CONNECT_TIMEOUT_MS = 1000;
const MAX_RECONNECT_MS = 500;
