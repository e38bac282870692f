import { beforeAll, expect, test } from "bun:test";
import { SQL } from "bun";
import { InvalidCursorError } from "../errors.ts";
import { newId } from "../ids.ts";
import { firstIdAt } from "../search/slots.ts";
import { useDatabase } from "../testing/use-database.ts";
import type { Search } from "./search.ts";

const fixture = useDatabase();
let sql: SQL;
let ada: string;

beforeAll(async () => {
  sql = new SQL({ url: fixture.url, max: 1 });
  ada = await fixture.makeUser();
});

const day = 86_400_000;

async function say(userId: string, texts: string[], conversationId?: string, ageMs = 0) {
  const conversation = conversationId ?? (await fixture.makeConversation(userId));
  const ids: string[] = [];
  for (const [i, content] of texts.entries()) {
    const ms = Date.now() - ageMs + i;
    const id = firstIdAt(ms).slice(0, 14) + newId().slice(14);
    ids.push(id);
    await sql`insert into messages (id, conversation_id, user_id, role, content, status, created_at)
      values (${id}, ${conversation}, ${userId}, 'user', ${content}, 'complete', ${new Date(ms)})`;
  }
  return { conversation, ids };
}

function find(userId: string, text: string, more: Partial<Search> = {}) {
  const all = { conversationId: null, from: null, to: null, limit: 20, cursor: null };
  return fixture.database.search.find({ userId, text, ...all, ...more });
}

async function texts(userId: string, text: string, more: Partial<Search> = {}) {
  const { results } = await find(userId, text, more);
  return results.map((result) => result.message?.content ?? result.conversation?.title ?? "");
}

test("words, phrases, exclusion, alternatives, accents, code and prefixes find what they mean", async () => {
  const user = await fixture.makeUser();
  const said = {
    brown: "The quick brown fox",
    red: "A red fox, quick to run",
    code: "const result = foo.bar_baz(x-1); // see https://example.org/guide?x=1",
    cafe: "Das Café in der Straße, déjà vu",
    russian: "Привет, МИР! «Кавычки» — и всё",
    punctuated: "don’t panic…now",
  };
  await say(user, Object.values(said));
  const cases: [string, string[]][] = [
    ["fox", [said.brown, said.red]],
    ["FOX quick", [said.brown, said.red]],
    ['"quick brown"', [said.brown]],
    ["fox -red", [said.brown]],
    ['fox -"quick brown"', [said.red]],
    ["brown or red", [said.brown, said.red]],
    ["cafe", [said.cafe]],
    ["CAFÉ strasse", [said.cafe]],
    ["de", [said.cafe]],
    ["de ", []],
    ["привет мир", [said.russian]],
    ["кавычки", [said.russian]],
    ["bar_baz", [said.code]],
    ["foo.bar", [said.code]],
    ["guide ", [said.code]],
    ["don't", [said.punctuated]],
    ["panic now", [said.punctuated]],
    ["qui", [said.brown, said.red]],
  ];
  for (const [text, expected] of cases) {
    const found = await find(user, text);
    const contents = found.results.map((result) => result.message?.content ?? "");
    expect([text, contents.sort(), found.correctedQuery]).toEqual([text, expected.sort(), null]);
  }
});

test("languages without spaces are found by any part, whole and as a phrase", async () => {
  const user = await fixture.makeUser();
  const apple = "我喜欢吃苹果，也喜欢香蕉。";
  const tower = "東京タワーに行きました";
  const korean = "오늘 학교에서 만나요";
  const thai = "สวัสดีชาวโลก";
  await say(user, [apple, tower, korean, thai, "No such thing here"]);
  for (const [text, expected] of [
    ["苹果", [apple]],
    ["吃苹果", [apple]],
    ["果", [apple]],
    ['"喜欢香蕉"', [apple]],
    ["喜欢 香蕉 ", [apple]],
    ["苹香", []],
    ["タワー", [tower]],
    ["東京", [tower]],
    ["京 ", [tower]],
    ["喜欢 -苹果", []],
    ["학교", [korean]],
    ["ชาว", [thai]],
  ] as const) {
    expect([text, await texts(user, text)]).toEqual([text, [...expected]]);
  }
});

