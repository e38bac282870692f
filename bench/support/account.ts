import type { ConversationBody } from "@peregrine/protocol";

/** Somebody with an account on a server under load. */
export type Account = {
  cookie: string;
  newConversation(patch?: object): Promise<string>;
  ask(conversationId: string, content: string, signal?: AbortSignal): Promise<Response>;
};

const json = { "content-type": "application/json" };

export async function register(url: string, email = "load@example.org"): Promise<Account> {
  const response = await fetch(`${url}/api/v1/auth/register`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({ email, password: "a good password", name: "Load" }),
  });
  return signedIn(url, response.headers.get("set-cookie")?.split(";", 1)[0] ?? "");
}

/** The same person in another process. */
export function signedIn(url: string, cookie: string): Account {
  const post = (path: string, body: object, init: RequestInit & { accept?: string } = {}) =>
    fetch(`${url}/api/v1${path}`, {
      method: "POST",
      ...init,
      headers: { ...json, cookie, accept: init.accept ?? "application/json" },
      body: JSON.stringify(body),
    });
  return {
    cookie,
    async newConversation(patch = {}) {
      // A title of its own, so that the load is the answers' alone.
      const created = await post("/conversations", { title: "Load" });
      if (!created.ok) throw new Error(`no conversation: ${await created.text()}`);
      const { id } = ((await created.json()) as ConversationBody).conversation;
      if (Object.keys(patch).length > 0) {
        await (await post(`/conversations/${id}`, patch, { method: "PATCH" })).text();
      }
      return id;
    },
    ask: (id, content, signal) =>
      post(
        `/conversations/${id}/messages`,
        { content },
        {
          accept: "text/event-stream",
          ...(signal ? { signal } : {}),
        },
      ),
  };
}

/** Made a few at a time, as a server takes them that has not learnt yet how much it bears. */
export async function newConversations(account: Account, count: number): Promise<string[]> {
  const ids: string[] = [];
  let left = count;
  const make = async () => {
    while (left-- > 0) ids.push(await account.newConversation());
  };
  await Promise.all(Array.from({ length: 8 }, make));
  return ids;
}
