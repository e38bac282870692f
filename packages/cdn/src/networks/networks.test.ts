import { describe, expect, test } from "bun:test";
import { testNetwork } from "../testing/network-conformance.ts";
import { cloudFrontPeer, cloudflarePeer, fastlyPeer, ownCachePeer } from "../testing/peers.ts";
import { cloudflare } from "./cloudflare.ts";
import { cloudFront } from "./cloudfront.ts";
import { allNetworks } from "./network.ts";

describe("caches of one's own", () => testNetwork(ownCachePeer));
describe("Fastly", () => testNetwork(fastlyPeer));
describe("Cloudflare", () => testNetwork(cloudflarePeer));
describe("CloudFront", () => testNetwork(cloudFrontPeer));

const item = { path: "/cdn/a", tag: "a" };

test("CloudFront completes in its own time, and is asked under the same reference", async () => {
  const peer = cloudFrontPeer();
  expect(await peer.network.purge([item], { reference: "r" })).toBe("in_progress");
  expect(await peer.network.purge([item], { reference: "r" })).toBe("done");
  expect(peer.purged).toEqual(["/cdn/a"]);
  await peer.stop();
});

test("CloudFront's peer refuses a wrong secret, so a right signature is checked", async () => {
  const peer = cloudFrontPeer();
  const stranger = cloudFront({
    distributionId: "EDFDVBD6EXAMPLE",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wrong" },
    endpoint: peer.url,
  });
  await expect(stranger.purge([item], { reference: "r" })).rejects.toMatchObject({
    code: "denied",
  });
  stranger.close();
  await peer.stop();
});

test("several networks are asked each, and are done when all are", async () => {
  const [front, own] = [cloudFrontPeer(), ownCachePeer()];
  const both = allNetworks([own.network, front.network]);
  expect(await both.purge([item], { reference: "r" })).toBe("in_progress");
  expect(await both.purge([item], { reference: "r" })).toBe("done");
  own.failWith = 503;
  await expect(both.purge([{ path: "/b", tag: "b" }], { reference: "s" })).rejects.toMatchObject({
    code: "unavailable",
  });
  while (!front.purged.includes("/b")) await Bun.sleep(1);
  await Promise.all([front.stop(), own.stop()]);
});

test("Cloudflare's 200 that says no success is a failure", async () => {
  const server = Bun.serve({
    port: 0,
    fetch: () => Response.json({ success: false, errors: [1] }),
  });
  const network = cloudflare({ zoneId: "z", apiToken: "t", apiUrl: server.url.origin });
  await expect(network.purge([item], { reference: "r" })).rejects.toMatchObject({
    code: "unavailable",
  });
  await server.stop(true);
});
