import type { Advice, OptimiserAction } from "@peregrine/protocol";
import { DatabaseError } from "../errors.ts";
import type { Query } from "./admin-connection.ts";
import { adviseExtensions } from "./advice/extensions.ts";
import { quoteName } from "./ensure-indexes.ts";
import { action, type JobContext } from "./job-context.ts";
import type { OwnTable } from "./own-tables.ts";
import { type Finding, judgedSettings, judgeSettings, type Setting } from "./setting-rules.ts";

type Facts = {
  database: string;
  settings: Setting[];
  /** What this database sets for itself. */
  own: Map<string, string>;
  mayAlterDatabase: boolean;
  isSuperuser: boolean;
};

/** Tables that change with every question: autovacuum has to come before a fifth of them is dead. */
const hotTables = ["conversations", "messages", "sessions"];
const hotStorage = {
  autovacuum_vacuum_scale_factor: 0.02,
  autovacuum_vacuum_insert_scale_factor: 0.05,
  autovacuum_analyze_scale_factor: 0.02,
} as const;

/**
 * Checks the settings of planner, memory and autovacuum against the machine. What takes effect
 * without a restart, the role may change and nobody could miss is set for this database or table
 * alone; each action tells how to undo it. All else is advice. Sessions that are open keep what
 * they have.
 */
export async function* checkSettings(
  context: JobContext,
  tables: readonly OwnTable[],
): AsyncGenerator<OptimiserAction> {
  const facts = await readFacts(context.watch.query);
  const findings = judgeSettings(facts.settings, context.machine);
  for (const finding of findings) {
    const way = wayOf(finding, facts);
    if (way.isApplied) yield await apply(context, finding.name, finding, way.sql, way.undo);
  }
  const fine = facts.settings.length - findings.length;
  yield action("settings", "settings", "unneeded", `${fine} of ${facts.settings.length} fit`);
  yield* tuneHotTables(context, tables);
  yield* installStatements(context);
}

/** pg_stat_statements, where Postgres has loaded it and only its view is not there yet. */
async function* installStatements(context: JobContext): AsyncGenerator<OptimiserAction> {
  for (const { name, evidence, sql, undo, applicable } of await adviseExtensions(context)) {
    if (name !== "install.pg_stat_statements" || !applicable || !sql || !undo) continue;
    const change = { was: "not installed", wanted: "installed", why: evidence };
    yield await apply(context, "pg_stat_statements", change, sql, undo);
  }
}

/** What a person has to decide, or to do where the role may not. */
export async function adviseSettings(context: JobContext): Promise<Advice[]> {
  const facts = await readFacts(context.watch.query);
  return judgeSettings(facts.settings, context.machine).flatMap((finding) => {
    const way = wayOf(finding, facts);
    if (way.isApplied) return [];
    return [
      {
        name: `set.${finding.name}`,
        kind: "setting" as const,
        summary: `Set ${finding.name} to ${finding.wanted}`,
        evidence: `It is ${finding.was}: ${finding.why}.`,
        cost: way.cost,
        confidence: "measured" as const,
        sql: way.sql,
        undo: way.undo,
        applicable: way.isApplicable,
      },
    ];
  });
}

/** How a setting is changed, and whether the optimiser does it by itself. */
function wayOf(finding: Finding, facts: Facts) {
  const context = facts.settings.find(({ name }) => name === finding.name)?.context;
  const value = `'${finding.wanted}'`;
  if (context === "user" || context === "superuser") {
    const database = quoteName(facts.database);
    const before = facts.own.get(finding.name);
    const mayApply = facts.mayAlterDatabase && (context === "user" || facts.isSuperuser);
    return {
      isApplied: finding.isSafe && mayApply,
      isApplicable: mayApply,
      sql: `ALTER DATABASE ${database} SET ${finding.name} = ${value}`,
      undo:
        before === undefined
          ? `ALTER DATABASE ${database} RESET ${finding.name}`
          : `ALTER DATABASE ${database} SET ${finding.name} = '${before.replaceAll("'", "''")}'`,
      cost: mayApply
        ? "Holds for new connections to this database."
        : "The database's owner has to run it. Holds for new connections.",
    };
  }
  const isReload = context === "sighup";
  return {
    isApplied: false,
    isApplicable: false,
    sql: `ALTER SYSTEM SET ${finding.name} = ${value}`,
    undo: `ALTER SYSTEM RESET ${finding.name}`,
    cost: `A superuser has to run it${isReload ? ", then SELECT pg_reload_conf()" : ", and Postgres has to be restarted"}. Holds for all databases.`,
  };
}

