import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { VirtualWindow } from "./virtual-window.ts";

/** Drawn beyond both edges of the view, so that a fast wheel meets no blank. */
const OVERSCAN_PX = 700;
/** This near to the end, the view keeps to it. */
const AT_END_PX = 32;
/** How long after the last scroll event scrolling counts as resting. */
const REST_MS = 120;
/** More is asked for this many views before an edge. */
const NEAR_EDGE_VIEWS = 3;
/** Where an item that was gone to begins: so much of the view stays above it. */
const ABOVE_GOAL = 0.2;

type Elements = { scroller: HTMLElement; content: HTMLElement; items: HTMLElement };

/**
 * The scroller of a long list: listens to scrolling and to changes of height, tells which items to
 * draw (`drawn`), and holds the view still, or at the end while it is there. The arithmetic is
 * {@link VirtualWindow}'s; this does the measuring, before the frame is painted.
 */
export class ScrollView {
  readonly drawn: ReadonlySignal<{ start: number; end: number }>;
  readonly isAtEnd: ReadonlySignal<boolean>;
  readonly #drawn: Signal<{ start: number; end: number }> = signal({ start: 0, end: 0 });
  readonly #isAtEnd: Signal<boolean> = signal(true);
  readonly #window = new VirtualWindow();
  readonly #onNearEdge: { start: () => void; end: () => void };
  readonly #fresh = new Set<HTMLElement>();
  readonly #keys = new WeakMap<Element, string>();
  readonly #observer = new ResizeObserver((changes) => this.#resized(changes));
  readonly #listening = new AbortController();
  #elements: Elements | undefined;
  #viewHeight = 0;
  #scrollTop = 0;
  #isStuck = true;
  #isOpenEnded = false;
  /** The item that was gone to, until the reader scrolls: it is held where it is put. */
  #goal: string | undefined;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(onNearEdge: { start: () => void; end: () => void }) {
    this.#onNearEdge = onNearEdge;
    this.drawn = this.#drawn;
    this.isAtEnd = this.#isAtEnd;
  }

  attach(elements: Elements): void {
    this.#elements = elements;
    const { scroller } = elements;
    this.#viewHeight = scroller.clientHeight;
    this.#observer.observe(scroller);
    const options = { passive: true, signal: this.#listening.signal };
    scroller.addEventListener("scroll", () => this.#scrolled(), options);
    this.#place();
    this.#update();
  }

  dispose(): void {
    this.#listening.abort();
    this.#observer.disconnect();
    clearTimeout(this.#rest);
  }

  get width(): number {
    return this.#elements?.scroller.clientWidth ?? 800;
  }

  setKeys(keys: readonly string[], estimate: (index: number) => number): void {
    this.#window.setKeys(keys, estimate, this.#scrollTop);
    this.#place();
    this.#update();
  }

  /** An item was drawn. @returns what to call once it is gone. */
  observe(key: string, element: HTMLElement): () => void {
    this.#keys.set(element, key);
    this.#fresh.add(element);
    this.#observer.observe(element);
    return () => {
      this.#fresh.delete(element);
      this.#observer.unobserve(element);
      // The keyboard must not lose its place in the page when its item scrolls out of it.
      const scroller = this.#elements?.scroller;
      if (element.contains(document.activeElement)) scroller?.focus({ preventScroll: true });
    };
  }

  /** After drawing: measures what is new, and puts everything where it belongs. */
  settleDrawing(): void {
    const heights = [...this.#fresh].map((element) => this.#measured(element));
    this.#fresh.clear();
    this.#window.measure(heights, this.#scrollTop);
    this.#place();
    this.#update();
  }

  scrollToEnd(): void {
    this.#goal = undefined;
    this.#isStuck = true;
    this.#place();
    this.#update();
  }

  /** An item that is drawn in the list, or will be with the next list. */
  scrollTo(key: string): void {
    this.#goal = key;
    this.#isStuck = false;
    this.#place();
    this.#update();
  }

  /** Whether the list goes on after its last item. Then its end is none to keep to. */
  setOpenEnded(isOpenEnded: boolean): void {
    this.#isOpenEnded = isOpenEnded;
    if (isOpenEnded) this.#isStuck = false;
    this.#update();
  }

  #scrolled(): void {
    const scroller = this.#elements?.scroller;
    if (!scroller) return;
    const before = this.#scrollTop;
    this.#scrollTop = scroller.scrollTop;
    if (Math.abs(this.#scrollTop - before) > 0.5) this.#goal = undefined;
    // Any way up lets go of the end, however small: a touchpad moves by a pixel or two at a time.
    const distance = this.#distanceToEnd();
    if (distance > 1 && this.#scrollTop < before - 0.5) this.#isStuck = false;
    else if (distance < AT_END_PX && !this.#isOpenEnded) this.#isStuck = true;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      this.#place();
    }, REST_MS);
    if (this.#window.needsSettling(this.#scrollTop, this.#viewHeight)) this.#place();
    this.#update();
  }

  #resized(changes: ResizeObserverEntry[]): void {
    const scroller = this.#elements?.scroller;
    const heights: [string, number][] = [];
    for (const { target, borderBoxSize } of changes) {
      if (target === scroller) this.#viewHeight = scroller.clientHeight;
      const key = this.#keys.get(target);
      if (key !== undefined) heights.push([key, borderBoxSize[0]?.blockSize ?? 0]);
    }
    this.#window.measure(heights, this.#scrollTop);
    this.#place();
    this.#update();
  }

  #measured(element: HTMLElement): [string, number] {
    return [this.#keys.get(element) as string, element.getBoundingClientRect().height];
  }

  #distanceToEnd(): number {
    return this.#window.height - this.#scrollTop - this.#viewHeight;
  }

  /** Brings positions and the scroll position in line with the heights known now. */
  #place(): void {
    if (!this.#elements) return;
    const { scroller, content, items } = this.#elements;
    const isResting = this.#rest === undefined;
    const mustSettle = this.#window.needsSettling(this.#scrollTop, this.#viewHeight);
    const goal = this.#goal === undefined ? undefined : this.#window.indexOf(this.#goal);
    const isHeld = this.#isStuck || goal !== undefined;
    let scrollTop = this.#scrollTop;
    if (isHeld || isResting || mustSettle) scrollTop = this.#window.settle(scrollTop);
    const end = Math.max(0, this.#window.height - this.#viewHeight);
    if (this.#isStuck) scrollTop = end;
    else if (goal !== undefined) {
      const top = this.#window.top(goal) - this.#viewHeight * ABOVE_GOAL;
      scrollTop = Math.min(end, Math.max(0, top));
    }
    content.style.height = `${this.#window.height}px`;
    items.style.transform = `translateY(${this.#window.top(this.#drawn.peek().start)}px)`;
    if (Math.abs(scrollTop - this.#scrollTop) > 0.5) {
      scroller.scrollTop = scrollTop;
      this.#scrollTop = scroller.scrollTop;
    }
  }

  /** Chooses what to draw, and says what the reader is near to. */
  #update(): void {
    if (!this.#elements) return;
    const range = this.#window.range(this.#scrollTop, this.#viewHeight, OVERSCAN_PX);
    const drawn = this.#drawn.peek();
    if (range.start !== drawn.start || range.end !== drawn.end) {
      this.#drawn.value = { start: range.start, end: range.end };
    }
    const toEnd = this.#distanceToEnd();
    this.#isAtEnd.value = this.#isStuck || (!this.#isOpenEnded && toEnd < this.#viewHeight / 4);
    const nearPx = NEAR_EDGE_VIEWS * this.#viewHeight;
    if (this.#scrollTop - this.#window.shift < nearPx) this.#onNearEdge.start();
    if (this.#isOpenEnded && toEnd < nearPx) this.#onNearEdge.end();
  }
}
