/** What can be done: a command to type, or something that the application does when told to. */
export type Remedy =
  | { kind: "command"; command: string }
  | { kind: "action"; action: string; label: string };

/** A piece of advice, and the facts it is drawn from. */
export type AdviceRule<Facts> = {
  id: string;
  severity: "info" | "warning" | "critical";
  title: string;
  /** For how long it has to be seen before it is said, and unseen before it is taken back. */
  holdsForMs: number;
  /** What is seen, in words and with its figures; null if nothing is. */
  look(facts: Facts): string | null;
  advice: string;
  remedy: Remedy | null;
};

export type Advice = {
  id: string;
  severity: "info" | "warning" | "critical";
  title: string;
  seen: string;
  sinceMs: number;
  advice: string;
  remedy: Remedy | null;
};

type Sighting = { seen: string; sinceMs: number; lastMs: number; isSaid: boolean };

/**
 * Draws advice from facts that it is shown again and again. It says what has been so for a while
 * and takes it back when it has been otherwise for as long, so that nothing comes and goes with a
 * single reading.
 */
export class Advisor<Facts> {
  readonly #rules: readonly AdviceRule<Facts>[];
  readonly #sightings = new Map<string, Sighting>();

  constructor(rules: readonly AdviceRule<Facts>[]) {
    this.#rules = rules;
  }

  /** What holds now, the longest first. */
  get advice(): Advice[] {
    const said = this.#rules.flatMap((rule) => {
      const sighting = this.#sightings.get(rule.id);
      if (!sighting?.isSaid) return [];
      const { id, severity, title, advice, remedy } = rule;
      const { seen, sinceMs } = sighting;
      return [{ id, severity, title, seen, sinceMs, advice, remedy }];
    });
    return said.sort((a, b) => a.sinceMs - b.sinceMs);
  }

  observe(facts: Facts, atMs: number): void {
    for (const rule of this.#rules) this.#look(rule, facts, atMs);
  }

  #look(rule: AdviceRule<Facts>, facts: Facts, atMs: number): void {
    const seen = rule.look(facts);
    const sighting = this.#sightings.get(rule.id);
    if (seen === null) {
      const isOver = sighting && (!sighting.isSaid || atMs - sighting.lastMs >= rule.holdsForMs);
      if (isOver) this.#sightings.delete(rule.id);
      return;
    }
    const sinceMs = sighting?.sinceMs ?? atMs;
    const isSaid = sighting?.isSaid || atMs - sinceMs >= rule.holdsForMs;
    this.#sightings.set(rule.id, { seen, sinceMs, lastMs: atMs, isSaid });
  }
}
