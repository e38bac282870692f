import type { Advice } from "@peregrine/protocol";
import type { JobContext } from "../job-context.ts";

type Facts = {
  version: number;
  isSuperuser: boolean;
  loaded: boolean;
  available: string[];
  installed: string[];
};

/** Extensions that the optimiser would see more with: one line each, and none that it must have. */
export async function adviseExtensions({ watch }: JobContext): Promise<Advice[]> {
  const [facts] = await watch.query<Facts>(
    `select current_setting('server_version_num')::int as version,
      (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser",
      coalesce(current_setting('pg_stat_statements.max', true), '') <> '' as loaded,
      to_json(array(select name::text from pg_available_extensions)) as available,
      to_json(array(select extname::text from pg_extension)) as installed`,
  );
  if (!facts) return [];
  const advice: Advice[] = [];
  const wanted = [
    { name: "pg_stat_statements", gives: "Slow statements and missing indexes are found by it." },
    // From 18 on a shadow table does the same.
    ...(facts.version < 180_000
      ? [{ name: "hypopg", gives: "Missing indexes are proven by it, and guesses without." }]
      : []),
  ];
  for (const { name, gives } of wanted) {
    if (facts.installed.includes(name) && (name === "hypopg" || facts.loaded)) continue;
    const isThere = facts.available.includes(name);
    const needsRestart = name === "pg_stat_statements" && !facts.loaded;
    const isReady = isThere && !needsRestart;
    advice.push({
      name: `install.${name}`,
      kind: "extension",
      summary: `The extension ${name} is not ${needsRestart ? "loaded" : "installed"}`,
      evidence: gives,
      cost: isReady
        ? "A few megabytes of memory at most; a superuser has to create it."
        : needsRestart && isThere
          ? "A superuser has to add it to shared_preload_libraries, restart Postgres, and create it."
          : "Its package has to be installed beside Postgres.",
      confidence: "measured",
      sql: `CREATE EXTENSION ${name}`,
      undo: `DROP EXTENSION ${name}`,
      applicable: isReady && facts.isSuperuser,
    });
  }
  return advice;
}
