import type { Clearing } from "@peregrine/cache";
import { CacheClearedBody, CacheStatsBody, CacheWarmedBody } from "@peregrine/protocol";
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { signedInAdmin } from "../auth/signed-in-admin.ts";
import { type WarmableType, warmableTypes } from "../cache/warm-cache.ts";
import type { Context } from "../context.ts";
import { ApiError } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { createAudited } from "./audited.ts";

/** A large Redis takes longer to sweep; what is old is not served meanwhile. */
const clearingWaitMs = 5_000;

const ClearQuery = Type.Object(
  {
    cache_type: Type.Optional(Type.String({ maxLength: 64 })),
    pattern: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
  },
  { additionalProperties: false },
);
const WarmQuery = Type.Object(
  { cache_type: Type.Optional(Type.String({ maxLength: 64 })) },
  { additionalProperties: false },
);

/** What administrators see of the caches, and do with them. */
export function cacheRoutes(context: Context) {
  const { cache, warm } = context;
  const audited = createAudited(context);
  const types = () => Object.keys(cache.stats().types);

  function clear(type: string | undefined, pattern: string | undefined): Promise<Clearing> {
    if (pattern !== undefined) return cache.invalidatePattern(pattern);
    if (type === undefined) return cache.clear();
    if (!types().includes(type)) throw unknownType(type, types());
    return cache.invalidateType(type as Parameters<typeof cache.invalidateType>[0]);
  }

  return new Elysia({ prefix: "/api/v1/performance/cache" })
    .derive(signedInAdmin(context))
    .get(
      "/",
      () => cache.stats(),
      documented("Performance", {
        summary: "Figures of the caches",
        returns: { 200: CacheStatsBody },
        errors: ["forbidden"],
      }),
    )
    .post(
      "/clear",
      async ({ user, query }) => {
        const { cache_type, pattern } = query;
        if (cache_type !== undefined && pattern !== undefined) {
          throw new ApiError("invalid_request", "Give cache_type or pattern, not both.");
        }
        return audited(user, "cache.clear", cache_type ?? pattern ?? "all", async () => {
          const clearing = await clear(cache_type, pattern);
          const isDone = await Promise.race([
            clearing.done.then(() => true),
            Bun.sleep(clearingWaitMs).then(() => false),
          ]);
          return {
            memory_entries: clearing.progress.memoryEntries,
            redis_entries: clearing.progress.redisEntries,
            done: isDone,
          };
        });
      },
      {
        query: ClearQuery,
        ...documented("Performance", {
          summary: "Clear caches",
          description:
            "Of one type (`cache_type`), of the keys that match a glob (`pattern`, such as `conversation:*:42`), or all. None of it is served any more when this answers; the counts say what was freed by then.",
          returns: { 200: CacheClearedBody },
          errors: ["forbidden", "invalid_request"],
        }),
      },
    )
    .post(
      "/warm",
      async ({ user, query }) => {
        const { cache_type } = query;
        const wanted = warmableTypes.filter((type) => (cache_type ?? type) === type);
        if (wanted.length === 0) throw unknownType(cache_type ?? "", [...warmableTypes]);
        return audited(user, "cache.warm", cache_type ?? "all", async () => {
          const warmed: Partial<Record<WarmableType, number>> = {};
          for (const type of wanted) warmed[type] = (await warm(type)).warmed;
          return { warmed };
        });
      },
      {
        query: WarmQuery,
        ...documented("Performance", {
          summary: "Load what is likely to be asked for",
          description: `Of one type (\`cache_type\`: ${warmableTypes.join(", ")}) or all of these.`,
          returns: { 200: CacheWarmedBody },
          errors: ["forbidden", "invalid_request"],
        }),
      },
    );
}

function unknownType(type: string, known: string[]): ApiError {
  return new ApiError(
    "invalid_request",
    `There is no cache type ${JSON.stringify(type)} here; there are ${known.join(", ")}.`,
    { field: "cache_type" },
  );
}
