// Writes the page from /openapi.json. Text is only ever set as text, so nothing in the description can become markup.
"use strict";

const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

// Markdown's code spans, which is all the markup that descriptions use.
const rich = (text) => text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));

const resolve = (api, schema) =>
  schema?.$ref ? schema.$ref.slice(2).split("/").reduce((node, part) => node[part], api) : schema ?? {};

// A type as one line: `string | null`, `Money`, `[Transfer]`.
const typeName = (schema) => {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `[${typeName(schema.items)}]`;
  if (schema.type === "object" && schema.additionalProperties) return `{text: ${typeName(schema.additionalProperties)}}`;
  return schema.format ? `${schema.type} (${schema.format})` : schema.type ?? "any";
};

const table = (rows) =>
  make("table", {}, ...rows.map(([name, type, text]) =>
    make("tr", {}, make("td", {}, make("code", {}, name)), make("td", {}, make("code", {}, type)), make("td", {}, ...rich(text)))));

const bounds = (schema) =>
  [schema.minimum !== undefined && `from ${schema.minimum}`, schema.maximum !== undefined && `to ${schema.maximum}`,
   schema.default !== undefined && schema.default !== null && `default ${schema.default}`]
    .filter(Boolean).join(", ");

// The models that a schema names, itself first, each once.
const models = (api, schema, seen = new Map()) => {
  if (!schema || typeof schema !== "object") return seen;
  if (schema.$ref && !seen.has(schema.$ref)) {
    seen.set(schema.$ref, resolve(api, schema));
    models(api, resolve(api, schema), seen);
  }
  for (const value of Object.values(schema)) if (typeof value === "object") models(api, value, seen);
  return seen;
};

const describeModels = (api, schema) =>
  [...models(api, schema)].flatMap(([reference, model]) => [
    make("h4", {}, reference.split("/").pop()),
    make("p", { className: "lead" }, ...rich(model.description ?? "")),
    model.properties
      ? table(Object.entries(model.properties).map(([name, part]) => [name, typeName(part), part.description ?? ""]))
      : make("p", {}, make("code", {}, typeName(model))),
  ]);

const operation = (api, method, path, about) => {
  const body = make("div");
  if (about.parameters?.length) {
    body.append(make("h3", {}, "Parameters"));
    body.append(table(about.parameters.map((one) => [
      one.name, typeName(one.schema),
      [one.required && "required", one.description ?? one.schema?.description, bounds(one.schema ?? {})].filter(Boolean).join("; "),
    ])));
  }
  const given = about.requestBody?.content?.["application/json"]?.schema;
  if (given) body.append(make("h3", {}, "Body"), ...describeModels(api, given));
  for (const [status, answer] of Object.entries(about.responses ?? {})) {
    const schema = answer.content?.["application/json"]?.schema;
    if (status === "default") continue;
    body.append(make("h3", {}, `Answer ${status}`), make("p", { className: "lead" }, answer.description ?? ""));
    if (schema) body.append(...describeModels(api, schema));
  }
  const summary = make("summary", {}, make("span", { className: `method ${method}` }, method.toUpperCase()),
    make("code", {}, path), make("span", { className: "lead" }, ...rich(about.description ?? about.summary ?? "")));
  return make("details", { id: about.operationId }, summary, body);
};

const show = (api) => {
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("description").replaceChildren(...rich(api.info.description));
  const sections = api.tags.map((tag) => {
    const section = make("section", {}, make("h2", {}, tag.name), make("p", {}, tag.description));
    for (const [path, methods] of Object.entries(api.paths))
      for (const [method, about] of Object.entries(methods))
        if (about.tags?.includes(tag.name)) section.append(operation(api, method, path, about));
    return section;
  });
  const errors = make("section", {}, make("h2", {}, "Errors"), ...describeModels(api, { $ref: "#/components/schemas/Problem" }));
  document.getElementById("routes").replaceChildren(...sections, errors);
};

fetch("/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`HTTP ${answer.status}`))))
  .then(show)
  .catch((error) => {
    document.getElementById("routes").replaceChildren(make("p", {}, `The description cannot be read: ${error.message}`));
  });
