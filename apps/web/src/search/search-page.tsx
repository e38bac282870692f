import type { SearchResult } from "@peregrine/protocol";
import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../app/app-state.ts";
import { MenuButton } from "../app/menu-button.tsx";
import { titleOf } from "../conversations/title-of.ts";
import { conversationPath, searchPath } from "../router/route.ts";
import { Icon } from "../ui/icon.tsx";
import { calendarDay, dateAndTime } from "../ui/time.ts";
import { Search } from "./search.ts";
import { snippetParts } from "./snippet-parts.ts";

/** Finds messages, titles and files, as they are typed. The address is that of the search. */
export function SearchPage() {
  const app = useApp();
  const route = app.router.route.value;
  const query = route.name === "search" ? route.query : "";
  const [search] = useState(
    () => new Search((text, cursor, signal) => app.api.search(text, cursor, signal)),
  );
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLOListElement>(null);

  useEffect(() => {
    document.title = query === "" ? "Search · Peregrine" : `${query} · Search · Peregrine`;
    search.type(query);
  }, [query]);
  useEffect(() => {
    field.current?.focus();
    return () => search.dispose();
  }, []);

  /** Arrows go through the results and back into the field. */
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const links = [...(list.current?.querySelectorAll("a") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLAnchorElement);
    const next = at + (event.key === "ArrowDown" ? 1 : -1);
    if (at === -1 && event.key === "ArrowUp") return;
    event.preventDefault();
    if (next < 0) field.current?.focus();
    else links[Math.min(next, links.length - 1)]?.focus();
  };

  return (
    <main id="main" class="search-page" tabIndex={-1} onKeyDown={onKeyDown}>
      <header class="thread-header">
        <MenuButton />
        <h1>Search</h1>
      </header>
      <div class="search-body">
        <label class="search search-field">
          <Icon name="search" size={18} />
          <span class="visually-hidden">Search messages, titles and files</span>
          <input
            ref={field}
            type="search"
            placeholder="Words, “a phrase”, -without, or"
            autocomplete="off"
            maxLength={500}
            value={query}
            onInput={(event) =>
              app.router.navigate(searchPath(event.currentTarget.value), { replace: true })
            }
          />
        </label>
        <Status search={search} query={query} />
        <ol ref={list} class="search-results" aria-label="Results">
          {search.results.value.map((result) => (
            <Result key={idOf(result)} result={result} />
          ))}
        </ol>
        {search.hasMore.value && (
          <button type="button" class="button" onClick={() => void search.more()}>
            Show more
          </button>
        )}
      </div>
    </main>
  );
}

function Status({ search, query }: { search: Search; query: string }) {
  const state = search.state.value;
  if (state.name === "failed") {
    return (
      <p class="search-note" role="alert">
        {state.message}{" "}
        <button type="button" class="link-button" onClick={() => void search.retry()}>
          Try again
        </button>
      </p>
    );
  }
  return (
    <p class="search-note" role="status">
      {state.name === "idle" && "What you and the models have said, and what is in your files."}
      {state.name === "searching" && search.results.value.length === 0 && "Searching…"}
      {state.name === "found" && state.correctedQuery !== null && (
        <>
          Nothing found for “{query}”. These are for{" "}
          <a href={searchPath(state.correctedQuery)}>{state.correctedQuery}</a>.
        </>
      )}
      {state.name === "found" &&
        search.results.value.length === 0 &&
        `Nothing found for “${query}”.`}
    </p>
  );
}

function Result({ result }: { result: SearchResult }) {
  const { message, conversation, document } = result;
  const made = (message ?? document ?? conversation)?.createdAt ?? "";
  const kind = message ? (message.role === "user" ? "You" : "Answer") : document ? "File" : "Title";
  const href = conversation
    ? conversationPath(conversation.id, message?.id ?? document?.messageId ?? undefined)
    : `/api/v1/files/${document?.fileId ?? ""}/content`;
  return (
    <li>
      <a class="search-result" href={href}>
        <span class="search-result-head">
          <strong>{document?.title ?? (conversation && titleOf(conversation))}</strong>
          <span>
            {kind} ·{" "}
            <time dateTime={made} title={dateAndTime(made)}>
              {calendarDay(made)}
            </time>
          </span>
        </span>
        <span class="search-snippet">
          {snippetParts(result.snippet).map(({ text, isMatch }, index) =>
            isMatch ? <mark key={index}>{text}</mark> : <span key={index}>{text}</span>,
          )}
        </span>
      </a>
    </li>
  );
}

function idOf({ message, conversation, document }: SearchResult): string {
  return (message ?? document ?? conversation)?.id ?? "";
}
