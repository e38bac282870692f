import { expect, test } from "bun:test";
import fc from "fast-check";
import { EdgeCache } from "./edge-cache.ts";
import { answerOf, ask, requestFor } from "./testing/simulated-clients.ts";

/**
 * The cache beside a model of RFC 9111 that reads no header: it is given what the server means, and
 * decides by the few sentences of the RFC when the server has to be asked and what the client gets.
 */

/** What the server says of its answers from now on; times in seconds. */
const policies = fc.record({
  maxAge: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
  sMaxAge: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined, freq: 4 }),
  expiresIn: fc.option(fc.integer({ min: -50, max: 100 }), { nil: undefined, freq: 4 }),
  targetedMaxAge: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined, freq: 6 }),
  whileRevalidate: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined, freq: 3 }),
  ifError: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined, freq: 3 }),
  age: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined, freq: 4 }),
  flags: fc.subarray(["public", "private", "no-store", "no-cache", "must-revalidate"], {
    maxLength: 2,
  }),
  variesByLanguage: fc.boolean(),
  setsCookie: fc.integer({ min: 0, max: 7 }).map((one) => one === 0),
  hasTag: fc.boolean(),
  upperCase: fc.boolean(),
});
type Policy = typeof policies extends fc.Arbitrary<infer T> ? T : never;

const clients = fc.record({
  language: fc.constantFrom("de", "en"),
  hasCookie: fc.boolean(),
  control: fc.option(
    fc.oneof(
      fc.constantFrom("no-cache" as const, "no-store" as const),
      fc.record({
        name: fc.constantFrom("max-age", "min-fresh", "max-stale"),
        seconds: fc.integer({ min: 0, max: 60 }),
      }),
    ),
    { nil: undefined, freq: 3 },
  ),
});
type Client = typeof clients extends fc.Arbitrary<infer T> ? T : never;

const steps = fc.oneof(
  { weight: 6, arbitrary: clients.map((client) => ({ do: "ask" as const, client })) },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 0, max: 60 }).map((seconds) => ({ do: "wait" as const, seconds })),
  },
  { weight: 2, arbitrary: policies.map((policy) => ({ do: "say" as const, policy })) },
  { weight: 2, arbitrary: fc.constant({ do: "change" as const }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("target", "tag", "post", "all")
      .map((how) => ({ do: "purge" as const, how })),
  },
  { weight: 1, arbitrary: fc.boolean().map((fails) => ({ do: "fail" as const, fails })) },
);

type Kept = { version: number; policy: Policy; bornAt: number; lifetime: number };

/** RFC 9111 4.2.1, and that a targeted field stands alone. */
function lifetimeOf(policy: Policy): number | undefined {
  if (policy.targetedMaxAge !== undefined) return policy.targetedMaxAge;
  return (
    policy.sMaxAge ??
    policy.maxAge ??
    (policy.expiresIn === undefined ? undefined : Math.max(0, policy.expiresIn))
  );
}

/** Whether a targeted field is there; then flags, which are said in Cache-Control, do not count. */
const has = (policy: Policy, flag: string) =>
  policy.targetedMaxAge === undefined && policy.flags.includes(flag);
const graceOf = (policy: Policy, seconds: number | undefined) =>
  policy.targetedMaxAge !== undefined || has(policy, "must-revalidate") || has(policy, "no-cache")
    ? 0
    : (seconds ?? 0);

/** Whether what the server says now may be kept for others, and would be of use to any. */
function isKept(policy: Policy, client: Client): boolean {
  if (policy.setsCookie || has(policy, "private") || has(policy, "no-store")) return false;
  if (client.control === "no-store" || (client.hasCookie && !has(policy, "public"))) return false;
  const life = lifetimeOf(policy) ?? 0;
  const grace = Math.max(graceOf(policy, policy.whileRevalidate), graceOf(policy, policy.ifError));
  const isUsable = !has(policy, "no-cache") && life + grace > (policy.age ?? 0);
  return policy.hasTag || isUsable;
}

class Model {
  now = 0;
  version = 1;
  fails = false;
  policy: Policy;
  kept = new Map<string, Kept>();

  constructor(policy: Policy) {
    this.policy = policy;
  }

  /** What is stored that a client may have, the newest first. */
  find(client: Client): [string, Kept] | undefined {
    const may = ([selection, { policy }]: [string, Kept]) =>
      (selection === "" || selection === client.language) &&
      (!client.hasCookie || has(policy, "public"));
    return [...this.kept].reverse().find(may);
  }

  decide({ policy, bornAt, lifetime }: Kept, { control }: Client): "serve" | "renew" | "ask" {
    const age = this.now - bornAt;
    if (has(policy, "no-cache") || control === "no-cache") return "ask";
    const asks = typeof control === "object" ? control : undefined;
    if (asks?.name === "max-age" && (age > asks.seconds || asks.seconds === 0)) return "ask";
    if (asks?.name === "min-fresh" && lifetime - age < asks.seconds) return "ask";
    if (age < lifetime) return "serve";
    const stale = age - lifetime;
    if (stale < graceOf(policy, policy.whileRevalidate)) return "renew";
    const mustAsk =
      has(policy, "must-revalidate") ||
      (policy.targetedMaxAge === undefined && policy.sMaxAge !== undefined);
    return asks?.name === "max-stale" && stale <= asks.seconds && !mustAsk ? "serve" : "ask";
  }

