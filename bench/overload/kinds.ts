import type { Kind } from "./load.ts";
import { type People, questionsInEach, someWords } from "./people.ts";

const pageSize = 20;
const complete = '"status":"complete"';

/** What a kind of request sends, as the `number`th of it. */
type Message = { method?: string; path: string; cookie?: string; headers?: string; body?: object };
type KindOf = Omit<Kind, "requests"> & {
  variants: number;
  request: (number: number) => Message;
};

/**
 * What people do that takes work: nothing here is answered from memory, except for what is asked of
 * it by name. The priorities are those of the server: new answers are refused before a person's reads
 * and writes, and what says that it can wait (`u=6`) before all.
 *
 * @param round another for each load, so that no search is one that was made before
 */
export function mixedKinds(people: People, round: number): Kind[] {
  const { askers, readers } = people;
  const oldMessages = (number: number): Message => {
    const { account, conversations } = readers[number % readers.length] as (typeof readers)[number];
    const conversation = conversations[number % conversations.length];
    return {
      path: `/api/v1/conversations/${conversation?.id}/messages?limit=${pageSize}&cursor=${conversation?.messagesCursor}`,
      cookie: account.cookie,
    };
  };
  const kinds: KindOf[] = [
    newConversationKind(people, 10),
    {
      name: "answer of 20 tokens",
      share: 15,
      variants: 4000,
      end: complete,
      request(number) {
        const asker = askers[number % askers.length] as (typeof askers)[number];
        const id =
          asker.conversations[Math.floor(number / askers.length) % asker.conversations.length];
        return {
          method: "POST",
          path: `/api/v1/conversations/${id}/messages`,
          cookie: asker.account.cookie,
          headers: "accept: text/event-stream\r\n",
          body: { content: `${someWords(12, number)} {{tokens=20 rate=100}}` },
        };
      },
    },
    { name: "older messages", share: 25, variants: 32, end: "", request: oldMessages },
    {
      name: "older conversations",
      share: 20,
      variants: 4,
      end: "",
      request(number) {
        const { account, conversationsCursor } = readers[
          number % readers.length
        ] as (typeof readers)[number];
        return {
          path: `/api/v1/conversations?limit=${pageSize}&cursor=${conversationsCursor}`,
          cookie: account.cookie,
        };
      },
    },
    {
      name: "search",
      share: 15,
      variants: 40_000,
      end: "",
      request(number) {
        // From another moment each time, long ago: the same work, and never a search known already.
        const from = new Date(Date.UTC(2001, 0) + (round * 40_000 + number) * 1000).toISOString();
        const q = encodeURIComponent(someWords(1, number % questionsInEach));
        return {
          path: `/api/v1/search?q=${q}&from=${from}`,
          cookie: readers[number % readers.length]?.account.cookie ?? "",
        };
      },
    },
    {
      name: "older messages, can wait",
      share: 10,
      variants: 32,
      end: "",
      request: (number) => ({ ...oldMessages(number), headers: "priority: u=6\r\n" }),
    },
    {
      name: "newest messages, in memory",
      share: 4,
      variants: 32,
      end: "",
      request(number) {
        const message = oldMessages(number);
        return { ...message, path: message.path.replace(/\?.*/, "") };
      },
    },
    { name: "health", share: 1, variants: 1, end: "}", request: () => ({ path: "/health" }) },
  ];
  return kinds.map((kind) => made(people, kind));
}

/** Nothing but a write to the database, with next to nothing around it. */
export function writingKinds(people: People): Kind[] {
  return [made(people, newConversationKind(people, 100))];
}

function newConversationKind({ writers }: People, share: number): KindOf {
  return {
    name: "new conversation",
    share,
    variants: writers.length,
    end: "}",
    request: (number) => ({
      method: "POST",
      path: "/api/v1/conversations",
      cookie: writers[number % writers.length]?.cookie ?? "",
      body: { title: "Load" },
    }),
  };
}

function made({ host }: People, { variants, request, ...kind }: KindOf): Kind {
  return {
    ...kind,
    requests: Array.from({ length: variants }, (_, number) => httpMessage(host, request(number))),
  };
}

/** As long as those of browsers are, for what it takes to read them. */
function httpMessage(host: string, { method = "GET", path, cookie, headers, body }: Message) {
  const content = body === undefined ? "" : JSON.stringify(body);
  return [
    `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`,
    "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n",
    "accept-language: en-GB,en;q=0.5\r\naccept-encoding: gzip, deflate, br, zstd\r\n",
    cookie === undefined ? "" : `cookie: ${cookie}\r\n`,
    headers ?? "accept: application/json\r\n",
    content === ""
      ? "\r\n"
      : `content-type: application/json\r\ncontent-length: ${content.length}\r\n\r\n${content}`,
  ].join("");
}
