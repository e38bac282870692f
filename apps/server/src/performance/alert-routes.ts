import {
  type AlertState,
  defaultRules,
  describeFigures,
  inactiveState,
  type Rule,
  RuleError,
  readyRule,
  rulesWith,
  tryRule,
} from "@peregrine/alerts";
import { newId } from "@peregrine/database";
import {
  AlertFigureListBody,
  AlertListBody,
  AlertRule,
  AlertRuleBody,
  AlertRuleListBody,
  AlertTrialBody,
  SilenceBody,
  SilencedBody,
} from "@peregrine/protocol";
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { signedInAdmin } from "../auth/signed-in-admin.ts";
import type { Context } from "../context.ts";
import { ApiError, notFound } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { IdParams } from "../http/id-params.ts";
import { createAudited } from "./audited.ts";
import { pastFigures, recentFigures } from "./fleet-figures.ts";
import type { PerformanceParts } from "./performance-parts.ts";
import { silentSeconds } from "./start-alerts.ts";

const weekMs = 7 * 86_400_000;
const trialStepMs = 300_000;
const maxOwnRules = 200;
const minuteMs = 60_000;

const RuleParams = Type.Object({ id: Type.String({ maxLength: 60 }) });
const isDefault = (id: string) => defaultRules.some((rule) => rule.id === id);
const iso = (ms: number) => new Date(ms).toISOString();

