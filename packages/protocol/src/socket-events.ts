import { type Static, Type } from "@sinclair/typebox";
import { Id } from "./common.ts";
import { Conversation } from "./conversations.ts";
import { Message } from "./messages.ts";
import { StreamEvent } from "./stream-events.ts";

/**
 * What `GET /api/v1/socket` sends: everything that happens in the user's conversations, to each of
 * their tabs. Events are not kept for who is away: when a socket has opened, also for the first
 * time, read the lists again and attach to running answers by their streams. `missed` asks for the
 * same on a socket that stayed open: a server died, or the servers lost touch with each other, and
 * what they had to tell may be lost. Everybody is told at once, so wait for a random while.
 *
 * `message.updated` tells that an answer was saved with its end. An answer whose server died gets
 * nothing else: no `done` or `error`.
 */
export const SocketEvent = Type.Union([
  Type.Object({ type: Type.Literal("conversation.created"), conversation: Conversation }),
  Type.Object({ type: Type.Literal("conversation.updated"), conversation: Conversation }),
  Type.Object({ type: Type.Literal("conversation.deleted"), conversationId: Id }),
  Type.Object({
    type: Type.Literal("message.created"),
    message: Message,
    replaces: Type.Optional(Id),
  }),
  Type.Object({ type: Type.Literal("message.updated"), message: Message }),
  Type.Object({
    type: Type.Literal("answer"),
    conversationId: Id,
    messageId: Id,
    id: Type.Integer({ minimum: 0, description: "The id of the event in the answer's stream." }),
    event: StreamEvent,
  }),
  Type.Object({ type: Type.Literal("missed") }),
  Type.Object({ type: Type.Literal("pong") }),
]);
export type SocketEvent = Static<typeof SocketEvent>;

/** What a client may say on the socket. `deltas: false` leaves `delta` events out. */
export const SocketCommand = Type.Union([
  Type.Object({ type: Type.Literal("ping") }, { additionalProperties: false }),
  Type.Object(
    { type: Type.Literal("subscribe"), deltas: Type.Boolean() },
    { additionalProperties: false },
  ),
]);
export type SocketCommand = Static<typeof SocketCommand>;
