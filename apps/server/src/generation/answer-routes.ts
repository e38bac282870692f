import { AnswerBody, AskBody, type ErrorCode, errorTable, MessageBody } from "@peregrine/protocol";
import { Elysia } from "elysia";
import { signedIn } from "../auth/signed-in.ts";
import type { Context } from "../context.ts";
import { ApiError, notFound } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { IdParams } from "../http/id-params.ts";
import type { Asked } from "./answering.ts";

/** The part of Bun's server that sets how long a connection may be silent. */
type Timeouts = { timeout(request: Request, seconds: number): void };

/** Asking, and everything about one answer. */
export function answerRoutes(context: Context) {
  const { database, answering, gate, timings, isDraining } = context;
  /** The answer as the client wants it: its events as they come, or the whole when it is done. */
  async function respond(request: Request, server: Timeouts | null, asked: Asked) {
    // The model may think for longer than a connection may be silent.
    server?.timeout(request, 0);
    if (request.headers.get("accept")?.includes("text/event-stream")) {
      return answering.stream(asked.log, -1);
    }
    gate.waits(request);
    const answer = await timings.model(answering.wait(asked.log, request.signal));
    if (!answer) throw new ApiError("not_found", "The answer was deleted while it was written.");
    if (answer.error) throw failedAnswer(answer.error);
    return Response.json({ question: asked.begun.question, answer }, { status: 201 });
  }

  function refuseWhenDraining(): void {
    if (isDraining()) throw new ApiError("draining", "This server is stopping. Ask again.");
  }

  return new Elysia({ prefix: "/api/v1" })
    .derive(signedIn(context))
    .post(
      "/conversations/:id/messages",
      async ({ user, request, params, body, server }) => {
        refuseWhenDraining();
        const asked = await answering.ask(user.id, params.id, body.content, body.fileIds ?? []);
        return respond(request, server, asked);
      },
      {
        params: IdParams,
        body: AskBody,
        ...documented("Messages", {
          summary: "Ask",
          description:
            "With `Accept: text/event-stream` the answer's events as they come, each with an `id` to go on from; otherwise the finished answer. The answer goes on when the connection closes, unless the conversation says `cancelWhenAlone`.",
          returns: { 201: AnswerBody },
          errors: ["not_found", "answer_running", "draining", "model_unreachable"],
          streams: true,
        }),
      },
    )
    .get(
      "/messages/:id",
      async ({ user, params }) => {
        const message = await database.messages.get(user.id, params.id);
        if (!message) throw notFound("message");
        return { message };
      },
      {
        params: IdParams,
        ...documented("Messages", {
          summary: "One message",
          returns: { 200: MessageBody },
          errors: ["not_found"],
        }),
      },
    )
    .get(
      "/messages/:id/stream",
      async ({ user, request, params, server }) => {
        const afterId = readLastEventId(request);
        server?.timeout(request, 0);
        gate.waits(request);
        return answering.attach(user.id, params.id, afterId, request.signal);
      },
      {
        params: IdParams,
        ...documented("Messages", {
          summary: "Follow an answer",
          description:
            "The events of a running or finished answer; with `Last-Event-ID`, those after it.",
          returns: { 200: null },
          errors: ["not_found"],
          streams: true,
        }),
      },
    )
    .post(
      "/messages/:id/stop",
      async ({ user, params }) => {
        return { message: await answering.stop(user.id, params.id) };
      },
      {
        params: IdParams,
        ...documented("Messages", {
          summary: "Stop an answer and keep what came",
          returns: { 200: MessageBody },
          errors: ["not_found"],
        }),
      },
    )
    .post(
      "/messages/:id/regenerate",
      async ({ user, request, params, server }) => {
        refuseWhenDraining();
        return respond(request, server, await answering.regenerate(user.id, params.id));
      },
      {
        params: IdParams,
        ...documented("Messages", {
          summary: "Answer the same question again",
          description: "The new answer takes the place of this one, which must be the last.",
          returns: { 201: AnswerBody },
          errors: ["not_found", "answer_running", "not_last_answer", "draining"],
          streams: true,
        }),
      },
    );
}

/** @returns the id of the last event that the client has, or -1. */
function readLastEventId(request: Request): number {
  const header = request.headers.get("last-event-id");
  if (header === null || header === "") return -1;
  if (!/^\d{1,15}$/.test(header)) {
    throw new ApiError("invalid_request", "Last-Event-ID must be the id of an event.", {
      field: "Last-Event-ID",
    });
  }
  return Number(header);
}

function failedAnswer({ code, message }: { code: string; message: string }): ApiError {
  return new ApiError(code in errorTable ? (code as ErrorCode) : "interrupted", message);
}