async function apply(
  context: JobContext,
  name: string,
  { was, wanted, why }: { was: string; wanted: string; why: string },
  sql: string,
  undo: string,
): Promise<OptimiserAction> {
  const detail = `${was} to ${wanted}: ${why}`;
  if (context.isDryRun) return action("settings", name, "planned", detail, { sql, undo });
  try {
    await context.repair();
    // Both locks are held for an instant and stop no reads or writes: better never than queued.
    await context.work.query("set lock_timeout = '2s'");
    await context.work.query(sql);
    return action("settings", name, "done", detail, { sql, undo });
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const outcome = error.code === "not_permitted" ? "not_permitted" : "failed";
    return action("settings", name, outcome, `${detail}; ${error.message}`, { sql });
  } finally {
    await context.work.query("set lock_timeout = 0").catch(() => {});
  }
}

async function* tuneHotTables(
  context: JobContext,
  tables: readonly OwnTable[],
): AsyncGenerator<OptimiserAction> {
  for (const table of tables.filter(({ name }) => hotTables.includes(name))) {
    const [row] = await context.watch.query<{ options: string[] | null }>(
      "select to_json(reloptions) as options from pg_class where oid = $1::oid",
      [table.oid],
    );
    const own = new Map(
      (row?.options ?? []).map((option) => option.split("=") as [string, string]),
    );
    const settings = await readScaleFactors(context.watch.query);
    const wrong = Object.entries(hotStorage).filter(
      // A value that somebody chose for this table stays.
      ([name, most]) => !own.has(name) && (settings.get(name) ?? 0) > most,
    );
    if (wrong.length === 0) continue;
    const list = (change: (name: string, value: number) => string) =>
      wrong.map(([name, value]) => change(name, value)).join(", ");
    const sql = `ALTER TABLE ${table.quoted} SET (${list((name, value) => `${name} = ${value}`)})`;
    const undo = `ALTER TABLE ${table.quoted} RESET (${list((name) => name)})`;
    const change = {
      was: list((name) => `${name} ${settings.get(name)}`),
      wanted: list((_, value) => String(value)),
      why: "autovacuum comes before a fiftieth of it has changed, however large it grows",
    };
    const name = `${table.name} autovacuum`;
    if (!table.mayAlter) {
      const detail = `the role ${context.role} may not, ${table.owner} may`;
      yield action("settings", name, "not_permitted", detail, { sql });
    } else yield await apply(context, name, change, sql, undo);
  }
}

async function readScaleFactors(query: Query): Promise<Map<string, number>> {
  const rows = await query<{ name: string; value: number }>(
    "select name, setting::float8 as value from pg_settings where name like 'autovacuum%scale_factor'",
  );
  return new Map(rows.map(({ name, value }) => [name, value]));
}

async function readFacts(query: Query): Promise<Facts> {
  const names = judgedSettings.map((name) => `'${name}'`).join(", ");
  const settings = await query<Setting>(
    // What a new connection gets, and not what this one has set for itself.
    `select name, context, case when unit in ('8kB', 'kB', 'MB') then pg_size_pretty(number::bigint)
        else concat(reset_val, unit) end as value, number
    from pg_settings cross join lateral (
      select case when vartype in ('integer', 'real') then reset_val::float8 * case unit
          when '8kB' then 8192 when 'kB' then 1024 when 'MB' then 1048576
          when 's' then 1000 when 'min' then 60000 else 1 end
        else 0 end as number
    ) as measured
    where name in (${names})`,
  );
  const own = await query<{ name: string; value: string }>(
    `select split_part(entry, '=', 1) as name, substr(entry, strpos(entry, '=') + 1) as value
    from pg_db_role_setting cross join unnest(setconfig) as entry
    where setdatabase = (select oid from pg_database where datname = current_database())
      and setrole = 0`,
  );
  const [rights] = await query<{ database: string; owns: boolean; super: boolean }>(
    `select datname::text as database, pg_has_role(datdba, 'USAGE') as owns,
      (select rolsuper from pg_roles where rolname = current_user) as super
    from pg_database where datname = current_database()`,
  );
  return {
    database: rights?.database ?? "",
    settings,
    own: new Map(own.map(({ name, value }) => [name, value])),
    mayAlterDatabase: rights?.owns ?? false,
    isSuperuser: rights?.super ?? false,
  };
}
