import { type AnswerEntry, parseEntry } from "./answer-entry.ts";
import { keyPrefix, type RedisConnection, redisScript } from "./redis-connection.ts";
import { readEntries } from "./stream-reader.ts";

/** Limit of one command: what anyone waits at most for Redis before being on their own. */
const limitMs = 250;
/** How long a leader, or a reader, counts without a sign of life. */
export const leaseMs = 2000;
/** How long the text outlives the last sign of its leader. */
const openMs = 30_000;
/** How long the text outlives its end, for those who were reading it. */
const endedMs = 10_000;
const inboxMs = 60_000;
const maxInbox = 10_000;
export const eventsKey = (key: string, token: string) => `${keyPrefix}:events:${key}:${token}`;
const leaseKey = (key: string) => `${keyPrefix}:lease:${key}`;
const readersKey = (key: string) => `${keyPrefix}:readers:${key}`;
export const inboxKey = (member: string) => `${keyPrefix}:inbox:${member}`;

const nowMs = `local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)`;

const enter = redisScript(`${nowMs}
local holder = redis.call('GET', KEYS[1])
if not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
  redis.call('ZREM', KEYS[2], ARGV[2])
  return ARGV[1]
end
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return holder`);

const keepLead = redisScript(`${nowMs}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return redis.call('ZCOUNT', KEYS[2], now, '+inf')`);

const keepReading = redisScript(`${nowMs}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1`);

const releaseIfAlone = redisScript(`${nowMs}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 1 end
if redis.call('ZCOUNT', KEYS[2], now, '+inf') > 0 then return 0 end
redis.call('DEL', KEYS[1])
return 1`);

const finish = redisScript(`
redis.call('XADD', KEYS[2], '*', 'e', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`);

/** The answer that one server leads: its key, and the token of this lead. */
export type LeadName = { key: string; token: string };

/**
 * What Redis holds of the answers that are shared at this moment, under the answer's key:
 *
 * - `lease`: the token of its leader, while that is alive. A token is used once and names the
 *   stream of text, so a leader that was taken for dead can write on and harms nobody.
 * - `events`: a stream of text (see `AnswerEntry`), written while somebody reads it.
 * - `readers`: the servers that read, each with the moment its place runs out.
 *
 * And `inbox` of each server: keys it leads that somebody joined or left, so that it looks at once.
 */
export class AnswerStore {
  readonly #connection: RedisConnection;
  readonly #member: string;
  #leads = 0;

  /** @param member names this server; used once */
  constructor(connection: RedisConnection, member: string) {
    this.#connection = connection;
    this.#member = member;
  }

  /** Becomes leader if there is none, otherwise a reader. @returns the leader's token */
  async enter(key: string): Promise<{ token: string; leads: boolean }> {
    const token = `${this.#member}/${++this.#leads}`;
    const args = [token, this.#member, leaseMs];
    const holder = await this.#run(enter, [leaseKey(key), readersKey(key)], args);
    return { token: String(holder), leads: String(holder) === token };
  }

  /** Whether a token was made by this server. */
  isOwn(token: string): boolean {
    return memberOf(token) === this.#member;
  }

  /** @returns how many servers read; undefined where the lead is lost */
  async keepLead({ key, token }: LeadName): Promise<number | undefined> {
    const keys = [leaseKey(key), readersKey(key), eventsKey(key, token)];
    const readers = Number(await this.#run(keepLead, keys, [token, leaseMs, openMs]));
    return readers < 0 ? undefined : readers;
  }

  /** @returns whether that leader still leads */
  async keepReading({ key, token }: LeadName): Promise<boolean> {
    const args = [token, this.#member, leaseMs];
    return (await this.#run(keepReading, [leaseKey(key), readersKey(key)], args)) === 1;
  }

  /** Gives a lead up unless somebody reads. @returns whether it is given up */
  async releaseIfAlone({ key, token }: LeadName): Promise<boolean> {
    return (await this.#run(releaseIfAlone, [leaseKey(key), readersKey(key)], [token])) === 1;
  }

  /** @param isWhole the entry has everything, and those before it can go */
  async publish({ key, token }: LeadName, entry: AnswerEntry, isWhole: boolean): Promise<void> {
    const events = eventsKey(key, token);
    const trim = isWhole ? ["MAXLEN", "=", "1"] : [];
    await Promise.all([
      this.#send(["XADD", events, ...trim, "*", "e", JSON.stringify(entry)]),
      this.#send(["PEXPIRE", events, String(openMs)]),
    ]);
  }

  /** Writes the last entry and gives the lead up. */
  async finish({ key, token }: LeadName, entry: AnswerEntry): Promise<void> {
    const keys = [leaseKey(key), eventsKey(key, token)];
    await this.#run(finish, keys, [token, JSON.stringify(entry), endedMs]);
  }

  async entries({ key, token }: LeadName): Promise<AnswerEntry[]> {
    const reply = await this.#send(["XRANGE", eventsKey(key, token), "-", "+"]);
    return readEntries(reply).map(({ fields }) => parseEntry(fields.e));
  }

  /** This server reads no more. */
  async leave({ key, token }: LeadName): Promise<void> {
    const left = this.#send(["ZREM", readersKey(key), this.#member]);
    await Promise.all([left, this.tellLeader({ key, token })]);
  }

  /** Has the leader look who reads. */
  async tellLeader({ key, token }: LeadName): Promise<void> {
    await this.#tell(memberOf(token), key);
  }

  /** Has this server's own blocking read return, and so begin anew. */
  async tellSelf(): Promise<void> {
    await this.#tell(this.#member, "");
  }

  async #tell(member: string, key: string): Promise<void> {
    const inbox = inboxKey(member);
    await Promise.all([
      this.#send(["XADD", inbox, "MAXLEN", "~", String(maxInbox), "*", "key", key]),
      this.#send(["PEXPIRE", inbox, String(inboxMs)]),
    ]);
  }

  #send(args: string[]): Promise<unknown> {
    return this.#connection.send(args, limitMs);
  }

  #run(
    script: Parameters<RedisConnection["run"]>[0],
    keys: string[],
    args: (string | number)[],
  ): Promise<unknown> {
    return this.#connection.run(script, keys, args, limitMs);
  }
}

function memberOf(token: string): string {
  return token.slice(0, token.lastIndexOf("/"));
}
