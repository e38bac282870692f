import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../app/app-state.ts";
import { searchPath } from "../router/route.ts";
import { Icon } from "../ui/icon.tsx";
import { Logo } from "../ui/logo.tsx";
import { AccountMenu } from "./account-menu.tsx";
import { ConversationRow } from "./conversation-row.tsx";
import { groupByDay } from "./group-by-day.ts";
import { titleOf } from "./title-of.ts";

/** The navigation: a new conversation, search, the list, and the account. */
export function Sidebar() {
  const app = useApp();
  const [query, setQuery] = useState("");
  return (
    <nav class="sidebar-inner" aria-label="Conversations">
      <div class="sidebar-top">
        <a class="brand" href="/" aria-label="Peregrine, home">
          <Logo size={26} />
          <span>Peregrine</span>
        </a>
        <button
          type="button"
          class="icon-button narrow-only"
          aria-label="Hide conversations"
          onClick={() => {
            app.isDrawerOpen.value = false;
          }}
        >
          <Icon name="close" />
        </button>
      </div>
      <a class="new-button" href="/" title="New conversation (Ctrl+Shift+O)">
        <Icon name="compose" />
        New conversation
      </a>
      <label class="search">
        <Icon name="search" size={16} />
        <span class="visually-hidden">Search conversations</span>
        <input
          id="search"
          type="search"
          placeholder="Search"
          autocomplete="off"
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.isComposing && query.trim() !== "") {
              app.router.navigate(searchPath(query.trim()));
            }
            if (event.key !== "Escape") return;
            event.stopPropagation();
            setQuery("");
            event.currentTarget.blur();
          }}
        />
        <kbd>{navigator.platform.startsWith("Mac") ? "⌘K" : "Ctrl K"}</kbd>
      </label>
      {query.trim() !== "" && (
        <a class="search-all" href={searchPath(query.trim())}>
          Search all messages for “{query.trim()}”
        </a>
      )}
      <ConversationGroups query={query.trim().toLocaleLowerCase()} />
      <AccountMenu />
    </nav>
  );
}

function ConversationGroups({ query }: { query: string }) {
  const app = useApp();
  const { conversations, router } = app;
  const state = conversations.state.value;
  const route = router.route.value;
  const openId = route.name === "conversation" ? route.id : null;
  const items = conversations.items.value;
  const busy = conversations.busy.value;
  const today = useToday();
  const found =
    query === ""
      ? items
      : items.filter((item) => titleOf(item).toLocaleLowerCase().includes(query));

  if (state === "loading") return <ListSkeleton />;
  return (
    <div class="conversation-list">
      {groupByDay(found, today).map((group) => (
        <section key={group.label} aria-label={group.label}>
          <h2>{group.label}</h2>
          <ul>
            {group.items.map((item) => (
              <ConversationRow
                key={item.id}
                conversation={item}
                isOpen={item.id === openId}
                isBusy={busy.has(item.id)}
              />
            ))}
          </ul>
        </section>
      ))}
      {state === "failed" && (
        <p class="list-note" role="alert">
          The list could not be loaded.
          <button type="button" class="link-button" onClick={() => void conversations.retry()}>
            Try again
          </button>
        </p>
      )}
      {state === "ready" && found.length === 0 && (
        <p class="list-note">
          {query === "" ? "Your conversations will be listed here." : "Nothing found."}
        </p>
      )}
      {state === "ready" && conversations.hasMore.value && (
        <MoreSentinel key={items.length} onSeen={() => void conversations.loadMore()} />
      )}
    </div>
  );
}

/** Asks for more as soon as the end of the list comes near. */
function MoreSentinel({ onSeen }: { onSeen: () => void }) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) onSeen();
      },
      { root: element.current?.parentElement ?? null, rootMargin: "600px" },
    );
    if (element.current) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={element} class="skeleton-list">
      <div class="skeleton skeleton-row" />
    </div>
  );
}

function ListSkeleton() {
  return (
    <div class="conversation-list skeleton-list" role="status" aria-label="Loading conversations">
      {[0, 1, 2, 3, 4, 5].map((row) => (
        <div key={row} class="skeleton skeleton-row" />
      ))}
    </div>
  );
}

/** The current date; a page left open overnight groups anew. */
function useToday(): Date {
  const [today, setToday] = useState(() => new Date());
  useEffect(() => {
    const midnight = new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1);
    const timer = setTimeout(() => setToday(new Date()), midnight.getTime() - Date.now() + 1_000);
    return () => clearTimeout(timer);
  }, [today]);
  return today;
}
