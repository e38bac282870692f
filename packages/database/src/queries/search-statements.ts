import type { MessageFile } from "@peregrine/protocol";
import { read } from "../statement.ts";
import { conversationColumns } from "./conversations.ts";
import { filesOfMessage, type MessageRow, messageColumns } from "./messages.ts";

/*
 * The statements of a search; `search.ts` says how they are put together. Each is written so that
 * one plan serves every word, since planners know how often a word comes over all users and not in
 * the rows of one: the walk can only use the index by id, the look-up only the one by words.
 */

/** From the first id to just before the last one. */
type Range = { from: string; before: string };

const parse = `parsed as materialized (select to_tsquery('peregrine', :query) as query)`;
const parsed = "(select query from parsed)";

/** What the walks tell: how many rows they read, the last of them, and the matches among them. */
type Walked = { walked: number; oldest: string | null; ids: string[] | null };

const summary = `(select count(*)::int from walked) as walked,
    (select json_agg(id order by id desc)
      from (select id from walked where hit order by id desc limit :window) as hits) as ids`;

/**
 * The matches among the newest of a user's messages. What it costs is `rows`, whatever the words
 * are: the way to a word that is everywhere.
 */
export const walkMessages = read<
  Range & { userId: string; query: string; rows: number; window: number },
  Walked
>(
  "search.walk",
  `with ${parse},
  walked as materialized (
    select id, search @@ ${parsed} as hit
    from messages
    where user_id = :userId and id < :before::uuid and id >= :from::uuid and superseded_at is null
    order by user_id desc, id desc limit :rows
  )
  select ${summary},
    (select id from messages where user_id = :userId and superseded_at is null
      order by user_id, id limit 1) as oldest`,
);

/** The same within one conversation. */
export const walkConversation = read<
  Range & {
    userId: string;
    conversationId: string;
    query: string;
    rows: number;
    window: number;
  },
  Walked
>(
  "search.walkConversation",
  `with ${parse},
  walked as materialized (
    select id, search @@ ${parsed} and user_id = :userId and superseded_at is null as hit
    from messages
    where (conversation_id, id) < (:conversationId::uuid, :before::uuid)
      and (conversation_id, id) >= (:conversationId::uuid, :from::uuid)
    order by conversation_id desc, id desc limit :rows
  )
  select ${summary}, (select id from walked order by id limit 1) as oldest`,
);

/**
 * The matches among the titles of a user's latest conversations: the way to a word that goes on,
 * which the index of words would look for in everybody's titles.
 */
export const walkTitles = read<
  Range & { userId: string; query: string; rows: number; window: number },
  { id: string }
>(
  "search.walkTitles",
  `with ${parse},
  walked as materialized (
    select id, search @@ ${parsed} as hit from conversations
    where user_id = :userId
    order by user_id desc, updated_at desc, id desc limit :rows
  )
  select id from walked where hit and id < :before::uuid and id >= :from::uuid
  order by id desc limit :window`,
);

const sources = ["messages", "conversations", "documents"] as const;
type Source = (typeof sources)[number];

const wordsOf = {
  messages: "(select query from whole where :withMessages::boolean)",
  conversations: "(select query from whole)",
  documents: parsed,
};

const lookUp = (source: Source) => `(
    with hits as materialized (
      select id, user_id from ${source}
      where search_slot(user_id, id) = any ((select numbers from slots)::bigint[])
        and search @@ ${wordsOf[source]}
        ${source === "messages" ? "and superseded_at is null" : ""}
    )
    select '${source}' as source, id from hits
    where user_id = :userId and id < :before::uuid and id >= :from::uuid
      ${source === "messages" ? "and :withMessages::boolean" : ""}
    order by id desc limit :window
  )`;

/**
 * The newest matches in some slots, by the index of words. A prefix is looked for in documents alone
 * (`query`), which are few: of messages and titles it would gather all that hold any word that begins
 * so, everybody's, which took 20 ms a step among 400,000 titles. There words are whole (`wholeQuery`).
 */
export const lookUpWords = read<
  Range & {
    userId: string;
    query: string;
    wholeQuery: string;
    withMessages: boolean;
    slotBase: string;
    firstSlot: number;
    lastSlot: number;
    window: number;
  },
  { source: Source; id: string }
