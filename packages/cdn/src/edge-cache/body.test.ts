import { expect, test } from "bun:test";
import { Body, type BodyReader } from "./body.ts";

/** Reads when it is told to. */
class Reader implements BodyReader {
  position = 0;
  text = "";
  readonly #body: Body;

  constructor(body: Body) {
    this.#body = body;
    body.join(this);
  }

  bodyChanged(): void {}

  read(bytes = Number.POSITIVE_INFINITY): void {
    const piece = this.#body.from(this.position).subarray(0, Math.min(bytes, 1 << 30));
    this.position += piece.length;
    this.text += piece.toString("latin1");
    this.#body.moved();
  }
}

test("each reads all of it at a pace of its own, of known and of unknown length", () => {
  for (const expectedBytes of [undefined, 300_000]) {
    const body = new Body(expectedBytes);
    const [eager, slow] = [new Reader(body), new Reader(body)];
    let all = "";
    for (let i = 0; i < 30; i++) {
      const piece = String.fromCharCode(97 + (i % 26)).repeat(10_000);
      all += piece;
      body.append(Buffer.from(piece));
      eager.read();
      slow.read(3000);
    }
    body.seal();
    while (slow.position < body.length) slow.read(7000);
    expect([eager.text === all, slow.text === all, body.heldBytes]).toEqual([true, true, 300_000]);
  }
});

test("one that is let go is held as far as the slowest has not read it, and its sender waits", () => {
  const body = new Body();
  const [eager, slow] = [new Reader(body), new Reader(body)];
  body.letGo();
  let caughtUp = 0;
  body.onCaughtUp = () => caughtUp++;
  const piece = Buffer.alloc(64 << 10, "x");
  let sent = 0;
  while (sent < 100 * piece.length) {
    if (body.isAhead) {
      const before = caughtUp;
      expect(body.length - slow.position).toBeLessThanOrEqual((1 << 20) + piece.length);
      slow.read();
      expect(caughtUp).toBe(before + 1);
    }
    body.append(piece);
    sent += piece.length;
    eager.read();
    expect(body.heldBytes).toBeLessThan(4 << 20);
  }
  slow.read();
  expect(caughtUp).toBeGreaterThan(3);
  expect([eager.text.length, slow.text.length]).toEqual([sent, sent]);
});

test("the slowest leaves, and its sender goes on", () => {
  const body = new Body();
  const reader = new Reader(body);
  body.letGo();
  let caughtUp = 0;
  body.onCaughtUp = () => caughtUp++;
  body.append(Buffer.alloc(2 << 20));
  expect(body.isAhead).toBe(true);
  body.leave(reader);
  expect([caughtUp, body.isAhead]).toEqual([1, false]);
});