test("titles and documents are found beside messages, a title before a text", async () => {
  const user = await fixture.makeUser();
  await say(user, ["Watering the garden in June"]);
  const titled = await fixture.makeConversation(user);
  await fixture.database.conversations.patch(user, titled, { title: "Garden plans" });
  const document = newId();
  await sql`insert into documents (id, user_id, title, content)
    values (${document}, ${user}, 'Notes', 'All about a garden & <b>bees</b>')`;
  const { results } = await find(user, "garden");
  expect(results).toHaveLength(3);
  expect(results[0]?.conversation?.id).toBe(titled);
  expect(results[0]?.message).toBeNull();
  expect(results.map((result) => result.snippet).sort()).toEqual([
    "<mark>Garden</mark> plans",
    "All about a <mark>garden</mark> &amp; &lt;b&gt;bees&lt;/b&gt;",
    "Watering the <mark>garden</mark> in June",
  ]);
  const found = results.find((result) => result.document);
  expect(found?.document).toMatchObject({ id: document, title: "Notes" });
  const message = results.find((result) => result.message);
  expect(message?.conversation?.id).toBe(message?.message?.conversationId as string);
});

test("an unfinished word finds the latest thousand titles, a whole one all of them", async () => {
  const user = await fixture.makeUser();
  const old = await fixture.makeConversation(user);
  await sql`update conversations set title = 'Hummingbirds of old', updated_at = '2020-01-01'
    where id = ${old}`;
  await sql`insert into conversations (id, user_id, title)
    select gen_random_uuid(), ${user}, 'Plain' from generate_series(1, 1000)`;
  expect(await texts(user, "hummingbirds ")).toEqual(["Hummingbirds of old"]);
  expect(await texts(user, "hummingbirds")).toEqual(["Hummingbirds of old"]);
  expect(await texts(user, "hummingb")).not.toContain("Hummingbirds of old");
  await sql`update conversations set updated_at = now() where id = ${old}`;
  expect(await texts(user, "hummingb")).toEqual(["Hummingbirds of old"]);
});

test("nobody finds what is another's, superseded or deleted", async () => {
  const [eve, bob] = [await fixture.makeUser(), await fixture.makeUser()];
  const { conversation, ids } = await say(bob, ["the zanzibar secret", "zanzibar again"]);
  expect(await texts(eve, "zanzibar")).toEqual([]);
  expect(await texts(eve, "zanzibar", { conversationId: conversation })).toEqual([]);
  expect((await find(eve, "zanzibra")).correctedQuery).toBeNull();
  await sql`update messages set superseded_at = now() where id = ${ids[1] as string}`;
  expect(await texts(bob, "zanzibar")).toEqual(["the zanzibar secret"]);
  await fixture.database.conversations.delete(bob, conversation);
  expect(await texts(bob, "zanzibar")).toEqual([]);
});

test("typing errors find what was meant, and say so", async () => {
  const user = await fixture.makeUser();
  await say(user, ["How do I receive a package from Postgres?", "Über die Brücke, привет"]);
  for (const [typed, meant] of [
    ["recieve", "receive"],
    ["pakage", "package"],
    ["postgers", "postgres"],
    ["brucek", "brucke"],
    ["превет", "привет"],
  ] as const) {
    const { results, correctedQuery } = await find(user, typed);
    expect([typed, correctedQuery, results.length]).toEqual([typed, meant, 1]);
  }
  for (const typed of ["zzzzzz", '"recieve"', "xy"]) {
    expect(await find(user, typed)).toEqual({
      results: [],
      nextCursor: null,
      correctedQuery: null,
    });
  }
});

test("filters keep to a conversation and a span of time", async () => {
  const user = await fixture.makeUser();
  const old = await say(user, ["lantern one"], undefined, 100 * day);
  const middle = await say(user, ["lantern two"], undefined, 50 * day);
  await say(user, ["lantern three"]);
  const ago = (days: number) => new Date(Date.now() - days * day);
  expect(await texts(user, "lantern", { conversationId: old.conversation })).toEqual([
    "lantern one",
  ]);
  expect(await texts(user, "lantern", { from: ago(60), to: ago(10) })).toEqual(["lantern two"]);
  expect((await texts(user, "lantern", { from: ago(60) })).sort()).toEqual([
    "lantern three",
    "lantern two",
  ]);
  const both = { conversationId: middle.conversation, to: ago(60) };
  expect(await texts(user, "lantern", both)).toEqual([]);
});

test("newer comes before older where both match alike", async () => {
  const user = await fixture.makeUser();
  for (const age of [300, 10, 100])
    await say(user, [`compass from day ${age}`], undefined, age * day);
  expect(await texts(user, "compass")).toEqual(
    [10, 100, 300].map((age) => `compass from day ${age}`),
  );
});

