import { BalancerBody, DrainServerBody } from "@peregrine/protocol";
import { Elysia } from "elysia";
import { signedInAdmin } from "../auth/signed-in-admin.ts";
import type { Context } from "../context.ts";
import { ApiError, notFound } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { createAudited } from "./audited.ts";
import { FrontDoor } from "./front-door.ts";

/** The servers behind the front door, of which this may be one. For administrators. */
export function balancerRoutes(context: Context) {
  const url = context.config.EDGE_ADMIN_URL;
  const door = url === undefined ? undefined : new FrontDoor(url);
  const audited = createAudited(context);

  return new Elysia({ prefix: "/api/v1/performance/balancer" })
    .derive(signedInAdmin(context))
    .get("/", () => lookAt(door), {
      ...documented("Performance", {
        summary: "The servers behind the front door, and its cache",
        description:
          "As the door at `EDGE_ADMIN_URL` sees them now. Where it does not answer in 2 s, `error` says why.",
        returns: { 200: BalancerBody },
        errors: ["forbidden"],
      }),
    })
    .post(
      "/drain",
      ({ user, body }) =>
        audited(user, body.drained ? "server.drain" : "server.undrain", body.server, async () => {
          if (!door) throw notFound("front door");
          await door.setDrained(body.server, body.drained);
          return new Response(null, { status: 204 });
        }),
      {
        body: DrainServerBody,
        ...documented("Performance", {
          summary: "Give a server behind the front door nothing new, or take it back",
          description:
            "Requests that it has go on. Holds until the door restarts. The last server that takes requests is not drained.",
          returns: { 204: null },
          errors: ["forbidden", "not_found", "last_server", "balancer_unavailable"],
        }),
      },
    );
}

const nothing = { servers: [], cache: null };

async function lookAt(door: FrontDoor | undefined): Promise<BalancerBody> {
  if (!door) return { door: "none", ...nothing, error: null };
  try {
    const [servers, cache] = await Promise.all([door.servers(), door.cache()]);
    return { door: "reachable", error: null, servers, cache };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { code, message } = error;
    return { door: "unreachable", ...nothing, error: { code, message } };
  }
}
