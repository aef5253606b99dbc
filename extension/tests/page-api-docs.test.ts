/**
 * Proves that the tables of docs/page-api.md and docs/memory.md are those of the contract: what a page may ask, in which range, and what the
 * comment above each declaration says. UPDATE_GOLDEN=1 writes them. Needs nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import {
  chatRequest,
  type FieldData,
  generateOptions,
  memoryCall,
  memoryItem,
  type RuleData,
} from "@nomoat/runtime/contract";
import { expect, it } from "vitest";
import { PAGE_LIMITS } from "../protocol/page-contract";

const PAGE = new URL("../../docs/page-api.md", import.meta.url);
const source = (name: string) =>
  readFileSync(new URL(`../../runtime/src/contract/${name}.ts`, import.meta.url), "utf8");

type Fields = Readonly<Record<string, FieldData>>;
const fieldsOf = (rule: RuleData): Fields => (rule as Extract<RuleData, { kind: "object" }>).fields;

it("docs/page-api.md has the contract's tables", () => {
  const generate = fieldsOf(generateOptions(PAGE_LIMITS));
  const chat = fieldsOf(chatRequest(PAGE_LIMITS));
  const before = readFileSync(PAGE, "utf8");
  let after = put(before, "generate", table(generate, source("generate"), "option"));
  after = put(after, "chat", table(chat, source("chat"), "field"));
  after = put(after, "ignored", names(chat, "ignored"));
  after = put(after, "refused", names(chat, "refused"));
  if (process.env.UPDATE_GOLDEN) writeFileSync(PAGE, after);
  expect(readFileSync(PAGE, "utf8")).toBe(after);
});

it("docs/memory.md has the contract's tables", () => {
  const MEMORY = new URL("../../docs/memory.md", import.meta.url);
  const [items, filters] = source("memory").split("const filter");
  const { of } = memoryCall(1) as Extract<RuleData, { kind: "variants" }>;
  const search = fieldsOf(fieldsOf(of.search!).options!.rule);
  const before = readFileSync(MEMORY, "utf8");
  let after = put(before, "item", table(fieldsOf(memoryItem), items!, "key"));
  after = put(after, "search", table(search, `const filter${filters}`, "option"));
  if (process.env.UPDATE_GOLDEN) writeFileSync(MEMORY, after);
  expect(readFileSync(MEMORY, "utf8")).toBe(after);
});

/** The text between the two marks of a name. */
function put(page: string, name: string, text: string): string {
  const [start, end] = [`<!-- ${name}: made from the contract -->`, `<!-- end of ${name} -->`];
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  expect(from >= 0 && to > from, `${name} has its place`).toBe(true);
  return `${page.slice(0, from + start.length)}\n${text}\n${page.slice(to)}`;
}

function table(fields: Fields, declared: string, head: string): string {
  const rows = Object.entries(fields)
    .filter(([, { presence }]) => presence !== "ignored" && presence !== "refused")
    .map(([key, { rule }]) => `| \`${key}\` | ${described(rule)} | ${meaning(key, declared)} |`);
  return [`| ${head} | values | meaning |`, "|---|---|---|", ...rows].join("\n");
}

/** The comment above the declaration of a field. */
function meaning(key: string, declared: string): string {
  const found = new RegExp(`/\\*\\* ((?:(?!\\*/)[^])*?) \\*/\\s*${key}: `).exec(declared);
  expect(found, `${key} is explained`).not.toBeNull();
  return found![1]!.replace(/\s*\n\s*\* /g, " ").replaceAll("|", "\\|");
}

function names(fields: Fields, presence: FieldData["presence"]): string {
  return Object.keys(fields)
    .filter((key) => fields[key]!.presence === presence)
    .map((key) => `\`${key}\``)
    .join(", ");
}

function described(rule: RuleData): string {
  switch (rule.kind) {
    case "text":
      return Number.isFinite(rule.most) ? `text of ${rule.least} to ${rule.most} characters` : "text";
    case "number":
      return `${rule.least === Number.MIN_VALUE ? "above 0" : rule.least} to ${rule.most}${rule.integer ? ", whole" : ""}`;
    case "boolean":
      return "true, false";
    case "choice":
      return rule.values.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
    case "array":
      return `${rule.least} to ${rule.most} of ${described(rule.item)}`;
    case "object":
      return `{${Object.keys(rule.fields).join(", ")}}`;
    case "variants":
      return Object.entries(rule.of)
        .filter(([, { kind }]) => kind === "object")
        .map(([name]) => `${rule.by}: \`${name}\``)
        .join("; ");
    case "either":
      return rule.rules.map(described).join("; or ");
    case "numbers":
      return `up to ${rule.keys} token ids with ${rule.least} to ${rule.most}`;
    case "null":
      return "null";
    case "json":
      return "JSON";
  }
}
