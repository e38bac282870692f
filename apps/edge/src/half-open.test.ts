import { afterEach, describe, expect, test } from "bun:test";
import { whyNoNetwork } from "@peregrine/e2e/network";
import { NetworkScene } from "./testing/network-scene.ts";
import { eventually } from "./testing/test-edge.ts";

const reason = whyNoNetwork();
const name = `a host that is gone without a word${reason === undefined ? "" : ` (not run: ${reason})`}`;
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** In turns, so that each of the three servers has a third of what is asked for. */
async function open(): Promise<NetworkScene> {
  const scene = await NetworkScene.open({ LOAD_BALANCER_ALGORITHM: "round_robin" });
  cleanUps.push(() => scene.close());
  return scene;
}

describe.skipIf(reason !== undefined)(name, () => {
  test("ends what it had begun within moments, for those who wait for it alone", async () => {
    const scene = await open();
    const { client, url } = scene;
    const socketUrl = `${url.replace("http", "ws")}/socket`;
    const follow = async (what: string, count: number) => {
      const { length } = await client.streams();
      await client.follow(what, count);
      await eventually(
        async () =>
          (await client.streams()).filter(({ isOpen }) => isOpen).length === length + count,
        `${what} to be open`,
      );
    };
    await follow(`${url}/stream?n=100000`, 6);
    await follow(socketUrl, 3);
    const posts = ["w0", "w1", "w2"].map((body) =>
      client.ask({ url: `${url}/wait?ms=60000`, method: "POST", body }),
    );
    await eventually(() => scene.writes.length === 3, "each to have come to its server");

    await scene.network.hosts.a.cut();
    const ended = async () => (await client.streams()).filter(({ end }) => end !== undefined);
    await eventually(async () => (await ended()).length >= 3, "three to be told");
    expect((await ended()).map((stream) => [stream.url, stream.end]).sort()).toEqual([
      [`${url}/stream?n=100000`, "broken"],
      [`${url}/stream?n=100000`, "broken"],
      [socketUrl, "broken"],
    ]);
    const told = await Promise.race(posts);
    expect(told.status).toBe(502);
    expect([...scene.writes].sort()).toEqual(["w0", "w1", "w2"]);

    const bytesOf = async () => (await client.streams()).reduce((sum, { bytes }) => sum + bytes, 0);
    const bytes = await bytesOf();
    await eventually(async () => (await bytesOf()) > bytes + 1000, "the others to go on");
    expect(await ended()).toHaveLength(3);
  });

  test("and back as if nothing had been costs one request at most, and no read", async () => {
    const scene = await open();
    const { client, url } = scene;
    const atOnce = Array.from({ length: 24 }, (_, count) =>
      client.ask({ url: `${url}/wait?ms=400`, method: "POST", body: `wait ${count}` }),
    );
    const names = (await Promise.all(atOnce)).map(({ text }) => text);
    expect(names.filter((name) => name === "a")).toHaveLength(8);

    await scene.restartHost("a");
    const posts: number[] = [];
    for (let count = 0; count < 12; count++) {
      const body = `w${count}`;
      posts.push((await client.ask({ url: `${url}/write`, method: "POST", body })).status);
    }
    expect(posts.filter((status) => status !== 200).length).toBeLessThanOrEqual(1);
    expect(scene.writes.length).toBe(new Set(scene.writes).size);
    for (let count = 0; count < 12; count++) {
      expect((await client.ask({ url })).status).toBe(200);
    }
    expect(await scene.state("a")).toBe("up");
  });
});
