import { cloudflare } from "../networks/cloudflare.ts";
import { cloudFront } from "../networks/cloudfront.ts";
import { fastly } from "../networks/fastly.ts";
import type { CdnNetwork } from "../networks/network.ts";
import { ownCaches } from "../networks/own-caches.ts";
import type { Peer } from "./network-conformance.ts";
import { verifySignatureV4 } from "./verify-signature-v4.ts";

type Fake = {
  by: Peer["by"];
  network(url: string): CdnNetwork;
  /** Answers one request; what it purges is put into `purged`. */
  answer(request: Request, body: string, purged: string[]): Response | Promise<Response>;
};

function startFake({ by, network, answer }: Fake): Peer {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const body = await request.text();
      if (peer.failWith !== undefined) {
        return new Response("failing as the test wants", { status: peer.failWith });
      }
      const before = peer.purged.length;
      const response = await answer(request, body, peer.purged);
      if (peer.purged.length > before) peer.requests++;
      return response;
    },
  });
  const peer: Peer = {
    network: network(server.url.origin),
    url: server.url.origin,
    purged: [],
    requests: 0,
    failWith: undefined,
    by,
    stop: () => server.stop(true),
  };
  return peer;
}

const refuse = (reason: string, status = 400) => new Response(reason, { status });

export const ownCachePeer = () =>
  startFake({
    by: "tag",
    network: (url) => ownCaches([url]),
    answer(request, _body, purged) {
      const tags = request.headers.get("surrogate-key");
      if (request.method !== "PURGE" || !tags) return refuse("not a purge");
      if (tags.length > 8000) return refuse("header too large", 431);
      purged.push(...tags.split(" "));
      return new Response("Purged");
    },
  });

/** https://www.fastly.com/documentation/reference/api/purging/ */
export const fastlyPeer = () =>
  startFake({
    by: "tag",
    network: (apiUrl) => fastly({ serviceId: "SU1Z0isxPaozGVKXdv0eY", apiToken: "token", apiUrl }),
    answer(request, _body, purged) {
      const { pathname } = new URL(request.url);
      if (request.headers.get("fastly-key") !== "token") return refuse("Provided credentials", 401);
      if (request.method !== "POST" || pathname !== "/service/SU1Z0isxPaozGVKXdv0eY/purge") {
        return refuse("Record not found", 404);
      }
      const tags = request.headers.get("surrogate-key")?.split(" ") ?? [];
      if (tags.length === 0 || tags.length > 256) return refuse("keys");
      purged.push(...tags);
      return Response.json(Object.fromEntries(tags.map((tag, i) => [tag, `108-1391560174-${i}`])));
    },
  });

/** https://developers.cloudflare.com/api/resources/cache/methods/purge/ */
export const cloudflarePeer = () =>
  startFake({
    by: "tag",
    network: (apiUrl) => cloudflare({ zoneId: "023e105f4ecef8ad", apiToken: "token", apiUrl }),
    answer(request, body, purged) {
      const { pathname } = new URL(request.url);
      if (request.headers.get("authorization") !== "Bearer token") return refuse("auth", 403);
      if (pathname !== "/client/v4/zones/023e105f4ecef8ad/purge_cache") return refuse("zone", 404);
      const { tags } = JSON.parse(body) as { tags: string[] };
      if (tags.length === 0 || tags.length > 30) return refuse("tags");
      purged.push(...tags);
      return Response.json({
        success: true,
        errors: [],
        messages: [],
        result: { id: "023e105f4ecef8ad9ca31a8372d0c353" },
      });
    },
  });

/**
 * CloudFront's API of 2020-05-31 as far as invalidations go. It checks the request's signature with
 * code of its own, takes one reference for one set of paths, and completes an invalidation when it
 * is asked for the second time.
 */
export const cloudFrontPeer = () => {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG" };
  const known = new Map<string, { id: string; paths: string }>();
  return startFake({
    by: "path",
    network: (endpoint) => cloudFront({ distributionId: "EDFDVBD6EXAMPLE", credentials, endpoint }),
    answer(request, body, purged) {
      const problem = verifySignatureV4(request, body, credentials, "us-east-1", "cloudfront");
      if (problem) return awsError(403, "SignatureDoesNotMatch", problem);
      const { pathname } = new URL(request.url);
      if (pathname !== "/2020-05-31/distribution/EDFDVBD6EXAMPLE/invalidation") {
        return awsError(404, "NoSuchDistribution", "The specified distribution does not exist.");
      }
      const paths = [...body.matchAll(/<Path>([^<]+)<\/Path>/g)].map(([, path]) => path as string);
      const reference = /<CallerReference>([^<]+)</.exec(body)?.[1] ?? "";
      if (Number(/<Quantity>(\d+)</.exec(body)?.[1]) !== paths.length) {
        return awsError(400, "InconsistentQuantities", "Quantity and Items differ.");
      }
      if (paths.length > 3000) return awsError(400, "TooManyInvalidationsInProgress", "too many");
      const before = known.get(reference);
      if (before && before.paths !== paths.join()) {
        return awsError(400, "InvalidArgument", "The caller reference was used for other paths.");
      }
      if (!before) {
        known.set(reference, { id: `I${known.size}`, paths: paths.join() });
        purged.push(...paths);
      }
      const status = before ? "Completed" : "InProgress";
      return new Response(
        `<?xml version="1.0"?><Invalidation xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Id>${known.get(reference)?.id}</Id><Status>${status}</Status><CreateTime>2026-01-01T00:00:00Z</CreateTime><InvalidationBatch><Paths><Quantity>${paths.length}</Quantity><Items>${paths.map((path) => `<Path>${path}</Path>`).join("")}</Items></Paths><CallerReference>${reference}</CallerReference></InvalidationBatch></Invalidation>`,
        { status: 201, headers: { "content-type": "text/xml" } },
      );
    },
  });
};

function awsError(status: number, code: string, message: string): Response {
  return new Response(
    `<?xml version="1.0"?><ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
    { status, headers: { "content-type": "text/xml" } },
  );
}