>(
  "search.lookUp",
  `with ${parse},
  whole as materialized (
    select to_tsquery('peregrine', :wholeQuery) as query
  ),
  slots as materialized (
    select array(
      select :slotBase::bigint + number from generate_series(:firstSlot::int, :lastSlot::int) as number
    ) as numbers
  )
  ${sources.map(lookUp).join("\n  union all\n  ")}`,
);

/** A conversation as JSON tells it: moments as texts. */
export type ConversationJson = {
  id: string;
  title: string | null;
  preview: string;
  model: string | null;
  cancel_when_alone: boolean;
  cache_answers: boolean;
  created_at: string;
  updated_at: string;
};

export type DocumentJson = {
  id: string;
  file_id: string | null;
  message_id: string | null;
  title: string;
  content: string;
  created_at: string;
};

export type FoundRow = {
  source: Source;
  found_id: string;
  score: number;
  conversation: ConversationJson | null;
  document: DocumentJson | null;
} & ((MessageRow & { files: MessageFile[] | null }) | { id: null });

const score = (source: Source) => `select '${source}' as source, id, user_id, (1e6
      * ts_rank(search, ${parsed}, 1)
      * (0.25 + 0.75 * exp(least(0, extract(epoch from created_at - :asOf::timestamptz)) / 86400 / 90))
    )::int as score
    from ${source} where id = any (:${source}::uuid[])`;

/**
 * Of some matches the best, with all that is shown of them. The score is Postgres' rank, in which a
 * title weighs ten times a text, and which falls with age towards a quarter: to a half in 100 days.
 */
export const fetchBest = read<
  {
    userId: string;
    query: string;
    messages: string[];
    conversations: string[];
    documents: string[];
    asOf: Date;
    lastScore: number | null;
    lastId: string | null;
    limit: number;
  },
  FoundRow
>(
  "search.fetch",
  `with ${parse},
  scored as materialized (
    ${sources.map(score).join("\n    union all\n    ")}
  ),
  best as materialized (
    select * from scored
    where user_id = :userId
      and (:lastId::uuid is null or (score, id) < (:lastScore::int, :lastId::uuid))
    order by score desc, id desc limit :limit
  )
  select best.source, best.id as found_id, best.score, ${messageColumns}, users.name as author,
    ${filesOfMessage},
    (select row_to_json(found) from (
      select ${conversationColumns} from conversations
      where conversations.id
        = coalesce(messages.conversation_id, attached.conversation_id, best.id)
    ) as found) as conversation,
    (select row_to_json(found) from (
      select id, file_id, attached.id as message_id, title, left(content, 20000) as content,
        created_at
      from documents where documents.id = best.id
    ) as found) as document
  from best
  left join messages on messages.id = best.id and best.source = 'messages'
  left join users on users.id = messages.user_id
  left join lateral (
    select holders.id, holders.conversation_id
    from documents
    join message_files on message_files.file_id = documents.file_id
    join messages as holders on holders.id = message_files.message_id
    where documents.id = best.id and best.source = 'documents'
    order by holders.id desc limit 1
  ) as attached on true
  order by best.score desc, best.id desc`,
);

/**
 * The words that a user has written or read: of the newest messages and of some at each of the given
 * places, of titles and documents; the most frequent first.
 */
export const readVocabulary = read<
  { userId: string; places: string[]; shortest: number; longest: number },
  { word: string }
>(
  "search.vocabulary",
  `with texts as (
    (select search from messages where user_id = :userId and superseded_at is null
      order by user_id desc, id desc limit 500)
    union all
    select around.search from unnest(:places::uuid[]) as place cross join lateral (
      select search from messages
      where user_id = :userId and id >= place and superseded_at is null
      order by user_id, id limit 5
    ) as around
    union all
    (select search from conversations where user_id = :userId and title is not null
      order by updated_at desc, id desc limit 1000)
    union all
    (select search from documents where user_id = :userId order by user_id desc, id desc limit 50)
  )
  select word from texts cross join unnest(tsvector_to_array(search)) as word
  where length(word) between :shortest::int and :longest::int
  group by word order by count(*) desc, word limit 10000`,
);
