import { createClient, createCluster, createSentinel } from "redis";
import type { RedisTarget } from "../cache/redis-target.ts";
import { type Bus, Listeners } from "./bus.ts";

const namespace = "peregrine:bus:";
const maxReconnectMs = 2_000;
const maxGoodbyeMs = 500;
const subscribeAgainMs = 500;

/** The part of node-redis' clients that all kinds of Redis share. */
type Client = {
  connect(): Promise<unknown>;
  publish(channel: string, text: string): Promise<unknown>;
  subscribe(channel: string, listener: (text: string) => void): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  destroy(): void;
  on(event: "error", listener: (error: unknown) => void): unknown;
};

type Envelope = { from: string; message: unknown };

/**
 * The bus of servers that share a Redis: its publish and subscribe. While Redis is away messages are
 * dropped; subscriptions come back with the connection.
 *
 * @param serverId whose own messages are not delivered to itself
 */
export function redisBus(
  target: RedisTarget,
  serverId: string,
  onError: (error: unknown) => void,
): Bus {
  const listeners = new Listeners();
  // A connection that listens can do nothing else.
  const publisher = open(target, onError);
  const subscriber = open(target, onError);
  let lastPublished: Promise<unknown> = Promise.resolve();
  let isClosed = false;

  /** The client takes up again what it has once listened to; until then, trying is up to us. */
  async function listen(channel: string): Promise<void> {
    try {
      await subscriber.subscribe(namespace + channel, (text) => {
        const { from, message } = JSON.parse(text) as Envelope;
        if (from !== serverId) listeners.deliver(channel, message);
      });
    } catch (error) {
      onError(error);
      setTimeout(() => {
        if (!isClosed && listeners.has(channel)) listen(channel).catch(onError);
      }, subscribeAgainMs);
    }
  }

  return {
    publish(channel, message) {
      const text = JSON.stringify({ from: serverId, message } satisfies Envelope);
      lastPublished = publisher.publish(namespace + channel, text).catch(onError);
    },
    async subscribe(channel, listener) {
      if (listeners.add(channel, listener)) await listen(channel);
      return () => {
        if (listeners.remove(channel, listener)) {
          subscriber.unsubscribe(namespace + channel).catch(onError);
        }
      };
    },
    async close() {
      isClosed = true;
      // The last thing that a server says is that it goes.
      await Promise.race([lastPublished, Bun.sleep(maxGoodbyeMs)]);
      publisher.destroy();
      subscriber.destroy();
    },
  };
}

function open(target: RedisTarget, onError: (error: unknown) => void): Client {
  const socket = {
    connectTimeout: 2_000,
    reconnectStrategy: (retries: number) => Math.min(50 * 2 ** retries, maxReconnectMs),
  };
  const client = createOf(target, socket) as unknown as Client;
  client.on("error", onError);
  client.connect().catch(onError);
  return client;
}

function createOf(target: RedisTarget, socket: object) {
  switch (target.kind) {
    case "single":
      return createClient({ url: target.url, socket, disableOfflineQueue: true });
    case "cluster": {
      const { urls, username, password } = target;
      return createCluster({
        rootNodes: urls.map((url) => ({ url })),
        defaults: { socket, ...(username ? { username } : {}), ...(password ? { password } : {}) },
      });
    }
    case "sentinel": {
      const { name, sentinels, username, password } = target;
      return createSentinel({
        name,
        sentinelRootNodes: [...sentinels],
        nodeClientOptions: {
          socket,
          ...(username ? { username } : {}),
          ...(password ? { password } : {}),
        },
      });
    }
  }
}
