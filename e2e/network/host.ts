import { addressOf, type LinkState, soundLink, type Traffic } from "./link.ts";
import { onlyWithParent, type WireProcess } from "./wire-process.ts";

/** One host of a network: where it is, how things run on it, and what is done to it. */
export class Host {
  readonly address: string;
  readonly #index: number;
  readonly #wire: WireProcess;
  #entrance: number;
  #link: LinkState = soundLink;

  constructor(index: number, entrance: number, wire: WireProcess) {
    this.address = addressOf(index);
    this.#index = index;
    this.#entrance = entrance;
    this.#wire = wire;
  }

  /**
   * The command line that runs this one on the host. It has the host's network and the machine's
   * files, and ends with the process that starts it.
   */
  command(command: readonly string[]): string[] {
    const namespace = `/proc/${this.#wire.pid}/fd/${this.#entrance}`;
    return ["nsenter", `--net=${namespace}`, ...onlyWithParent, ...command];
  }

  /** Pulls its plug: nothing passes either way, and neither side is told. */
  cut(): Promise<void> {
    return this.#change({ isCut: true });
  }

  mend(): Promise<void> {
    return this.#change(soundLink);
  }

  /** Makes what it sends arrive so much later; each round trip takes that much longer. */
  delay(delayMs: number): Promise<void> {
    return this.#change({ delayMs });
  }

  /** Loses this share of packets, from it and to it. */
  lose(loss: number): Promise<void> {
    return this.#change({ loss });
  }

  /**
   * As a power cut does: it forgets all its connections without a word, and is there again. What ran
   * on it has no network any more, and is to be stopped and started anew.
   */
  async restart(): Promise<void> {
    const { entrance } = await this.#wire.tell({ host: this.#index, restart: true });
    this.#entrance = entrance;
  }

  /** Packets that came to it or were swallowed on its link, so far. */
  async traffic(): Promise<Traffic> {
    const { passed, lost } = await this.#wire.tell({ host: this.#index });
    return { passed, lost };
  }

  async #change(change: Partial<LinkState>): Promise<void> {
    this.#link = { ...this.#link, ...change };
    await this.#wire.tell({ host: this.#index, state: this.#link });
  }
}