  /** The server is asked, about what is stored if it has a tag. @returns what the client gets */
  fetch(client: Client, asked: [string, Kept] | undefined): number {
    if (this.fails) {
      const kept = asked?.[1];
      const grace = kept && graceOf(kept.policy, kept.policy.ifError);
      if (kept && this.now - kept.bornAt < kept.lifetime + (grace ?? 0)) return kept.version;
      return -1;
    }
    if (asked !== undefined) this.kept.delete(asked[0]);
    if (isKept(this.policy, client)) {
      const selection = this.policy.variesByLanguage ? client.language : "";
      this.kept.delete(selection);
      this.kept.set(selection, {
        version: this.version,
        policy: this.policy,
        bornAt: this.now - (this.policy.age ?? 0),
        lifetime: lifetimeOf(this.policy) ?? 0,
      });
    }
    return this.version;
  }

  ask(client: Client): { version: number; wasAsked: boolean } {
    const found = this.find(client);
    const decision = found === undefined ? "ask" : this.decide(found[1], client);
    if (found !== undefined && decision !== "ask") {
      if (decision === "renew") this.fetch(client, found);
      return { version: found[1].version, wasAsked: false };
    }
    // Nothing of such an answer may be kept, not even that what is stored is still good.
    const asked = client.control === "no-store" ? undefined : found;
    return { version: this.fetch(client, asked), wasAsked: true };
  }
}

function fieldsOf(policy: Policy, version: number, startMs: number, nowMs: number) {
  const control = [
    ...policy.flags,
    ...(policy.maxAge === undefined ? [] : [`max-age=${policy.maxAge}`]),
    ...(policy.sMaxAge === undefined ? [] : [`s-maxage=${policy.sMaxAge}`]),
    ...(policy.whileRevalidate === undefined
      ? []
      : [`stale-while-revalidate=${policy.whileRevalidate}`]),
    ...(policy.ifError === undefined ? [] : [`stale-if-error=${policy.ifError}`]),
  ].join(", ");
  const fields: Record<string, string> = {
    "surrogate-key": "it",
    date: new Date(nowMs).toUTCString(),
  };
  if (control !== "") fields["cache-control"] = policy.upperCase ? control.toUpperCase() : control;
  if (policy.targetedMaxAge !== undefined)
    fields["cdn-cache-control"] = `max-age=${policy.targetedMaxAge}`;
  if (policy.expiresIn !== undefined) {
    fields.expires = new Date(nowMs + policy.expiresIn * 1000).toUTCString();
  }
  if (policy.age !== undefined) fields.age = String(policy.age);
  if (policy.variesByLanguage) fields.vary = "Accept-Language";
  if (policy.setsCookie) fields["set-cookie"] = "a=b";
  if (policy.hasTag) fields.etag = `"v${version}-${startMs}"`;
  return fields;
}

test("decides and serves as the model of RFC 9111 does", async () => {
  const startMs = Date.UTC(2030, 0, 1);
  await fc.assert(
    fc.asyncProperty(
      policies,
      fc.array(steps, { minLength: 20, maxLength: 60, size: "max" }),
      async (policy, script) => {
        const model = new Model(policy);
        const nowMs = () => startMs + model.now * 1000;
        const cache = new EdgeCache({ memoryBytes: 1 << 20, now: nowMs });
        for (const step of script) {
          switch (step.do) {
            case "wait":
              model.now += step.seconds;
              break;
            case "say":
              model.policy = step.policy;
              // Another answer under the same tag would be the server's fault.
              model.version++;
              break;
            case "change":
              model.version++;
              break;
            case "fail":
              model.fails = step.fails;
              break;
            case "purge":
              if (step.how === "all") await cache.purgeAll();
              else if (step.how === "tag") await cache.purgeTags(["it"]);
              else if (step.how === "target") await cache.purgeTarget("/");
              else cache.invalidate("http://a", "/", []);
              model.kept.clear();
              break;
            case "ask": {
              const { client } = step;
              const control =
                typeof client.control === "object"
                  ? `${client.control.name}=${client.control.seconds}`
                  : client.control;
              const request = requestFor("/", {
                "accept-language": client.language,
                ...(client.hasCookie && { cookie: "a=b" }),
                ...(control !== undefined && { "cache-control": control }),
              });
              const wanted = model.ask(client);
              const got = await ask(cache, request, (ifNoneMatch) => {
                if (model.fails) return answerOf({}, "-1", 503);
                const fields = fieldsOf(model.policy, model.version, startMs, nowMs());
                const isSame = ifNoneMatch !== undefined && ifNoneMatch === fields.etag;
                return isSame ? answerOf(fields, "", 304) : answerOf(fields, String(model.version));
              });
              expect({ version: Number(got.body), wasAsked: got.wasAsked }).toEqual(wanted);
            }
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
}, 60_000);
