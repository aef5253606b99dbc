/**
 * Whether there is a value of a kind at all, one that can be written down. Schemas are recursive, so the answer is a least
 * fixed point: all are taken to have none, and looked at again while one of them turns out to have some.
 */
import type { SchemaCompiler } from "./compile";
import type { Node } from "./nodes";
import type { NumberSet } from "./number_set";
import type { ArrayShape, ObjectShape, StringSet } from "./shapes";

export interface Parts {
  /** Whether a value of this shape exists, given what is known of the nodes in it. */
  object(shape: ObjectShape, has: (node: Node) => boolean): boolean;
  array(shape: ArrayShape, has: (node: Node) => boolean): boolean;
  number(set: NumberSet): boolean;
  string(set: StringSet): boolean;
}

export class Inhabited {
  private readonly known = new Map<Node, boolean>();

  constructor(
    private readonly compiler: SchemaCompiler,
    private readonly parts: Parts,
  ) {}

  has(node: Node): boolean {
    const known = this.known.get(node);
    if (known !== undefined) return known;
    for (;;) {
      const before = this.known.size;
      const visited = new Set<Node>();
      if (this.visit(node, visited)) return true;
      if (this.known.size > before) continue;
      for (const each of visited) this.known.set(each, false);
      return false;
    }
  }

  private visit(node: Node, visited: Set<Node>): boolean {
    const known = this.known.get(node);
    if (known !== undefined) return known;
    if (visited.has(node)) return false;
    visited.add(node);
    const form = this.compiler.form(node);
    const has = (each: Node) => this.visit(each, visited);
    const found =
      form.null ||
      form.true ||
      form.false ||
      form.numbers.some((set) => this.parts.number(set)) ||
      form.strings.some((set) => this.parts.string(set)) ||
      form.arrays.some((shape) => this.parts.array(shape, has)) ||
      form.objects.some((shape) => this.parts.object(shape, has));
    if (found) this.known.set(node, true);
    return found;
  }
}
