import { type ReadonlySignal, type Signal, signal } from "@preact/signals";

export type ThemeChoice = "system" | "light" | "dark";

const KEY = "peregrine.theme";

/**
 * Dark or light: what the system says unless chosen otherwise. `boot.js` has applied the choice
 * before the first paint; this keeps it applied when the system, another tab or the reader
 * changes it.
 */
export class Theme {
  readonly choice: ReadonlySignal<ThemeChoice>;
  readonly #choice: Signal<ThemeChoice> = signal(stored());
  readonly #system = matchMedia("(prefers-color-scheme: dark)");

  constructor() {
    this.choice = this.#choice;
    this.#system.addEventListener("change", () => this.#apply());
    window.addEventListener("storage", ({ key }) => {
      if (key !== KEY) return;
      this.#choice.value = stored();
      this.#apply();
    });
  }

  choose(choice: ThemeChoice): void {
    this.#choice.value = choice;
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // Without storage the choice lasts until the page closes.
    }
    this.#apply();
  }

  get isDark(): boolean {
    const choice = this.#choice.peek();
    return choice === "dark" || (choice === "system" && this.#system.matches);
  }

  #apply(): void {
    document.documentElement.dataset.theme = this.isDark ? "dark" : "light";
  }
}

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}
