import { expect, test } from "bun:test";
import { conversationPath, parseRoute, searchPath, signInPath } from "./route.ts";

const ID = "01890a5d-ac96-774b-bcce-b302099a8057";

test("reads every page of the application", () => {
  expect(parseRoute("/")).toEqual({ name: "home" });
  const atEnd = { name: "conversation", id: ID, messageId: null } as const;
  expect(parseRoute(`/c/${ID}`)).toEqual(atEnd);
  expect(parseRoute(`/c/${ID.toUpperCase()}/`)).toEqual(atEnd);
  expect(parseRoute("/settings/")).toEqual({ name: "settings" });
  expect(parseRoute("/search", "?q=a+%22b%22")).toEqual({ name: "search", query: 'a "b"' });
  expect(parseRoute("/search")).toEqual({ name: "search", query: "" });
  expect(parseRoute("/performance")).toEqual({ name: "performance" });
  expect(parseRoute("/login")).toEqual({ name: "login", next: "/" });
});

test("a search leads to itself, whatever is searched", () => {
  for (const query of ["", "a & b", "100% ü #1?", '"苹果" -x']) {
    const [path = "", search = ""] = searchPath(query).split("?", 2);
    expect(parseRoute(path, `?${search}`)).toEqual({ name: "search", query });
  }
});

test("a conversation is led to at its end or at a message, and at its end by a wrong address", () => {
  const at = (path: string) => parseRoute(...(path.split(/(?=\?)/) as [string, string]));
  const other = ID.replace("8057", "8058");
  const end = { name: "conversation", id: ID, messageId: null } as const;
  expect(at(conversationPath(ID))).toEqual(end);
  expect(at(conversationPath(ID, other))).toEqual({ ...end, messageId: other });
  expect(at(`/c/${ID}?message=1`)).toEqual(end);
});

test("anything else is not found", () => {
  for (const path of ["/c", "/c/", "/c/1", `/c/${ID}/x`, "/Settings", "/c/../settings"]) {
    expect(parseRoute(path).name).toBe("not-found");
  }
});

test("leads back to where signing in was asked for", () => {
  const path = signInPath("login", `/c/${ID}`);
  const [pathname = "", search = ""] = path.split("?");
  expect(parseRoute(pathname, `?${search}`)).toEqual({ name: "login", next: `/c/${ID}` });
  expect(signInPath("register", "/")).toBe("/register");
});

test("never leads to another site, nor back to signing in", () => {
  for (const next of [
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "/\t/evil",
    "x",
  ]) {
    expect(parseRoute("/login", `?next=${encodeURIComponent(next)}`)).toEqual({
      name: "login",
      next: "/",
    });
  }
  expect(parseRoute("/login", "?next=%2Flogin%3Fnext%3D%252F")).toEqual({
    name: "login",
    next: "/",
  });
});
