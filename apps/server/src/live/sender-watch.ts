/** Of more that are missing at once, these are enough to know. */
const maxMissing = 1_000;
/** A server that was silent for so long is not remembered. */
const forgetMs = 60 * 60_000;

type Sender = {
  /** The number that its next message has. */
  next: number;
  /** Those before it that have not come. */
  missing: Set<number>;
  heardMs: number;
  isSilent: boolean;
};

type Options = {
  /** A server that says nothing for so long has died, or cannot be heard. */
  silentMs: number;
  /** How long a message may take that was overtaken by later ones. */
  lateMs: number;
  now: () => number;
  /** What others told may not have come, or what they had to tell may never have been told. */
  onMissed(): void;
};

/**
 * Notices when something that other servers told did not arrive here. Each numbers its messages from
 * 1, and says the number of its last one every few seconds even if there is nothing else to say. So
 * a lost message shows with the next that comes, and a server that died by its silence: it may have
 * saved something that it no longer got to tell.
 *
 * Messages may overtake each other for a moment. A false alarm costs a few reads, so what
 * cannot be known counts as missed.
 */
export class SenderWatch {
  readonly #options: Options;
  readonly #senders = new Map<string, Sender>();
  readonly #startedMs: number;
  #late: ReturnType<typeof setTimeout> | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#startedMs = options.now();
  }

  /** A numbered message came. */
  heard(from: string, number: number): void {
    const sender = this.#find(from, number - 1);
    this.#expectUpTo(sender, number - 1);
    if (number < sender.next) sender.missing.delete(number);
    else sender.next = number + 1;
  }

  /** A server said that it is there, and the number of its last message. */
  heardOf(from: string, lastNumber: number): void {
    this.#expectUpTo(this.#find(from, lastNumber), lastNumber);
  }

  /** A server said that it stops. */
  left(from: string): void {
    this.#senders.delete(from);
  }

  /** To be called every few seconds. */
  check(): void {
    const now = this.#options.now();
    let hasDied = false;
    for (const [from, sender] of this.#senders) {
      const silentMs = now - sender.heardMs;
      if (silentMs > forgetMs) this.#senders.delete(from);
      if (sender.isSilent || silentMs <= this.#options.silentMs) continue;
      sender.isSilent = true;
      hasDied = true;
    }
    if (hasDied) this.#options.onMissed();
  }

  stop(): void {
    clearTimeout(this.#late);
  }

  #find(from: string, lastNumber: number): Sender {
    const now = this.#options.now();
    let sender = this.#senders.get(from);
    if (!sender) {
      // Those that were there before us have told what no client of ours needs to hear.
      const isOlder = now - this.#startedMs < this.#options.silentMs;
      sender = {
        next: isOlder ? lastNumber + 1 : 1,
        missing: new Set(),
        heardMs: 0,
        isSilent: false,
      };
      this.#senders.set(from, sender);
    }
    sender.heardMs = now;
    sender.isSilent = false;
    return sender;
  }

  #expectUpTo(sender: Sender, number: number): void {
    if (number < sender.next) return;
    for (let each = sender.next; each <= number && sender.missing.size < maxMissing; each++) {
      sender.missing.add(each);
    }
    sender.next = number + 1;
    this.#late ??= setTimeout(() => this.#reportMissing(), this.#options.lateMs);
  }

  #reportMissing(): void {
    this.#late = undefined;
    let isAnyMissing = false;
    for (const { missing } of this.#senders.values()) {
      if (missing.size > 0) isAnyMissing = true;
      missing.clear();
    }
    if (isAnyMissing) this.#options.onMissed();
  }
}
