import type { Account } from "../support/account.ts";

const everyMs = 50;

/**
 * A load of so many requests a second for as long as it runs: reads, and one question in fifty.
 * What the server does not answer in time is not asked again, so that the load does not pile up.
 */
export function startSteadyLoad(url: string, account: Account, conversation: string, rate: number) {
  const headers = { cookie: account.cookie };
  const paths = ["/me", "/conversations", `/conversations/${conversation}`];
  const maxInFlight = rate * 2;
  let asked = 0;
  let answered = 0;
  let failed = 0;
  let owed = 0;
  let inFlight = 0;
  let isAnswering = false;

  async function request(): Promise<void> {
    const number = asked++;
    inFlight++;
    try {
      if (number % 50 === 0 && !isAnswering) {
        isAnswering = true;
        const answer = await account.ask(conversation, "{{tokens=20 rate=50}}");
        await answer.arrayBuffer().finally(() => {
          isAnswering = false;
        });
      } else {
        const path = paths[number % paths.length] ?? "/me";
        await (await fetch(`${url}/api/v1${path}`, { headers })).arrayBuffer();
      }
      answered++;
    } catch {
      failed++;
    } finally {
      inFlight--;
    }
  }

  const timer = setInterval(() => {
    for (owed += (rate * everyMs) / 1000; owed >= 1; owed--) {
      // It catches its own failure.
      if (inFlight < maxInFlight) void request();
    }
  }, everyMs);
  return {
    /** Since the last call. */
    take() {
      const taken = { answered, failed };
      answered = 0;
      failed = 0;
      return taken;
    },
    stop: () => clearInterval(timer),
  };
}
