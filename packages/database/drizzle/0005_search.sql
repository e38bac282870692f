CREATE EXTENSION IF NOT EXISTS unaccent;--> statement-breakpoint
CREATE EXTENSION IF NOT EXISTS btree_gin;--> statement-breakpoint
CREATE TEXT SEARCH CONFIGURATION "peregrine" (COPY = pg_catalog.simple);--> statement-breakpoint
ALTER TEXT SEARCH CONFIGURATION "peregrine" ALTER MAPPING FOR asciiword, word, numword WITH unaccent, simple;--> statement-breakpoint
-- The words of a text, with spaces between them. Letters, digits and marks stay; all else is a gap,
-- told by ranges, since the locale C would take every character beyond ASCII for a letter. Scripts without
-- spaces become pairs: "abc" is "a ab bc c". A tsvector holds a megabyte, which 80,000 characters
-- stay below whatever they are. packages/database/src/search/words.ts does the same to what is searched.
CREATE FUNCTION "search_text" ("content" text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
declare
  words text := regexp_replace(left(content, 80000), '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u2000-\u2bff\u3000-\u3004\u3007-\u3020\u3030-\u303f\ufe10-\ufe6f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\ufff0-\uffff\U0001f000-\U0001faff]+', ' ', 'g');
begin
  if words ~ '[\u0300-\u036f]' then
    words := normalize(words, NFC);
  end if;
  if words ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3006\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]' then
    words := regexp_replace(words, '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3006\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff])', '|\1 \1|', 'g');
    words := replace(replace(words, '||', ''), '|', ' ');
  end if;
  return words;
end $$;--> statement-breakpoint
-- One user's rows of 25 days (2^31 ms), by the time in the id: the rows a search looks at together.
-- 44 bits of the user's id and 17 of the time; who asks compares the whole id as well.
CREATE FUNCTION "search_slot" ("user_id" uuid, "id" uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ('x' || right("user_id"::text, 11))::bit(44)::bigint << 17
  | (('x' || left("id"::text, 5))::bit(20)::integer >> 3);--> statement-breakpoint
ALTER TABLE "conversations" ADD COLUMN "search" "tsvector" GENERATED ALWAYS AS (setweight(to_tsvector('peregrine', search_text(title)), 'A')) STORED;--> statement-breakpoint
ALTER TABLE "documents" ADD COLUMN "search" "tsvector" GENERATED ALWAYS AS (setweight(to_tsvector('peregrine', search_text(title)), 'A') || to_tsvector('peregrine', search_text(content))) STORED;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "search" "tsvector" GENERATED ALWAYS AS (to_tsvector('peregrine', search_text(content))) STORED;--> statement-breakpoint
CREATE INDEX "conversations_search_idx" ON "conversations" USING gin (search_slot(user_id, id),"search") WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "documents_search_idx" ON "documents" USING gin (search_slot(user_id, id),"search") WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "messages_search_idx" ON "messages" USING gin (search_slot(user_id, id),"search") WITH (fastupdate=false) WHERE "messages"."superseded_at" is null;
