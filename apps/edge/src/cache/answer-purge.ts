import type { EdgeCache } from "@peregrine/cdn/edge-cache";

const tagList = /^[\w.:/+=-]{1,256}( [\w.:/+=-]{1,256})*$/;

/**
 * Answers a purge once it is through, in the form that `CDN_PURGE_URLS` sends: `PURGE /` with tags in
 * `Surrogate-Key`, separated by spaces. Without that header its path and query are purged, under
 * whatever host they were asked for. A purge of what is not there is done, too.
 */
export async function answerPurge(
  cache: EdgeCache | undefined,
  request: Request,
): Promise<Response> {
  const tags = request.headers.get("surrogate-key");
  if (tags === null) {
    const { pathname, search } = new URL(request.url);
    await cache?.purgeTarget(pathname + search);
  } else if (tagList.test(tags)) {
    await cache?.purgeTags(tags.split(" "));
  } else {
    const message = "Surrogate-Key must name tags, separated by single spaces.";
    return Response.json({ error: { code: "invalid_request", message } }, { status: 400 });
  }
  return Response.json({ purged: true });
}
