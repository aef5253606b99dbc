/**
 * What the properties of an object shape are: its names in their order, and an automaton that reads a name and says which
 * of them it is, or which rules are there for it.
 */
import { coreachable, type Product, product } from "../automaton/dfa";
import { ANY_TEXT, texts } from "../automaton/languages";
import { encodeUtf8 } from "../automaton/utf8";
import { LIMITS, notSupported, tooLarge } from "../limits";
import type { SchemaCompiler } from "../schema/compile";
import type { Node } from "../schema/nodes";
import type { ObjectShape } from "../schema/shapes";

type Has = (node: Node) => boolean;

/** A class of names: one that the schema spells out, or all others for which the same rules are there. */
export interface Label {
  readonly index: number;
  /** Into `names`; -1: any other name. */
  readonly name: number;
  readonly node: Node;
  /** Whether a rule speaks of these names at all. */
  readonly ruled: boolean;
  /** Bit i: the shape's i-th need is for such names. */
  readonly needs: number;
}

interface Keys {
  readonly joint: Product;
  readonly labels: readonly Label[];
  /** (states): what a name that ends there is. */
  readonly labelAt: readonly (Label | null)[];
}

export class ObjectPlan {
  readonly names: readonly string[];
  readonly nodes: readonly Node[];
  readonly required: readonly boolean[];
  readonly requiredCount: number;
  private made: Keys | null = null;
  private readonly views = new Map<string, Uint8Array>();

  constructor(
    readonly shape: ObjectShape,
    private readonly compiler: SchemaCompiler,
    readonly serial: number,
  ) {
    const literal = shape.rules.flatMap(({ names }) => (typeof names === "string" ? [names] : []));
    this.names = [...new Set([...literal, ...shape.required])];
    this.nodes = this.names.map((name) => compiler.nodeOf(shape, name));
    this.required = this.names.map((name) => shape.required.has(name));
    this.requiredCount = shape.required.size;
    if (shape.needs.length > 16) throw tooLarge("schema", "too many kinds of property are needed at once");
  }

  /** minProperties or a need asks for more than the required names, so names must differ and count. */
  get counts(): boolean {
    return this.shape.min > this.requiredCount || this.shape.needs.length > 0;
  }

  get keys(): Keys {
    this.made ??= this.make();
    return this.made;
  }

  exists(has: Has): boolean {
    const { shape, names } = this;
    if (this.requiredCount > shape.max) return false;
    if (names.some((_, i) => this.required[i] && !has(this.nodes[i]!))) return false;
    if (!this.counts) return true;
    if (shape.needs.length > 0) {
      if (shape.max < Number.POSITIVE_INFINITY)
        throw notSupported(
          "schema",
          "maxProperties",
          "maxProperties together with a negated schema of properties is not supported.",
        );
      if (!shape.needs.every((_, i) => this.keys.labels.some((label) => this.meets(label, i, has)))) return false;
    }
    return shape.min <= this.requiredCount || this.available(has) >= shape.min;
  }

  /** Whether a property with such a name can be what the i-th need asks for. */
  meets({ needs, node }: Label, i: number, has: Has): boolean {
    return (needs & (1 << i)) !== 0 && has(this.compiler.nodes.all([node, this.shape.needs[i]!.node]));
  }

  /** The node of a property that meets the needs of `mask`. */
  meeting({ node }: Label, mask: number): Node {
    const needed = this.shape.needs.filter((_, i) => mask & (1 << i)).map((need) => need.node);
    return needed.length === 0 ? node : this.compiler.nodes.all([node, ...needed]);
  }

  /** How many properties there can be at most; a large number where there is no end. */
  private available(has: Has): number {
    const named = this.nodes.filter(has).length;
    return (
      named +
      this.countNames(
        this.view((label) => label.name < 0 && has(label.node), null),
        0,
        LIMITS.count,
      )
    );
  }

  /** For each state of the names' automaton whether a name that `allowed` holds for can be completed. `key`: for keeping. */
  view(allowed: (label: Label) => boolean, key: string | null): Uint8Array {
    const known = key === null ? undefined : this.views.get(key);
    if (known) return known;
    const { joint, labelAt } = this.keys;
    const ends = labelAt.map((label) => (label && allowed(label) ? 1 : 0));
    const live = coreachable(joint.table, joint.classCount, ends);
    // Which of the live states are ends: bit 1.
    ends.forEach((end, state) => {
      if (end) live[state] = 3;
    });
    if (key !== null) this.views.set(key, live);
    return live;
  }

  /** -1: no name goes on like that. */
  step(view: Uint8Array | null, state: number, byte: number): number {
    const { joint } = this.keys;
    const next = joint.table[state * joint.classCount + joint.classes[byte]!]!;
    return next >= 0 && view && !view[next] ? -1 : next;
  }

  accepts(view: Uint8Array, name: string): boolean {
    const end = encodeUtf8(name).reduce((state, byte) => (state < 0 ? state : this.step(view, state, byte)), 0);
    return end >= 0 && view[end] === 3;
  }

  /** Names from `state` on, up to `cap`. */
  countNames(view: Uint8Array, state: number, cap: number): number {
    const open = new Set<number>();
    const known = new Map<number, number>();
    const count = (at: number): number => {
      if (!view[at]) return 0;
      const seen = known.get(at);
      if (seen !== undefined) return seen;
      // A live state that comes back to itself has names without end.
      if (open.has(at)) return cap;
      open.add(at);
      let sum = view[at] === 3 ? 1 : 0;
      for (let byte = 0; byte < 256 && sum < cap; byte++) {
        const next = this.step(view, at, byte);
        if (next >= 0) sum += count(next);
      }
      open.delete(at);
      known.set(at, Math.min(sum, cap));
      return Math.min(sum, cap);
    };
    return this.keys.joint.table.length > 0 ? count(state) : 0;
  }

  private make(): Keys {
    const { shape, names, compiler } = this;
    const patterned = shape.rules.flatMap(({ names: each, node }) =>
      typeof each === "string" ? [] : [{ names: each, node }],
    );
    const dfas = [...patterned, ...shape.needs].map((each) => each.names);
    const joint = product([ANY_TEXT, texts(names, "properties"), ...dfas], 0, compiler.work, "properties");
    const indexOf = new Map(names.map((name, i) => [name, i]));
    // The state in which each name ends, found by reading it.
    const nameAt = new Map<number, number>();
    for (const [name, i] of indexOf) {
      let state = 0;
      for (const byte of encodeUtf8(name)) state = joint.table[state * joint.classCount + joint.classes[byte]!]!;
      nameAt.set(state, i);
    }
    const labels = new Map<string, Label>();
    const labelAt = joint.accepted.map(([text, , ...accepted], state) => {
      if (!text) return null;
      const name = nameAt.get(state) ?? -1;
      const key = `${name} ${accepted.map(Number).join("")}`;
      let label = labels.get(key);
      if (!label) {
        const rules = patterned.filter((_, i) => accepted[i]).map(({ node }) => node);
        const needs = shape.needs.reduce((mask, _, i) => (accepted[patterned.length + i] ? mask | (1 << i) : mask), 0);
        const node = name < 0 ? compiler.nodes.all(rules) : this.nodes[name]!;
        label = { index: labels.size, name, node, ruled: name >= 0 || rules.length > 0, needs };
        labels.set(key, label);
      }
      return label;
    });
    return { joint, labels: [...labels.values()], labelAt };
  }
}
