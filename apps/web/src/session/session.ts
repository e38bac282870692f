import type { LoginBody, RegisterBody, ServerInfoBody, User } from "@peregrine/protocol";
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Api } from "../api/api.ts";

/** `unknown` until the server has been asked; `failed` where it could not be. */
export type SessionState = "unknown" | "signed-in" | "signed-out" | "failed";

/** Who is signed in, and what the server says about itself. */
export class Session {
  readonly state: ReadonlySignal<SessionState>;
  readonly user: ReadonlySignal<User | null>;
  readonly info: ReadonlySignal<ServerInfoBody | null>;
  readonly #api: Api;
  readonly #state: Signal<SessionState> = signal("unknown");
  readonly #user: Signal<User | null> = signal(null);
  readonly #info: Signal<ServerInfoBody | null> = signal(null);

  constructor(api: Api) {
    this.#api = api;
    this.state = this.#state;
    this.user = this.#user;
    this.info = this.#info;
  }

  async start(): Promise<void> {
    this.#state.value = "unknown";
    try {
      const [user] = await Promise.all([this.#api.me(), this.#readInfo()]);
      this.#enter(user);
    } catch {
      this.#state.value = "failed";
    }
  }

  /** Asks the server whether the session still counts. */
  async check(): Promise<void> {
    if ((await this.#api.me()) === null) this.lose();
  }

  async signIn(body: LoginBody): Promise<void> {
    this.#enter(await this.#api.login(body));
  }

  async signUp(body: RegisterBody): Promise<void> {
    this.#enter(await this.#api.register(body));
  }

  async signOut(): Promise<void> {
    await this.#api.logout();
    this.lose();
  }

  /** The session has ended, here or on the server. While starting, that is for the start to say. */
  lose(): void {
    if (this.#state.peek() === "signed-in") this.#enter(null);
  }

  #enter(user: User | null): void {
    const info = this.#info.peek();
    if (user && info && !info.hasAccounts) this.#info.value = { ...info, hasAccounts: true };
    this.#user.value = user;
    this.#state.value = user ? "signed-in" : "signed-out";
  }

  async #readInfo(): Promise<void> {
    this.#info.value = await this.#api.info();
  }
}
