/**
 * What a value must satisfy, as an expression over schemas: each is made once, so equal ones are the same object, and is
 * looked into (form.ts) only where a value of it can occur. That is what lets schemas be recursive.
 */
import { LIMITS, tooLarge } from "../limits";
import type { Location } from "./document";
import type { Form } from "./shapes";

export interface Node {
  readonly id: number;
  readonly is:
    | { readonly kind: "anything" | "nothing" }
    | { readonly kind: "schema"; readonly location: Location }
    | { readonly kind: "value"; readonly value: unknown }
    | { readonly kind: "not"; readonly node: Node }
    | { readonly kind: "all"; readonly nodes: readonly Node[] };
  /** "open" while it is being made. */
  form: Form | "open" | null;
}

export class Nodes {
  private readonly known = new Map<string, Node>();
  readonly anything = this.make("anything", { kind: "anything" });
  readonly nothing = this.make("nothing", { kind: "nothing" });

  schema(location: Location): Node {
    if (location.schema === true) return this.anything;
    if (location.schema === false) return this.nothing;
    return this.make(`schema ${location.serial}`, { kind: "schema", location });
  }

  /** Exactly this JSON value. */
  value(value: unknown): Node {
    return this.make(`value ${canonicalJson(value)}`, { kind: "value", value });
  }

  not(node: Node): Node {
    if (node === this.anything) return this.nothing;
    if (node === this.nothing) return this.anything;
    return node.is.kind === "not" ? node.is.node : this.make(`not ${node.id}`, { kind: "not", node });
  }

  all(nodes: readonly Node[]): Node {
    const flat = new Set<Node>();
    for (const node of nodes) {
      if (node === this.nothing) return node;
      if (node.is.kind === "all") for (const each of node.is.nodes) flat.add(each);
      else if (node !== this.anything) flat.add(node);
    }
    const sorted = [...flat].sort((a, b) => a.id - b.id);
    if (sorted.length === 0) return this.anything;
    if (sorted.length === 1) return sorted[0]!;
    if (sorted.some(({ is }) => is.kind === "not" && flat.has(is.node))) return this.nothing;
    return this.make(`all ${sorted.map(({ id }) => id)}`, { kind: "all", nodes: sorted });
  }

  private make(key: string, is: Node["is"]): Node {
    let node = this.known.get(key);
    if (!node) {
      if (this.known.size >= LIMITS.nodes) throw tooLarge("schema", "its parts can be combined in too many ways");
      node = { id: this.known.size, is, form: null };
      this.known.set(key, node);
    }
    return node;
  }
}

/** Equal for values that JSON Schema calls equal: numbers by value, objects whatever their order. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson)}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value === 0 ? 0 : value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`)}}`;
}
