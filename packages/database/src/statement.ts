import assert from "node:assert/strict";

/** What a parameter can carry. `undefined` is not among them: say `null`. */
export type Parameter = string | number | boolean | Date | Uint8Array | string[] | null;

/** The phantom fields only carry types, from the statement to those who run it. */
export type Statement<Args, Row> = {
  readonly name: string;
  readonly text: string;
  /** The arguments' names, in the order of `$1`, `$2`, … in the text. */
  readonly parameters: readonly string[];
  /** Reads only: may be sent again when its connection broke. */
  readonly readOnly: boolean;
  readonly _args?: Args;
  readonly _row?: Row;
};

/** Sends one statement and gives its rows. */
export type Run = <Args extends Record<string, Parameter>, Row>(
  statement: Statement<Args, Row>,
  args: Args,
) => Promise<Row[]>;

/**
 * A prepared statement with named parameters: `:userId` in the text becomes `$1`, and the same
 * number wherever the name comes again. `::uuid` stays a cast. The text is parsed once, when the
 * module loads; each connection prepares it once, when it first runs there.
 */
export function read<Args, Row>(name: string, text: string): Statement<Args, Row> {
  return parse(name, text, true);
}

/** A statement that changes rows; otherwise as `read`. */
export function write<Args, Row>(name: string, text: string): Statement<Args, Row> {
  return parse(name, text, false);
}

/** The row of a statement that always gives one. */
export function only<Row>(rows: Row[]): Row {
  const [row] = rows;
  assert(row !== undefined, "a statement that always gives a row gave none");
  return row;
}

function parse<Args, Row>(name: string, source: string, readOnly: boolean): Statement<Args, Row> {
  const parameters: string[] = [];
  const text = source.replace(/(?<!:):([a-z]\w*)/gi, (_, parameter: string) => {
    let index = parameters.indexOf(parameter);
    if (index === -1) index = parameters.push(parameter) - 1;
    return `$${index + 1}`;
  });
  return { name, text, parameters, readOnly };
}
