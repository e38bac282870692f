import { describe, expect, test } from "#test";
import { type Counted, FrequencySketch, hashText } from "./frequency-sketch.ts";

const key = (name: string): Counted => ({ hash: hashText(name, 7), uses: 0, halvings: 0 });

describe("FrequencySketch", () => {
  test("counts a key in the table while it is not held, in the key while it is, and back", () => {
    const sketch = new FrequencySketch(100);
    const held = key("a");
    for (let i = 0; i < 3; i++) sketch.increment(held.hash);
    expect(sketch.frequency(held.hash)).toBe(3);
    sketch.hold(held);
    for (let i = 0; i < 4; i++) sketch.use(held);
    expect(sketch.frequencyOf(held)).toBe(7);
    sketch.raise(held.hash, sketch.frequencyOf(held));
    expect(sketch.frequency(held.hash)).toBe(7);
    expect(sketch.frequency(hashText("b", 7))).toBe(0);
  });

  test("stops at 15", () => {
    const sketch = new FrequencySketch(100);
    const held = key("a");
    for (let i = 0; i < 40; i++) sketch.increment(held.hash);
    sketch.hold(held);
    for (let i = 0; i < 40; i++) sketch.use(held);
    expect(sketch.frequency(held.hash)).toBe(15);
    expect(sketch.frequencyOf(held)).toBe(15);
  });

  test("what is held fades as fast as what is not", () => {
    const sketch = new FrequencySketch(10);
    const held = key("held");
    sketch.hold(held);
    for (let i = 0; i < 8; i++) {
      sketch.use(held);
      sketch.increment(hashText("not held", 7));
    }
    // 80 events, 64 more than were counted, halve all once.
    for (let i = 0; i < 64; i++) sketch.increment(hashText(`other ${i}`, 7));
    expect(sketch.frequencyOf(held)).toBe(4);
    expect(sketch.frequency(hashText("not held", 7))).toBe(4);
  });

  test("a key that was not looked at for long has faded away", () => {
    const sketch = new FrequencySketch(10);
    const held = key("held");
    sketch.hold(held);
    for (let i = 0; i < 15; i++) sketch.use(held);
    for (let i = 0; i < 2000; i++) sketch.increment(hashText(`other ${i}`, 7));
    expect(sketch.frequencyOf(held)).toBe(0);
  });
});
