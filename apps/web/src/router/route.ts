/** Where in the application a URL leads. */
export type Route =
  | { name: "home" }
  | { name: "conversation"; id: string; messageId: string | null }
  | { name: "login"; next: string }
  | { name: "register"; next: string }
  | { name: "search"; query: string }
  | { name: "settings" }
  | { name: "performance" }
  | { name: "not-found" };

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Reads a path and query. A trailing slash and the case of an id make no difference. */
export function parseRoute(pathname: string, search = ""): Route {
  const path = pathname.length > 1 ? pathname.replace(/\/+$/, "") || "/" : pathname;
  if (path === "/") return { name: "home" };
  if (path === "/search") {
    return { name: "search", query: new URLSearchParams(search).get("q") ?? "" };
  }
  if (path === "/settings") return { name: "settings" };
  if (path === "/performance") return { name: "performance" };
  if (path === "/login" || path === "/register") {
    return { name: path === "/login" ? "login" : "register", next: safeNext(search) };
  }
  const id = /^\/c\/([^/]+)$/.exec(path)?.[1]?.toLowerCase();
  if (id === undefined || !ID.test(id)) return { name: "not-found" };
  const messageId = new URLSearchParams(search).get("message")?.toLowerCase() ?? "";
  return { name: "conversation", id, messageId: ID.test(messageId) ? messageId : null };
}

/** A conversation at its end, or at one of its messages. */
export function conversationPath(id: string, messageId?: string): string {
  return messageId === undefined ? `/c/${id}` : `/c/${id}?message=${messageId}`;
}

export function searchPath(query: string): string {
  return query === "" ? "/search" : `/search?${new URLSearchParams({ q: query })}`;
}

/** The path of the sign-in page (or sign-up) that leads back to `next` afterwards. */
export function signInPath(page: "login" | "register", next: string): string {
  return next === "/" ? `/${page}` : `/${page}?next=${encodeURIComponent(next)}`;
}

/**
 * Where to go after signing in: only a path of this application, so that a link to the sign-in
 * page cannot lead to another site (`//evil.example` is one to a browser, and so is `/\evil`).
 */
function safeNext(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "/";
  if (!/^\/(?![/\\])/.test(next) || /[\t\n\r]/.test(next)) return "/";
  const { name } = parseRoute(next.split(/[?#]/, 1)[0] ?? "/");
  return name === "login" || name === "register" ? "/" : next;
}
