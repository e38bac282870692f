import type { SearchDocument, SearchResult } from "@peregrine/protocol";
import type { Replicas } from "../replicas/replicas.ts";
import { correct, lengthsToKnow } from "../search/corrections.ts";
import {
  decodeSearchCursor,
  encodeSearchCursor,
  type SearchCursor,
} from "../search/search-cursor.ts";
import { isOpen, parseSearch, type SearchQuery, toTsquery } from "../search/search-query.ts";
import { firstIdAt, madeAtMs, slotAt, slotBase } from "../search/slots.ts";
import { makeSnippet } from "../search/snippet.ts";
import { only, type Run } from "../statement.ts";
import { toConversation } from "./conversations.ts";
import { toMessage } from "./messages.ts";
import {
  type ConversationJson,
  type DocumentJson,
  type FoundRow,
  fetchBest,
  lookUpWords,
  readVocabulary,
  walkConversation,
  walkMessages,
  walkTitles,
} from "./search-statements.ts";

export type Search = {
  userId: string;
  /** What a person typed. */
  text: string;
  /** Only messages of this conversation; null for everything. */
  conversationId: string | null;
  /** Only what was made from this moment on; null for everything. */
  from: Date | null;
  /** Only what was made before this moment; null for everything. */
  to: Date | null;
  limit: number;
  cursor: string | null;
};

export type SearchPage = {
  results: SearchResult[];
  nextCursor: string | null;
  /** What was looked for, if nothing was found by what was typed; this page is all of it. */
  correctedQuery: string | null;
};

/** So many matches, the newest first, are ranked together. */
const windowSize = 100;
/** Newest messages that are read one by one. Half a millisecond. */
const walkedRows = 500;
/** The same where the last word may be unfinished, and within a conversation. 3 to 6 ms. */
const longWalkedRows = 5_000;
/** Titles of the latest conversations that are read one by one. 2 ms. */
const walkedTitles = 1_000;
/** How many slots are looked up at once: the newest, then ever more. */
const slotSteps = [1, 4, 16, 64, 2048];
const clockSkewMs = 60_000;
const lastId = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const vocabularyPlaces = 100;

/** What one window is made from. */
type Scope = {
  userId: string;
  conversationId: string | null;
  query: string;
  wholeQuery: string;
  /** Exclusions alone: only the newest messages are looked at. */
  isOpen: boolean;
  from: string;
  before: string;
};

/** The matches of a window by where they are, and its least id; null if there is nothing older. */
type Window = {
  messages: string[];
  conversations: string[];
  documents: string[];
  floor: string | null;
};

/**
 * Full text over one user's messages, titles and documents.
 *
 * Results come in windows: the newest 100 matches, best first, then the next 100. So the best of
 * what is found stands first where a search finds up to 100, and a word that is in millions of
 * messages costs no more than another.
 *
 * A window is filled by walking over the newest messages, and if that does not fill it, from the
 * index of words, 25 days at a time: see `docs/search.md`.
 */
export function searchQueries(primary: Run, replicas?: Replicas) {
  return {
    /**
     * Where the log is, to be handed to `find` while nothing that the user may see has been written
     * since. Undefined where there are no replicas.
     */
    logPosition: replicas && (() => replicas.logPosition()),

    /**
     * @param position of the log, that must be covered by a replica that answers; without it the
     *   primary does
     * @throws InvalidCursorError
     */
    async find(given: Search, position?: string): Promise<SearchPage> {
      const run = position === undefined || !replicas ? primary : replicas.from(position);
      // What half a character stands for is anyone's guess: it parts words, like U+FFFD.
      const search = { ...given, text: given.text.toWellFormed() };
      const nothing = { results: [], nextCursor: null, correctedQuery: null };
      const query = parseSearch(search.text);
      if (!query) return nothing;
      const page = await findPage(run, search, query);
      if (page.results.length > 0 || search.cursor !== null) return page;
      const correctedQuery = await findCorrection(run, search, query);
      const better = correctedQuery === null ? null : parseSearch(correctedQuery);
      if (!better) return nothing;
      const { results } = await findPage(run, search, better);
      return results.length === 0 ? nothing : { results, nextCursor: null, correctedQuery };
    },
  };
}