test("pages hold every match once, over windows, walks and slots", async () => {
  const user = await fixture.makeUser();
  const conversation = await fixture.makeConversation(user);
  // 1,500 messages over 300 days: the walk covers the newest third of them.
  await sql`insert into messages (id, conversation_id, user_id, role, content, status, created_at)
    select (left(lpad(to_hex(ms), 12, '0'), 8) || '-' || right(lpad(to_hex(ms), 12, '0'), 4)
        || '-7' || lpad(to_hex(n), 3, '0') || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
      ${conversation}, ${user}, 'user', 'everywhere ' || n || case when n % 7 = 0 then ' seventh' else '' end,
      'complete', to_timestamp(ms / 1000.0)
    from generate_series(1, 1500) as n,
      lateral (select (extract(epoch from now()) * 1000)::bigint - n * 17280000::bigint as ms) as moment`;
  for (const [text, total, more] of [
    ["everywhere ", 1500, {}],
    ["seventh ", 214, {}],
    ["seventh", 214, {}],
    ["everyw", 1500, {}],
    ["seventh ", 214, { conversationId: conversation }],
    ["seventh ", 107, { from: new Date(Date.now() - 150 * day) }],
  ] as const) {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await find(user, text, { ...more, limit: 37, cursor });
      seen.push(...page.results.map((result) => result.message?.id ?? ""));
      cursor = page.nextCursor;
    } while (cursor !== null && seen.length < 5_000);
    expect([text, new Set(seen).size, seen.length]).toEqual([text, total, total]);
  }
});

test("a message that comes while somebody turns pages is shown once at most", async () => {
  const user = await fixture.makeUser();
  await say(
    user,
    Array.from({ length: 30 }, (_, i) => `harbour ${i}`),
  );
  const first = await find(user, "harbour", { limit: 10 });
  await say(user, ["harbour new"]);
  const second = await find(user, "harbour", { limit: 100, cursor: first.nextCursor });
  const ids = [...first.results, ...second.results].map((result) => result.message?.id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBeGreaterThanOrEqual(30);
});

test("a cursor of another search or of none is refused", async () => {
  const user = await fixture.makeUser();
  await say(
    user,
    Array.from({ length: 5 }, (_, i) => `anchor ${i}`),
  );
  const { nextCursor } = await find(user, "anchor", { limit: 2 });
  expect(nextCursor?.length).toBeLessThanOrEqual(200);
  for (const cursor of ["x", "", `${nextCursor}0`, `1${nextCursor}`]) {
    expect(find(user, "anchor", { cursor })).rejects.toBeInstanceOf(InvalidCursorError);
  }
  expect(find(user, "anchors", { cursor: nextCursor })).rejects.toBeInstanceOf(InvalidCursorError);
});

test("whatever is typed is searched without an error", async () => {
  const strange = [
    "",
    " ",
    "\0",
    "a\0b",
    '"',
    '""',
    '"""',
    "-",
    "--",
    '-"',
    "or",
    "or or",
    "or a or",
    "&",
    "|",
    "!",
    "a & b | !c",
    "(",
    "a <-> b",
    ":*",
    "a:*",
    "'",
    "''",
    "\\",
    "a'b\\c",
    "%",
    "_",
    "😀",
    "😀 😀",
    "\ud83d",
    "the",
    "the and of",
    "-fox",
    "-fox -dog",
    "a".repeat(500),
    "a ".repeat(250),
    '"a '.repeat(160),
    "苹".repeat(500),
    "﷽",
    "\u202e",
    "İ",
    "ß",
    "$1",
    ":userId",
    "select 1; --",
    "a\nb\tc",
    "x OR -y",
  ];
  for (const text of strange) {
    const page = await find(ada, text).catch((error) => error);
    expect([text, page]).toEqual([text, expect.objectContaining({ results: expect.any(Array) })]);
  }
});

test("a text of any kind can be saved and its first words are found", async () => {
  const user = await fixture.makeUser();
  const { conversation } = await say(user, []);
  const unique = Array.from({ length: 100_000 }, (_, i) =>
    String.fromCodePoint(0x20000 + ((i * 104_729) % 90_000)),
  );
  const huge = [
    "a-".repeat(100_000),
    "苹".repeat(200_000),
    "x".repeat(200_000),
    unique.join(""),
    unique.join(" "),
    "http://".repeat(20_000),
    "﷽".repeat(80_000),
    "1.".repeat(100_000),
    "<".repeat(200_000),
    Array.from({ length: 80_000 }, (_, i) => i.toString(36)).join(" "),
  ];
  for (const text of huge) {
    await say(user, [`beginning ${text}`], conversation);
  }
  const { results } = await find(user, "beginning");
  expect(results).toHaveLength(huge.length);
  for (const result of results) expect(result.snippet.length).toBeLessThan(1_200);
});
