import { connectionOptions, withoutNominated } from "./connection-options.ts";
import { readContentLength } from "./content-length.ts";
import { HeaderScanner, nameKeys } from "./header-scanner.ts";
import { MessageError } from "./message-error.ts";

type Treatment = "content-length" | "transfer-encoding" | "connection" | "look" | "drop";

/**
 * The header fields of a head, of requests and answers alike: reads those that frame the body, leaves
 * out those that are of one hop, shows the reader those it asks for, and keeps all others as they came.
 *
 * Reading is synchronous, so one of these serves every head of a kind, one after another.
 */
export class HeadFields {
  contentLength: number | undefined;
  /** In lower case. */
  transferEncoding: string | undefined;
  #options: string[] | undefined;
  readonly #scanner = new HeaderScanner();
  readonly #treatments: ReadonlyMap<string, Treatment>;
  readonly #keys: Uint8Array;
  #head = "";
  #lines = "";
  /** Up to where lines were kept or left out. */
  #settled = 0;

  /**
   * @param looked names that `next` stops at
   * @param dropped names that are left out unseen
   */
  constructor(looked: readonly string[], dropped: readonly string[]) {
    this.#treatments = new Map<string, Treatment>([
      ["content-length", "content-length"],
      ["transfer-encoding", "transfer-encoding"],
      ["connection", "connection"],
      ...looked.map((name) => [name, "look"] as const),
      ...dropped.map((name) => [name, "drop"] as const),
    ]);
    this.#keys = nameKeys([...this.#treatments.keys()]);
  }

  /** @param at where the header lines of the head begin */
  begin(head: string, at: number): void {
    this.contentLength = undefined;
    this.transferEncoding = undefined;
    this.#options = undefined;
    this.#scanner.reset(head, at);
    this.#head = head;
    this.#lines = "";
    this.#settled = at;
  }

  /**
   * The name of the next field to look at, in lower case. It is left out of `lines`.
   *
   * @throws MessageError where the head is not exactly HTTP/1.x
   */
  next(): string | undefined {
    const scanner = this.#scanner;
    while (scanner.next()) {
      if (this.#keys[scanner.key] !== 1) continue;
      const name = scanner.name;
      switch (this.#treatments.get(name)) {
        case undefined:
          continue;
        case "look":
          this.#leaveOut();
          return name;
        case "content-length":
          if (this.contentLength !== undefined) {
            throw new MessageError("Content-Length is given twice.");
          }
          this.contentLength = readContentLength(scanner.value);
          break;
        case "transfer-encoding":
          if (this.transferEncoding !== undefined) {
            throw new MessageError("Transfer-Encoding is given twice.");
          }
          this.transferEncoding = scanner.value.toLowerCase();
          break;
        case "connection":
          this.#options = [...(this.#options ?? []), ...connectionOptions(scanner.value)];
          break;
        default:
      }
      this.#leaveOut();
    }
    // Up to the empty line.
    this.#keepUpTo(scanner.start);
    return undefined;
  }

  /** Of the field that `next` stopped at, without the blanks around it. */
  get value(): string {
    return this.#scanner.value;
  }

  /** Whether `Connection` says this. */
  hasOption(option: string): boolean {
    return this.#options?.includes(option) === true;
  }

  /** The lines that are passed on, each with its CRLF. Whole once `next` has found no more. */
  get lines(): string {
    return this.#options === undefined ? this.#lines : withoutNominated(this.#lines, this.#options);
  }

  #leaveOut(): void {
    this.#keepUpTo(this.#scanner.start);
    this.#settled = this.#scanner.end;
  }

  #keepUpTo(at: number): void {
    if (at > this.#settled) this.#lines += this.#head.slice(this.#settled, at);
    this.#settled = at;
  }
}