async function findPage(run: Run, search: Search, query: SearchQuery): Promise<SearchPage> {
  const { userId, conversationId, text } = search;
  const searched = JSON.stringify([text, conversationId, search.from, search.to]);
  const cursor: SearchCursor =
    search.cursor === null
      ? { asOfMs: Date.now(), before: null, floor: null, last: null }
      : decodeSearchCursor(search.cursor, searched);
  const scope: Scope = {
    userId,
    conversationId,
    query: toTsquery(query, true),
    wholeQuery: toTsquery(query, false),
    isOpen: isOpen(query),
    from: cursor.floor ?? firstIdAt(search.from?.getTime() ?? 0),
    before: cursor.before ?? (search.to ? firstIdAt(search.to.getTime()) : lastId),
  };
  const window = await findWindow(run, scope);
  const floor = cursor.floor ?? window.floor;
  const rows = await run(fetchBest, {
    userId,
    query: scope.query,
    messages: window.messages,
    conversations: window.conversations,
    documents: window.documents,
    asOf: new Date(cursor.asOfMs),
    lastScore: cursor.last?.score ?? null,
    lastId: cursor.last?.id ?? null,
    limit: search.limit + 1,
  });
  const page = rows.slice(0, search.limit);
  const last = page.at(-1);
  let next: SearchCursor | null = null;
  if (rows.length > search.limit && last) {
    next = { ...cursor, floor, last: { score: last.score, id: last.found_id } };
  } else if (floor !== null) {
    next = { asOfMs: cursor.asOfMs, before: floor, floor: null, last: null };
  }
  return {
    results: page.map((row) => toResult(row, query)),
    nextCursor: next && encodeSearchCursor(next, searched),
    correctedQuery: null,
  };
}

async function findWindow(run: Run, scope: Scope): Promise<Window> {
  const { userId, conversationId, query, wholeQuery, from, before } = scope;
  const range = { from, before, query, userId, window: windowSize };
  if (conversationId !== null) {
    const rows = longWalkedRows;
    const found = only(await run(walkConversation, { ...range, conversationId, rows }));
    const messages = found.ids ?? [];
    const isWhole = found.walked < rows && messages.length < windowSize;
    const floor = messages.length < windowSize ? found.oldest : (messages.at(-1) ?? null);
    return { messages, conversations: [], documents: [], floor: isWhole ? null : floor };
  }
  const isWhole = query === wholeQuery;
  const rows = isWhole && !scope.isOpen ? walkedRows : longWalkedRows;
  const [walks, titles] = await Promise.all([
    run(walkMessages, { ...range, rows }),
    isWhole || scope.isOpen ? [] : run(walkTitles, { ...range, rows: walkedTitles }),
  ]);
  const walk = only(walks);
  const found = new Map((walk.ids ?? []).map((id) => [id, "messages" as const]));
  const isFull = found.size === windowSize;
  // Beside a full window only what is as new as its messages counts.
  const least = isFull ? (walk.ids?.at(-1) ?? from) : from;
  const all = new Map<string, "messages" | "conversations" | "documents">(found);
  for (const { id } of titles) if (id >= least) all.set(id, "conversations");
  const withMessages = !isFull && walk.walked === rows;
  const oldestMs = Math.min(madeAtMs(userId), madeAtMs(walk.oldest ?? userId));
  const first = slotAt(Math.max(oldestMs, madeAtMs(least)));
  let newest = slotAt(Math.min(Date.now() + clockSkewMs, madeAtMs(before)));
  for (const step of slotSteps) {
    if (scope.isOpen || newest < first || (all.size >= windowSize && !isFull)) break;
    const firstSlot = isFull ? first : Math.max(first, newest - step + 1);
    const rows = await run(lookUpWords, {
      ...range,
      from: least,
      wholeQuery,
      withMessages,
      slotBase: slotBase(userId),
      firstSlot,
      lastSlot: newest,
    });
    for (const row of rows) all.set(row.id, row.source);
    newest = firstSlot - 1;
  }
  const ids = [...all.keys()].sort().reverse().slice(0, windowSize);
  const of = (source: string) => ids.filter((id) => all.get(id) === source);
  return {
    messages: of("messages"),
    conversations: of("conversations"),
    documents: of("documents"),
    floor: ids.length < windowSize ? null : (ids.at(-1) ?? null),
  };
}

/** @returns the text with the nearest words that the user's own texts hold, or null */
async function findCorrection(
  run: Run,
  { userId, text }: Search,
  query: SearchQuery,
): Promise<string | null> {
  const lengths = lengthsToKnow(query);
  if (!lengths) return null;
  const sinceMs = madeAtMs(userId);
  const everyMs = (Date.now() - sinceMs) / vocabularyPlaces;
  const places = Array.from({ length: vocabularyPlaces }, (_, i) =>
    firstIdAt(Math.floor(sinceMs + i * everyMs)),
  );
  const known = await run(readVocabulary, { userId, places, ...lengths });
  return correct(
    text,
    query,
    known.map(({ word }) => word),
  );
}

function toResult(row: FoundRow, query: SearchQuery): SearchResult {
  const message = row.id === null ? null : toMessage(row);
  const conversation = row.conversation && conversationFromJson(row.conversation);
  const document = row.document && documentFromJson(row.document);
  const text = message?.content ?? row.document?.content ?? conversation?.title ?? "";
  return { message, conversation, document, snippet: makeSnippet(text, query) };
}

function conversationFromJson(json: ConversationJson) {
  const moments = { created_at: new Date(json.created_at), updated_at: new Date(json.updated_at) };
  return toConversation({ ...json, ...moments });
}

function documentFromJson(json: DocumentJson): SearchDocument {
  const { id, file_id: fileId, message_id: messageId, title } = json;
  return { id, fileId, messageId, title, createdAt: new Date(json.created_at).toISOString() };
}
