import type { Asked, Command, Load, Outcome, StreamState } from "./remote-client-protocol.ts";

/** The process of a `RemoteClient`: takes commands over its IPC channel, and ends with it. */
type Running = { outcomes: Outcome[]; isStopping: boolean; work: Promise<unknown> };

const loads: Running[] = [];
const streams: StreamState[] = [];

process.on("disconnect", () => process.exit(0));
process.on("message", ({ id, command }: { id: number; command: Command }) => {
  obey(command)
    .then((result) => process.send?.({ id, result }))
    .catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
});

async function obey(command: Command): Promise<unknown> {
  switch (command.what) {
    case "ask":
      return ask(command.asked);
    case "load":
      return begin(command.load);
    case "outcomes":
      return loads[command.load]?.outcomes.slice(command.from);
    case "stop":
      return end(command.load);
    case "follow":
      for (let count = 0; count < command.count; count++) follow(command.url);
      return undefined;
    case "streams":
      return streams;
  }
}

async function ask({ url, ...init }: Asked): Promise<Outcome> {
  const startedMs = performance.now();
  const outcome = await fetch(url, init)
    .then(
      async (response) => ({ status: response.status, text: await response.text() }),
      (error: unknown) => ({ status: 0, text: String(error) }),
    )
    .catch((error: unknown) => ({ status: 0, text: `in the middle: ${error}` }));
  return { ...outcome, body: init.body, tookMs: performance.now() - startedMs };
}

function begin({ url, method, workers, pauseMs, body }: Load): number {
  let count = 0;
  const running: Running = { outcomes: [], isStopping: false, work: Promise.resolve() };
  const work = async () => {
    while (!running.isStopping) {
      const request = { url, method, ...(body !== undefined && { body: `${body}${count++}` }) };
      running.outcomes.push(await ask(request));
      await Bun.sleep(pauseMs);
    }
  };
  running.work = Promise.all(Array.from({ length: workers }, work));
  return loads.push(running) - 1;
}

async function end(load: number): Promise<Outcome[]> {
  const running = loads[load];
  if (running === undefined) throw new Error(`there is no load ${load}`);
  running.isStopping = true;
  await running.work;
  return running.outcomes;
}

function follow(url: string): void {
  const state: StreamState = { url, isOpen: false, bytes: 0, end: undefined };
  streams.push(state);
  if (url.startsWith("ws:")) followSocket(state);
  else {
    readAnswer(state).catch(() => {
      state.end = "broken";
    });
  }
}

async function readAnswer(state: StreamState): Promise<void> {
  const response = await fetch(state.url);
  state.isOpen = true;
  for await (const piece of response.body ?? []) state.bytes += piece.length;
  state.end = "whole";
}

function followSocket(state: StreamState): void {
  const socket = new WebSocket(state.url);
  socket.onopen = () => {
    state.isOpen = true;
  };
  socket.onclose = ({ wasClean }) => {
    state.end = wasClean ? "whole" : "broken";
  };
}
