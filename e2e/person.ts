import type { ConversationBody, ConversationListBody, MessageListBody } from "@peregrine/protocol";

let people = 0;

/** Somebody with an account, who does things by the API; `url` is a server or a door. */
export class Person {
  readonly cookie: string;

  constructor(cookie: string) {
    this.cookie = cookie;
  }

  static async register(url: string): Promise<Person> {
    const email = `person-${++people}@example.org`;
    const body = { email, password: "a good password", name: "Ada" };
    const response = await new Person("").send(url, "POST", "/auth/register", body);
    return new Person(response.headers.get("set-cookie")?.split(";", 1)[0] ?? "");
  }

  /** @throws Error where it was not done, as far as is known */
  async send(url: string, method: string, path: string, body?: object): Promise<Response> {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", cookie: this.cookie },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return response;
  }

  async newConversation(url: string, title: string): Promise<string> {
    const made = await this.send(url, "POST", "/conversations", { title });
    return ((await made.json()) as ConversationBody).conversation.id;
  }

  async rename(url: string, id: string, title: string): Promise<void> {
    await this.send(url, "PATCH", `/conversations/${id}`, { title });
  }

  /** Asks. Resolves when the answer is whole. */
  async ask(url: string, id: string, content: string): Promise<void> {
    await (await this.send(url, "POST", `/conversations/${id}/messages`, { content })).text();
  }

  /** Ends the answer that runs in a conversation, and keeps what came. */
  async stopAnswer(url: string, id: string): Promise<void> {
    const [answer] = await this.messages(url, id);
    await this.send(url, "POST", `/messages/${answer?.id}/stop`);
  }

  async conversations(url: string): Promise<ConversationListBody["conversations"]> {
    const list = await this.send(url, "GET", "/conversations?limit=50");
    return ((await list.json()) as ConversationListBody).conversations;
  }

  /** Newest first. */
  async messages(url: string, id: string): Promise<MessageListBody["messages"]> {
    const page = await this.send(url, "GET", `/conversations/${id}/messages?limit=50`);
    return ((await page.json()) as MessageListBody).messages;
  }
}
