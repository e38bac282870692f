import type { Setting } from "./setting.ts";

/** The settings of a process, by the name of the variable each is read from. */
type SettingTable = Readonly<Record<string, Setting<unknown>>>;

type Value<S> = S extends Setting<infer T> ? T : never;

/** What a table of settings reads as. */
export type Config<Table extends SettingTable> = {
  readonly [Name in keyof Table]: Value<Table[Name]>;
};

/** The environment has settings that are not accepted; the message has one line for each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Reads every setting of the table at once; an empty variable counts as unset.
 *
 * @param findConflicts looks at all of them together and says what does not fit, a line each
 * @throws ConfigError naming each wrong variable, its value (unless it is a secret) and what is accepted.
 */
export function readSettings<const Table extends SettingTable>(
  environment: Readonly<Record<string, string | undefined>>,
  table: Table,
  findConflicts: (config: Partial<Config<Table>>) => string[] = () => [],
): Config<Table> {
  const config: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, setting] of Object.entries(table)) {
    const given = environment[name]?.trim();
    const value = given || setting.fallback;
    if (value === undefined) continue;
    try {
      const parsed = setting.parse(value);
      if (parsed === undefined) {
        const shown = setting.secret ? "the given value" : JSON.stringify(value);
        problems.push(`${name}: ${shown} is not accepted; expected ${setting.accepts}`);
      }
      config[name] = parsed;
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
    }
  }
  problems.push(...findConflicts(config as Partial<Config<Table>>));
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return config as Config<Table>;
}
