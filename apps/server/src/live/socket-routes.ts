import { SocketCommand, type SocketEvent } from "@peregrine/protocol";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Elysia } from "elysia";
import { signedIn } from "../auth/signed-in.ts";
import type { Context } from "../context.ts";
import { documented } from "../http/docs.ts";
import { deltaTopic, everyoneTopic, userTopic } from "./live-hub.ts";

const maxCommandBytes = 1024;
/** What a socket may have unsent before its reader counts as too slow and is dropped. */
const maxUnsentBytes = 1024 * 1024;
const invalidCommand = 4400;

/** How Bun's sockets are to behave: a peer that is silent or does not read is let go. */
export const socketOptions = {
  idleTimeout: 60,
  sendPings: true,
  maxPayloadLength: maxCommandBytes,
  backpressureLimit: maxUnsentBytes,
  closeOnBackpressureLimit: true,
  perMessageDeflate: false,
} as const;

const isCommand = TypeCompiler.Compile(SocketCommand);
const pong = JSON.stringify({ type: "pong" } satisfies SocketEvent);

/** The socket that tells a tab what happens in its user's conversations. */
export function socketRoutes(context: Context) {
  const { sockets, live } = context;
  // A socket that closes has no subscriptions left to ask for.
  const wantsDeltas = new WeakSet<object>();
  return new Elysia().derive(signedIn(context)).ws("/api/v1/socket", {
    open(ws) {
      const { user, credential } = ws.data;
      ws.subscribe(everyoneTopic);
      ws.subscribe(userTopic(user.id));
      ws.subscribe(deltaTopic(user.id));
      wantsDeltas.add(ws.raw);
      live.wantsDeltas(user.id, 1);
      sockets.add(credential, ws.raw);
    },
    close(ws) {
      if (wantsDeltas.has(ws.raw)) live.wantsDeltas(ws.data.user.id, -1);
      sockets.remove(ws.data.credential, ws.raw);
    },
    message(ws, message) {
      if (!isCommand.Check(message)) {
        ws.close(invalidCommand, "not a command");
      } else if (message.type === "ping") {
        ws.send(pong);
      } else if (message.deltas && !wantsDeltas.has(ws.raw)) {
        ws.subscribe(deltaTopic(ws.data.user.id));
        wantsDeltas.add(ws.raw);
        live.wantsDeltas(ws.data.user.id, 1);
      } else if (!message.deltas && wantsDeltas.delete(ws.raw)) {
        ws.unsubscribe(deltaTopic(ws.data.user.id));
        live.wantsDeltas(ws.data.user.id, -1);
      }
    },
    ...documented("Live", {
      summary: "What happens, as it happens",
      description:
        'A WebSocket that sends what happens in your conversations. `{"type":"subscribe","deltas":false}` leaves out the tokens of answers; `{"type":"ping"}` is answered with `{"type":"pong"}`. Events are not kept for who is away: read the lists again when the socket has opened, and after `{"type":"missed"}`.',
      returns: { 101: null },
    }),
  });
}
