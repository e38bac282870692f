import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { parseRoute, type Route } from "./route.ts";

/**
 * The client-side router: the address bar as a signal. Plain links inside the application are
 * followed without loading the page; everything a browser does with links otherwise (new tab,
 * download, other sites) is left alone. {@link Router.dispose} gives back its listeners.
 */
export class Router {
  readonly route: ReadonlySignal<Route>;
  readonly #route: Signal<Route>;
  readonly #window: Window;
  readonly #listening = new AbortController();

  constructor(window: Window) {
    this.#window = window;
    this.#route = signal(this.#read());
    this.route = this.#route;
    const { signal: until } = this.#listening;
    window.addEventListener("popstate", () => this.#sync(), { signal: until });
    window.document.addEventListener("click", (event) => this.#click(event), { signal: until });
  }

  /** The path and query shown in the address bar. */
  get path(): string {
    return this.#window.location.pathname + this.#window.location.search;
  }

  navigate(path: string, options: { replace?: boolean } = {}): void {
    if (path !== this.path) {
      if (options.replace) this.#window.history.replaceState(null, "", path);
      else this.#window.history.pushState(null, "", path);
    }
    this.#sync();
  }

  dispose(): void {
    this.#listening.abort();
  }

  #read(): Route {
    return parseRoute(this.#window.location.pathname, this.#window.location.search);
  }

  #sync(): void {
    const next = this.#read();
    if (JSON.stringify(next) !== JSON.stringify(this.#route.peek())) this.#route.value = next;
  }

  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    const href = link?.getAttribute("href");
    if (!link || !href || href.startsWith("#")) return;
    if (link.target || link.hasAttribute("download")) return;
    const { origin, pathname, search } = new URL(link.href);
    if (origin !== this.#window.location.origin || pathname.startsWith("/api/")) return;
    event.preventDefault();
    this.navigate(pathname + search);
  }
}
