import type { JsonSchema, OpenApi, Operation } from "./api-docs.ts";

const methods = ["get", "post", "put", "patch", "delete"];

/** The whole API on one page, without scripts. */
export function renderDocsPage(document: OpenApi): string {
  const sections = new Map<string, string[]>();
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const method of methods) {
      const operation = operations[method];
      if (!operation) continue;
      const tag = operation.tags?.[0] ?? "Other";
      const section = sections.get(tag) ?? [];
      section.push(renderOperation(method, path, operation));
      sections.set(tag, section);
    }
  }
  const { title, version, description } = document.info;
  const tags = [...sections.keys()];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)} API</title><link rel="stylesheet" href="/api/docs/style.css"></head><body>
<header><h1>${escapeHtml(title)} API <small>${escapeHtml(version)}</small></h1>
<p>${escapeHtml(description)} <a href="/api/docs/openapi.json">OpenAPI document</a></p>
<nav>${tags.map((tag) => `<a href="#${slug(tag)}">${escapeHtml(tag)}</a>`).join(" ")}</nav></header>
<main>${tags.map((tag) => `<section id="${slug(tag)}"><h2>${escapeHtml(tag)}</h2>${sections.get(tag)?.join("")}</section>`).join("")}</main>
</body></html>`;
}

function renderOperation(method: string, path: string, operation: Operation): string {
  const isPublic = operation.security?.length === 0;
  const body = operation.requestBody?.content["application/json"]?.schema;
  const parameters = (operation.parameters ?? []).map(
    (parameter) =>
      `<tr><td><code>${escapeHtml(parameter.name)}</code></td><td>${escapeHtml(parameter.in)}</td><td>${parameter.required ? "required" : ""}</td><td>${escapeHtml(parameter.schema?.description ?? "")}</td></tr>`,
  );
  const responses = Object.entries(operation.responses ?? {}).map(([status, response]) => {
    const schema = response.content?.["application/json"]?.schema;
    const isError = Number(status) >= 400;
    return `<tr><td><code>${escapeHtml(status)}</code></td><td>${code(response.description)}</td><td>${schema && !isError ? `<pre>${escapeHtml(shape(schema))}</pre>` : ""}</td></tr>`;
  });
  return `<article><h3><span class="${method}">${method.toUpperCase()}</span> <code>${escapeHtml(path)}</code>${isPublic ? " <em>public</em>" : ""}</h3>
<p><strong>${escapeHtml(operation.summary ?? "")}</strong> ${code(operation.description ?? "")}</p>
${parameters.length > 0 ? `<table>${parameters.join("")}</table>` : ""}
${body ? `<p>Body</p><pre>${escapeHtml(shape(body))}</pre>` : ""}
<table>${responses.join("")}</table></article>`;
}

/** A schema as a person would write its value down. */
function shape(schema: JsonSchema, indent = ""): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf) return schema.anyOf.map((option) => shape(option, indent)).join(" | ");
  if (schema.items) return `[${shape(schema.items, indent)}]`;
  if (schema.properties) {
    const inner = `${indent}  `;
    const lines = Object.entries(schema.properties).map(([name, property]) => {
      const optional = schema.required?.includes(name) ? "" : "?";
      const note = property.description ? `  // ${property.description}` : "";
      return `${inner}${name}${optional}: ${shape(property, inner)}${note}`;
    });
    return `{\n${lines.join("\n")}\n${indent}}`;
  }
  return [schema.type ?? "any"].flat().join(" | ");
}

const slug = (text: string) => encodeURIComponent(text.toLowerCase().replaceAll(" ", "-"));

/** Text with what stands between back-ticks set as code. */
const code = (text: string) => escapeHtml(text).replace(/`([^`]*)`/g, "<code>$1</code>");

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

export const docsStyle = `
:root { color-scheme: light dark; font: 15px/1.55 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 6rem; }
h1 small, em { color: GrayText; font-weight: 400; font-style: normal; font-size: 0.85rem; }
nav a { margin-right: 1rem; }
article { border: 1px solid color-mix(in srgb, currentColor 15%, transparent); border-radius: 10px; padding: 0.25rem 1.25rem 1rem; margin: 1rem 0; }
h3 span { font-size: 0.75rem; padding: 0.15rem 0.45rem; border-radius: 5px; color: #fff; background: #57606a; }
.get { background: #1a6fb5; } .post { background: #1a7f4b; } .patch { background: #9a6700; } .delete { background: #b3261e; }
table { border-collapse: collapse; width: 100%; } td { padding: 0.3rem 1rem 0.3rem 0; vertical-align: top; }
pre, code { font: 13px/1.5 ui-monospace, monospace; } pre { margin: 0; overflow-x: auto; padding: 0.75rem; border-radius: 8px; background: color-mix(in srgb, currentColor 6%, transparent); }
`;
