import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { Random } from "./random.ts";
import { Texts } from "./texts.ts";

type Person = { id: string; email: string; conversations: string[] };

const longMessages = 50_100;
/** A word that ends every message, and one that ten of the big user's oldest have. */
export const everywhere = "falcon";
export const tenTimes = "kestrel";
const bigShare = 0.2;
const messagesPerPerson = 1_000;
const rowsAFile = 50_000;
const copies = Math.min(4, availableParallelism());
const spanMs = 730 * 86_400_000;

/**
 * Fills a database by COPY, in the order of time, up to any number of messages over two years:
 * long-tailed conversations, one user with a fifth of everything, one conversation of 50,000
 * messages, several languages. The same on each run, but for the moment that is now.
 */
export class Dataset {
  readonly texts: Texts;
  /** Has a fifth of all messages beside the long conversation. */
  readonly bigUser: Person;
  readonly longConversation: string;
  /** Has ten messages. */
  readonly smallUser: Person;
  /** All others. */
  readonly people: Person[] = [];
  readonly #random = new Random(7);
  readonly #sql: SQL;
  readonly #most: number;
  readonly #startMs = Date.now() - spanMs;
  readonly #directory = mkdtempSync(join(tmpdir(), "peregrine-copy-"));
  #messages = 0;

  /** @param most how many messages it will hold at last */
  constructor(url: string, most: number) {
    // Its files are read by Postgres, which is another user.
    chmodSync(this.#directory, 0o755);
    // Foreign keys hold by construction; looking each up would double the time.
    const connection = { session_replication_role: "replica" };
    this.#sql = new SQL({ url, max: copies, connection });
    this.#most = most;
    this.texts = new Texts(this.#random);
    this.bigUser = this.#newPerson(this.#startMs, "big@example.org");
    this.longConversation = this.#random.id(this.#startMs);
    this.smallUser = this.#newPerson(this.#startMs);
  }

  /** Adds messages until there are so many, and gives the planner its statistics. */
  async fillTo(messages: number): Promise<void> {
    if (this.#messages === 0) {
      const short = this.#random.id(this.#startMs);
      await this.#copyPeople([this.bigUser, this.smallUser]);
      await this.#copyConversations([
        this.#row(this.bigUser, this.longConversation, this.#startMs),
        this.#row(this.smallUser, short, this.#startMs),
      ]);
      await this.#copyMessages([...this.#long(), ...this.#short(short)]);
    }
    while (this.#messages < messages) {
      await this.#addChunk(Math.min(rowsAFile, messages - this.#messages));
    }
    await this.#sql.unsafe("vacuum (analyze)");
    await this.#sql.unsafe("checkpoint");
  }

  async close(): Promise<void> {
    await this.#sql.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Some more people and conversations, all within the span of time that comes next. */
  async #addChunk(count: number): Promise<void> {
    const [fromMs, toMs] = [this.#timeOf(this.#messages), this.#timeOf(this.#messages + count)];
    const newcomers = Array.from(
      { length: Math.max(1, Math.round(count / messagesPerPerson)) },
      () => this.#newPerson(fromMs),
    );
    await this.#copyPeople(newcomers);
    this.people.push(...newcomers);
    const conversations: string[] = [];
    const messages: Message[] = [];
    while (messages.length < count) {
      const isBig = this.#random.next() < bigShare;
      // Who came early writes more: a few of them most of all.
      const other = this.people[Math.floor(this.people.length * this.#random.next() ** 2)];
      const person = isBig || !other ? this.bigUser : other;
      const beginMs = fromMs + this.#random.next() * (toMs - fromMs) * 0.9;
      const conversation = this.#random.id(beginMs);
      const length = Math.min(this.#random.longTailed(2, 2_000), count - messages.length);
      const stepMs = Math.min(180_000, (toMs - beginMs) / (length + 1));
      for (let i = 0; i < length; i++) {
        messages.push(this.#message(person.id, conversation, beginMs + i * stepMs, i));
      }
      person.conversations.push(conversation);
      conversations.push(this.#row(person, conversation, beginMs + length * stepMs));
    }
    await this.#copyConversations(conversations);
    await this.#copyMessages(messages.sort((a, b) => a.atMs - b.atMs));
  }

  #long(): Message[] {
    const stepMs = (this.#timeOf(longMessages) - this.#startMs) / longMessages;
    return Array.from({ length: longMessages }, (_, i) =>
      this.#message(
        this.bigUser.id,
        this.longConversation,
        this.#startMs + i * stepMs,
        i,
        i % (longMessages / 10) === 0 ? tenTimes : "",
      ),
    );
  }

  #short(conversation: string): Message[] {
    return Array.from({ length: 10 }, (_, i) =>
      this.#message(this.smallUser.id, conversation, this.#startMs + i * 1000, i),
    );
  }

  #timeOf(messages: number): number {
    return this.#startMs + (Math.min(messages, this.#most) / this.#most) * spanMs;
  }

  #newPerson(atMs: number, email?: string): Person {
    const id = this.#random.id(atMs);
    return { id, email: email ?? `${id}@example.org`, conversations: [] };
  }

  #row(person: Person, conversation: string, updatedMs: number): string {
    const title = this.texts.make(4);
    const moment = new Date(updatedMs).toISOString();
    return [conversation, person.id, title, title, moment, moment].join("\t");
  }

  #message(user: string, conversation: string, atMs: number, index: number, planted = ""): Message {
    const isAnswer = index % 2 === 1;
    const role = isAnswer ? "assistant" : "user";
    const text = this.texts.make(this.#random.longTailed(isAnswer ? 20 : 5, 600));
    const content = `${text} ${planted} ${everywhere}`;
    const moment = new Date(atMs).toISOString();
    const cells = [
      this.#random.id(atMs),
      conversation,
      user,
      role,
      content,
      "complete",
      moment,
      moment,
    ];
    return { atMs, line: cells.join("\t") };
  }

  #copyPeople(people: Person[]): Promise<void> {
    const lines = people.map(({ id, email }) => [id, email, "Ada", "user", "hash"].join("\t"));
    return this.#copy("users (id, email, name, role, password_hash)", lines);
  }

  #copyConversations(lines: string[]): Promise<void> {
    return this.#copy("conversations (id, user_id, title, preview, created_at, updated_at)", lines);
  }

  async #copyMessages(messages: Message[]): Promise<void> {
    const columns = "id, conversation_id, user_id, role, content, status, created_at, finished_at";
    await this.#copy(
      `messages (${columns})`,
      messages.map(({ line }) => line),
    );
    this.#messages += messages.length;
  }

  /** By several connections at once: what search keeps of a message takes the most time. */
  async #copy(into: string, lines: string[]): Promise<void> {
    const each = Math.ceil(lines.length / copies);
    const parts = Array.from({ length: copies }, (_, i) => lines.slice(i * each, (i + 1) * each));
    await Promise.all(
      parts.map(async (part, i) => {
        if (part.length === 0) return;
        const file = join(this.#directory, `rows-${i}`);
        await Bun.write(file, `${part.join("\n")}\n`);
        await this.#sql.unsafe(`copy ${into} from '${file}'`);
        rmSync(file);
      }),
    );
  }
}

type Message = { atMs: number; line: string };
