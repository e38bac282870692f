import { ErrorBody, type ErrorCode, errorTable } from "@peregrine/protocol";
import type { TSchema } from "@sinclair/typebox";
import type { DocumentDecoration } from "elysia";

type Documented = {
  summary: string;
  description?: string;
  /** Status and body of success; null for a response without a body. */
  returns: Record<number, TSchema | null>;
  /** Errors that this route answers with beside those that every route has. */
  errors?: readonly ErrorCode[];
  /** Streams its answer where the client accepts `text/event-stream`. */
  streams?: boolean;
  public?: boolean;
};

/**
 * The documentation of a route, for the generated API page. The schemas of answers stand here and
 * not in Elysia's `response`, which would check every answer again before it is sent.
 */
/** A TypeBox schema is JSON Schema, which OpenAPI's types describe more narrowly. */
const errorSchema = ErrorBody as object;

export function documented(tag: string, route: Documented): { detail: DocumentDecoration } {
  const responses: NonNullable<DocumentDecoration["responses"]> = {};
  for (const [status, schema] of Object.entries(route.returns)) {
    const content: Record<string, { schema: object }> = {};
    if (schema) content["application/json"] = { schema };
    if (route.streams) content["text/event-stream"] = { schema: { type: "string" } };
    responses[status] = { description: "Success", content };
  }
  const codes = [...(route.errors ?? []), ...(route.public ? [] : ["unauthenticated" as const])];
  for (const code of codes) {
    const { status } = errorTable[code];
    const known = responses[status] as { description: string } | undefined;
    responses[status] = {
      description: known ? `${known.description}, \`${code}\`` : `\`${code}\``,
      content: { "application/json": { schema: errorSchema } },
    };
  }
  return {
    detail: {
      tags: [tag],
      summary: route.summary,
      ...(route.description ? { description: route.description } : {}),
      security: route.public ? [] : [{ session: [] }, { apiKey: [] }],
      responses,
    },
  };
}
