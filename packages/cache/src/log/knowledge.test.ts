import { describe, expect, test } from "#test";
import { Knowledge } from "./knowledge.ts";
import type { LogRecord } from "./records.ts";

function record(seq: number, kind: LogRecord["kind"], guards: string[], id = "m1"): LogRecord {
  return { seq, kind, id, node: "n", guards, wantsAck: false };
}

describe("Knowledge", () => {
  test("a bump makes old what was stamped before it, by tag, prefix or all", () => {
    for (const guard of [
      "t:a",
      "k:conversation",
      "k:conversation:42",
      "k:conversation:42:7",
      "*",
    ]) {
      const knowledge = new Knowledge({ maxVersions: 100 });
      knowledge.apply(record(1, "bump", [guard]));
      expect(knowledge.isCurrent("conversation:42:7", ["a"], 0)).toBe(false);
      expect(knowledge.isCurrent("conversation:42:7", ["a"], 1)).toBe(true);
    }
    const knowledge = new Knowledge({ maxVersions: 100 });
    knowledge.apply(record(1, "bump", ["t:b", "k:conversation:4", "k:conv"]));
    expect(knowledge.isCurrent("conversation:42:7", ["a"], 0)).toBe(true);
  });

  test("while a write is pending nothing it touches is current, whatever its stamp", () => {
    const knowledge = new Knowledge({ maxVersions: 100 });
    knowledge.apply(record(1, "pending", ["t:a"], "m1"));
    knowledge.apply(record(2, "pending", ["t:a"], "m2"));
    knowledge.apply(record(3, "bump", ["t:a"], "m1"));
    expect(knowledge.isCurrent("x:1:1", ["a"], 3)).toBe(false);
    expect(knowledge.isPending("x:1:1", ["a"])).toBe(true);
    knowledge.apply(record(4, "bump", ["t:a"], "m2"));
    expect(knowledge.isCurrent("x:1:1", ["a"], 3)).toBe(false);
    expect(knowledge.isCurrent("x:1:1", ["a"], 4)).toBe(true);
    expect(knowledge.isPending("x:1:1", ["a"])).toBe(false);
  });

  test("what it has forgotten counts as changed", () => {
    const knowledge = new Knowledge({ maxVersions: 10 });
    for (let seq = 1; seq <= 50; seq++) knowledge.apply(record(seq, "bump", [`t:${seq}`], ""));
    expect(knowledge.figures().guards).toBeLessThanOrEqual(10);
    expect(knowledge.isCurrent("x:1:1", ["3"], 2)).toBe(false);
    expect(knowledge.isCurrent("x:1:1", ["untouched"], knowledge.floor - 1)).toBe(false);
    expect(knowledge.isCurrent("x:1:1", ["untouched"], knowledge.floor)).toBe(true);
  });

  test("patterns make old what matches, and the oldest of too many raises the floor", () => {
    const knowledge = new Knowledge({ maxVersions: 10 });
    knowledge.apply(record(1, "pattern", ["note:4*"]));
    expect(knowledge.isCurrent("note:42:1", [], 0)).toBe(false);
    expect(knowledge.isCurrent("note:52:1", [], 0)).toBe(true);
    expect(knowledge.isCurrent("note:42:1", [], 1)).toBe(true);
    for (let seq = 2; seq <= 66; seq++) knowledge.apply(record(seq, "pattern", [`p${seq}*`]));
    expect(knowledge.isCurrent("note:52:1", [], 0)).toBe(false);
  });

  test("a reset takes over what is pending and begins a generation", () => {
    const knowledge = new Knowledge({ maxVersions: 10 });
    knowledge.apply(record(1, "pending", ["t:gone"], "m1"));
    const { generation } = knowledge;
    knowledge.reset({
      epoch: "e2",
      seq: 100,
      pending: [{ id: "m9", guards: ["t:a"] }],
      patterns: [{ glob: "q*", seq: 90 }],
    });
    expect(knowledge.generation).toBe(generation + 1);
    expect(knowledge.isPending("x:1:1", ["gone"])).toBe(false);
    expect(knowledge.isPending("x:1:1", ["a"])).toBe(true);
    expect(knowledge.isCurrent("x:1:1", ["b"], 99)).toBe(false);
    expect(knowledge.isCurrent("x:1:1", ["b"], 100)).toBe(true);
    knowledge.apply(record(101, "bump", ["t:a"], "m9"));
    expect(knowledge.isPending("x:1:1", ["a"])).toBe(false);
  });
});