/** Alerts and their rules, for administrators. */
export function alertRoutes(context: Context, { alerts }: PerformanceParts) {
  const { database } = context;
  const store = database.alerts;
  const audited = createAudited(context);

  async function currentRules() {
    const changed = await store.rules();
    return { changed, rules: rulesWith(changed.map(({ rule }) => rule as Rule)) };
  }

  return new Elysia({ prefix: "/api/v1/performance/alerts" })
    .derive(signedInAdmin(context))
    .get(
      "/",
      async (): Promise<AlertListBody> => {
        const [{ rules }, states, silences, events] = await Promise.all([
          currentRules(),
          store.states(),
          store.silences(),
          store.events(Date.now() - weekMs),
        ]);
        const byRule = new Map(states.map((stored) => [stored.ruleId, stored]));
        return {
          alerts: rules
            .filter(({ isEnabled }) => isEnabled)
            .map((rule) => {
              const stored = byRule.get(rule.id);
              const silence = silences.findLast(
                ({ ruleId }) => ruleId === null || ruleId === rule.id,
              );
              return {
                ...shownState(rule, stored?.state as AlertState | undefined),
                acknowledgedBy: stored?.acknowledgedBy ?? null,
                silencedUntil: silence ? iso(silence.untilMs) : null,
              };
            }),
          events: events.map(({ atMs, ...event }) => ({ ...event, at: iso(atMs) })),
          silences: silences.map(({ untilMs, ...silence }) => ({
            ...silence,
            until: iso(untilMs),
          })),
          receivers: alerts?.receiverNames ?? [],
        };
      },
      documented("Alerts", {
        summary: "Every alert, what happened in the last week, and silences",
        returns: { 200: AlertListBody },
        errors: ["forbidden"],
      }),
    )
    .post(
      "/:id/acknowledge",
      ({ user, params }) =>
        audited(user, "alert.acknowledge", params.id, async () => {
          if (!(await store.acknowledge(params.id, user.name))) throw notFound("firing alert");
          return new Response(null, { status: 204 });
        }),
      {
        params: RuleParams,
        ...documented("Alerts", {
          summary: "Take an alert on: it is not told again until it is over",
          returns: { 204: null },
          errors: ["forbidden", "not_found"],
        }),
      },
    )
    .post(
      "/silences",
      ({ user, body }) =>
        audited(user, "alert.silence", body.ruleId ?? "all", async () => {
          const { rules } = await currentRules();
          if (body.ruleId !== null && !rules.some(({ id }) => id === body.ruleId)) {
            throw notFound("rule");
          }
          const id = newId();
          await store.silence({
            id,
            ruleId: body.ruleId,
            untilMs: Date.now() + body.minutes * 60_000,
            reason: body.reason,
            createdBy: user.name,
          });
          return Response.json({ id }, { status: 201 });
        }),
      {
        body: SilenceBody,
        ...documented("Alerts", {
          summary: "Keep receivers from being told for a while",
          returns: { 201: SilencedBody },
          errors: ["forbidden", "not_found"],
        }),
      },
    )
    .delete(
      "/silences/:id",
      ({ user, params }) =>
        audited(user, "alert.unsilence", params.id, async () => {
          if (!(await store.endSilence(params.id))) throw notFound("silence");
          return new Response(null, { status: 204 });
        }),
      {
        params: IdParams,
        ...documented("Alerts", {
          summary: "End a silence",
          returns: { 204: null },
          errors: ["forbidden", "not_found"],
        }),
      },
    )
    .post(
      "/test",
      ({ user }) =>
        audited(user, "alert.test", "all", async () => {
          if (!alerts) throw notFound("alert: METRICS_ENABLED is false");
          await alerts.tellTest(user.name);
          return new Response(null, { status: 202 });
        }),
      documented("Alerts", {
        summary: "Tell all receivers of an alert that is none",
        returns: { 202: null },
        errors: ["forbidden"],
      }),
    )
    .get(
      "/figures",
      async (): Promise<AlertFigureListBody> => {
        const nowMs = Date.now();
        const silent = await database.servers.countSilent(silentSeconds(context.config));
        const source = await recentFigures(database, minuteMs, silent);
        return {
          figures: describeFigures().map((figure) => ({
            ...figure,
            value: source.value(figure.name, nowMs - minuteMs, nowMs) ?? null,
          })),
        };
      },
      documented("Alerts", {
        summary: "What a rule can speak of, and what it comes to now",
        returns: { 200: AlertFigureListBody },
        errors: ["forbidden"],
      }),
    )
    .get(
      "/rules",
      async () => {
        const { changed, rules } = await currentRules();
        const authors = new Map(
          changed.map(({ rule, updatedBy }) => [(rule as Rule).id, updatedBy]),
        );
        return {
          rules: rules.map((rule) => ({
            rule,
            origin: !isDefault(rule.id) ? "own" : authors.has(rule.id) ? "changed" : "default",
            updatedBy: authors.get(rule.id) ?? null,
          })),
        };
      },
      documented("Alerts", {
        summary: "The rules",
        returns: { 200: AlertRuleListBody },
        errors: ["forbidden"],
      }),
    )
    .put(
      "/rules/:id",
      ({ user, params, body }) =>
        audited(user, "alert_rule.save", params.id, async () => {
          const rule = checked({ ...body, id: params.id });
          const { changed } = await currentRules();
          const isNew = !changed.some(({ rule }) => (rule as Rule).id === params.id);
          if (isNew && changed.length >= maxOwnRules) {
            throw new ApiError("limit_reached", `There are ${maxOwnRules} rules at most.`);
          }
          await store.saveRule(rule.id, rule, user.name);
          return { rule };
        }),
      {
        params: RuleParams,
        body: AlertRule,
        ...documented("Alerts", {
          summary: "Make or change a rule",
          returns: { 200: AlertRuleBody },
          errors: ["forbidden", "invalid_request", "limit_reached"],
        }),
      },
    )
    .delete(
      "/rules/:id",
      ({ user, params }) =>
        audited(user, "alert_rule.delete", params.id, async () => {
          if (!(await store.deleteRule(params.id))) throw notFound("rule of your own");
          return new Response(null, { status: 204 });
        }),
      {
        params: RuleParams,
        ...documented("Alerts", {
          summary: "Remove a rule of your own, or take a change back",
          returns: { 204: null },
          errors: ["forbidden", "not_found"],
        }),
      },
    )
    .post(
      "/rules/:id/test",
      ({ user, params }) =>
        audited(user, "alert_rule.test", params.id, async () => {
          if (!alerts) throw notFound("alert: METRICS_ENABLED is false");
          const { rules } = await currentRules();
          const rule = rules.find(({ id }) => id === params.id);
          if (!rule) throw notFound("rule");
          await alerts.tellTest(user.name, rule);
          return new Response(null, { status: 202 });
        }),
      {
        params: RuleParams,
        ...documented("Alerts", {
          summary: "Tell all receivers as if a rule fired, marked as a test",
          returns: { 202: null },
          errors: ["forbidden", "not_found"],
        }),
      },
    )
    .post(
      "/rules/try",
      async ({ body }): Promise<AlertTrialBody> => {
        const rule = readyRule(checked(body));
        const toMs = Date.now();
        const range = { fromMs: toMs - weekMs, toMs, stepMs: trialStepMs };
        const trial = tryRule(rule, await pastFigures(database, range.fromMs, toMs), range);
        return {
          ...trial,
          firings: trial.firings.map(({ fromMs, toMs, peak }) => ({
            from: iso(fromMs),
            to: toMs === null ? null : iso(toMs),
            peak,
          })),
        };
      },
      {
        body: AlertRule,
        ...documented("Alerts", {
          summary: "When a rule would have fired in the last week",
          description: "Looked at every 5 minutes; nothing is saved and nobody is told.",
          returns: { 200: AlertTrialBody },
          errors: ["forbidden", "invalid_request"],
        }),
      },
    );
}

/** @throws ApiError invalid_request naming the part of the rule that is wrong */
function checked(rule: Rule): Rule {
  try {
    readyRule(rule);
    return rule;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    throw new ApiError("invalid_request", error.message, { field: error.field });
  }
}

/** A rule that nobody has looked at yet is not known to be well. */
function shownState(rule: Rule, stored: AlertState | undefined) {
  const { id, title, advice, severity, comparison, threshold } = rule;
  const { state, sinceMs, value, missing } = stored ?? inactiveState(0);
  const isUnknown = !stored || (missing !== null && state === "inactive");
  return {
    ruleId: id,
    title,
    advice,
    severity,
    state: isUnknown ? ("unknown" as const) : state,
    since: stored ? iso(sinceMs) : null,
    value,
    comparison,
    threshold,
    missing,
  };
}
