import { toOpenAPISchema } from "@elysiajs/openapi";
import { type AnyElysia, Elysia } from "elysia";
import { version } from "../version.ts";
import { docsStyle, renderDocsPage } from "./docs-page.ts";

/** As much of an OpenAPI document as our page shows. */
export type OpenApi = {
  openapi: string;
  info: { title: string; version: string; description: string };
  paths: Record<string, Record<string, Operation>>;
};

export type Operation = {
  tags?: string[];
  summary?: string;
  description?: string;
  security?: object[];
  parameters?: { name: string; in: string; required?: boolean; schema?: JsonSchema }[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
  responses?: Record<
    string,
    { description: string; content?: Record<string, { schema: JsonSchema }> }
  >;
};

export type JsonSchema = {
  type?: string | string[];
  const?: unknown;
  anyOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  description?: string;
};

const pagePolicy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'";

/**
 * The API's documentation, made from the schemas that check its requests: a page for people at
 * `/api/docs` and the OpenAPI document at `/api/docs/openapi.json`. Made once, when first asked for.
 */
export function apiDocs(app: AnyElysia) {
  let document: OpenApi | undefined;
  let page: string | undefined;

  function describe(): OpenApi {
    document ??= {
      openapi: "3.1.0",
      info: {
        title: "Peregrine",
        version,
        description: "Sign in for a session cookie, or send an API key as a bearer token.",
      },
      ...toOpenAPISchema(app, { paths: /^(\/|\/\*|\/api\/docs.*)$/, staticFile: true }),
      components: {
        securitySchemes: {
          session: { type: "apiKey", in: "cookie", name: "peregrine_session" },
          apiKey: { type: "http", scheme: "bearer" },
        },
      },
    } as unknown as OpenApi;
    return document;
  }

  return new Elysia()
    .get("/api/docs/openapi.json", ({ set }) => {
      set.headers["cache-control"] = "no-cache";
      return describe();
    })
    .get(
      "/api/docs/style.css",
      () =>
        new Response(docsStyle, {
          headers: { "content-type": "text/css; charset=utf-8", "cache-control": "no-cache" },
        }),
    )
    .get("/api/docs", () => {
      page ??= renderDocsPage(describe());
      return new Response(page, {
        headers: {
          "content-type": "text/html; charset=utf-8",
          "content-security-policy": pagePolicy,
          "cache-control": "no-cache",
        },
      });
    });
}
