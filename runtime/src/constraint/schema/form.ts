/** The algebra of forms: and, or, not. Each is a union for each type, so "and" multiplies and "not" is an "and" of choices. */

import type { Dfa, Work } from "../automaton/dfa";
import { ANY_TEXT, combine } from "../automaton/languages";
import { LIMITS, tooLarge } from "../limits";
import type { Node, Nodes } from "./nodes";
import { ALL_NUMBERS, bothNumbers, numberSetKey, otherNumbers } from "./number_set";
import type { ArrayShape, Contains, Form, Names, ObjectShape, StringSet } from "./shapes";

const { POSITIVE_INFINITY } = Number;

export const ALL_STRINGS: StringSet = { dfa: ANY_TEXT, min: 0, max: POSITIVE_INFINITY };
export const ALL_OBJECTS: ObjectShape = { rules: [], required: new Set(), needs: [], min: 0, max: POSITIVE_INFINITY };

export const NO_VALUE: Form = {
  null: false,
  true: false,
  false: false,
  numbers: [],
  strings: [],
  arrays: [],
  objects: [],
}; // prettier-ignore

export class Forms {
  readonly allArrays: ArrayShape;
  readonly any: Form;
  private readonly joined = new Map<string, Dfa>();

  /** `isEmpty`: for sure no object has this shape. */
  constructor(
    private readonly nodes: Nodes,
    readonly work: Work,
    private readonly isEmpty: (shape: ObjectShape | ArrayShape) => boolean,
  ) {
    this.allArrays = { prefix: [], rest: nodes.anything, min: 0, max: POSITIVE_INFINITY, contains: [] };
    this.any = {
      null: true,
      true: true,
      false: true,
      numbers: [ALL_NUMBERS],
      strings: [ALL_STRINGS],
      arrays: [this.allArrays],
      objects: [ALL_OBJECTS],
    }; // prettier-ignore
  }

  both(a: Form, b: Form, path: string): Form {
    if (a === this.any) return b;
    if (b === this.any) return a;
    return {
      null: a.null && b.null,
      true: a.true && b.true,
      false: a.false && b.false,
      numbers: pairs(a.numbers, b.numbers, bothNumbers, numberSetKey, path),
      strings: pairs(a.strings, b.strings, (x, y) => this.bothStrings(x, y, path), stringKey, path),
      arrays: pairs(a.arrays, b.arrays, (x, y) => this.kept(this.bothArrays(x, y)), arrayKey, path),
      objects: pairs(a.objects, b.objects, (x, y) => this.kept(this.bothObjects(x, y)), objectKey, path),
    };
  }

  either(a: Form, b: Form, path: string): Form {
    if (a === this.any || b === this.any) return this.any;
    return {
      null: a.null || b.null,
      true: a.true || b.true,
      false: a.false || b.false,
      numbers: distinct([...a.numbers, ...b.numbers], numberSetKey, ALL_NUMBERS, path),
      strings: this.eitherStrings(a.strings, b.strings, path),
      arrays: distinct([...a.arrays, ...b.arrays], arrayKey, this.allArrays, path),
      objects: distinct([...a.objects, ...b.objects], objectKey, ALL_OBJECTS, path),
    };
  }

  not(form: Form, path: string): Form {
    const { any } = this;
    const arrays = (shape: ArrayShape) => this.otherArrays(shape);
    const objects = (shape: ObjectShape) => this.otherObjects(shape);
    const strings = (set: StringSet) => this.otherStrings(set, path);
    const only = (part: Partial<Form>): Form => ({ ...NO_VALUE, ...part });
    let numbers = only({ numbers: any.numbers });
    for (const set of form.numbers) numbers = this.both(numbers, only({ numbers: otherNumbers(set) }), path);
    let texts = only({ strings: any.strings });
    for (const set of form.strings) texts = this.both(texts, only({ strings: strings(set) }), path);
    let lists = only({ arrays: any.arrays });
    for (const shape of form.arrays) lists = this.both(lists, only({ arrays: arrays(shape) }), path);
    let records = only({ objects: any.objects });
    for (const shape of form.objects) records = this.both(records, only({ objects: objects(shape) }), path);
    return {
      null: !form.null,
      true: !form.true,
      false: !form.false,
      numbers: numbers.numbers,
      strings: texts.strings,
      arrays: lists.arrays,
      objects: records.objects,
    };
  }

  /** What no automaton of `dfas` accepts. */
  outside(dfas: readonly Dfa[], path: string): Dfa {
    return combine(dfas, (accepted) => !accepted.includes(true), this.work, path);
  }

  private kept<T extends ObjectShape | ArrayShape>(shape: T): T | null {
    return this.isEmpty(shape) ? null : shape;
  }

  private join(a: Dfa, b: Dfa, how: "and" | "or", path: string): Dfa {
    if (a === b) return a;
    if (a === ANY_TEXT) return how === "and" ? b : a;
    if (b === ANY_TEXT) return how === "and" ? a : b;
    const key = `${Math.min(a.serial, b.serial)} ${how} ${Math.max(a.serial, b.serial)}`;
    let found = this.joined.get(key);
    if (!found) {
      found = combine([a, b], ([x, y]) => (how === "and" ? x! && y! : x! || y!), this.work, path);
      this.joined.set(key, found);
    }
    return found;
  }

  private bothStrings(a: StringSet, b: StringSet, path: string): StringSet | null {
    const [min, max] = [Math.max(a.min, b.min), Math.min(a.max, b.max)];
    if (min > max) return null;
    const dfa = this.join(a.dfa, b.dfa, "and", path);
    return dfa.states === 0 ? null : { dfa, min, max };
  }

  /** Automata without lengths become one, so that a choice of many texts is one reading. */
  private eitherStrings(a: readonly StringSet[], b: readonly StringSet[], path: string): StringSet[] {
    const counted = (set: StringSet) => set.min > 0 || set.max < POSITIVE_INFINITY;
    const all = [...a, ...b];
    const free = all.filter((set) => !counted(set)).map(({ dfa }) => dfa);
    const joined = free.reduce<Dfa | null>((sum, dfa) => (sum ? this.join(sum, dfa, "or", path) : dfa), null);
    if (joined === ANY_TEXT) return [ALL_STRINGS];
    const rest = all.filter(counted);
    return distinct(joined ? [...rest, { ...ALL_STRINGS, dfa: joined }] : rest, stringKey, ALL_STRINGS, path);
  }

  private otherStrings({ dfa, min, max }: StringSet, path: string): StringSet[] {
    const others: StringSet[] = [];
    if (dfa !== ANY_TEXT) {
      const rest = this.outside([dfa], path);
      if (rest.states > 0) others.push({ ...ALL_STRINGS, dfa: rest });
    }
    if (min > 0) others.push({ ...ALL_STRINGS, max: min - 1 });
    if (max < POSITIVE_INFINITY) others.push({ ...ALL_STRINGS, min: max + 1 });
    return others;
  }

  private bothArrays(a: ArrayShape, b: ArrayShape): ArrayShape {
    const { nodes } = this;
    const length = Math.max(a.prefix.length, b.prefix.length);
    const item = (shape: ArrayShape, i: number) => shape.prefix[i] ?? shape.rest;
    return {
      prefix: Array.from({ length }, (_, i) => nodes.all([item(a, i), item(b, i)])),
      rest: nodes.all([a.rest, b.rest]),
      min: Math.max(a.min, b.min),
      max: Math.min(a.max, b.max),
      contains: distinct([...a.contains, ...b.contains], containsKey, null, ""),
    };
  }

  private otherArrays(shape: ArrayShape): ArrayShape[] {
    const { nodes, allArrays } = this;
    const others: ArrayShape[] = [];
    for (const [i, node] of shape.prefix.entries()) {
      if (node === nodes.anything) continue;
      const prefix = [...Array.from({ length: i }, () => nodes.anything), nodes.not(node)];
      others.push({ ...allArrays, prefix, min: i + 1 });
    }
    const from = shape.prefix.length;
    const contain = (each: Contains): ArrayShape => ({ ...allArrays, contains: [each] });
    if (shape.rest === nodes.nothing) others.push({ ...allArrays, min: from + 1 });
    else if (shape.rest !== nodes.anything)
      others.push(contain({ node: nodes.not(shape.rest), from, min: 1, max: POSITIVE_INFINITY }));
    if (shape.min > 0) others.push({ ...allArrays, max: shape.min - 1 });
    if (shape.max < POSITIVE_INFINITY) others.push({ ...allArrays, min: shape.max + 1 });
    for (const each of shape.contains) {
      if (each.min > 0) others.push(contain({ ...each, min: 0, max: each.min - 1 }));
      if (each.max < POSITIVE_INFINITY) others.push(contain({ ...each, min: each.max + 1, max: POSITIVE_INFINITY }));
    }
    return others;
  }

  private bothObjects(a: ObjectShape, b: ObjectShape): ObjectShape {
    const rules = new Map<Names, Node>();
    for (const { names, node } of [...a.rules, ...b.rules]) {
      const known = rules.get(names);
      rules.set(names, known ? this.nodes.all([known, node]) : node);
    }
    return {
      rules: [...rules].map(([names, node]) => ({ names, node })),
      required: new Set([...a.required, ...b.required]),
      needs: [...a.needs, ...b.needs],
      min: Math.max(a.min, b.min),
      max: Math.min(a.max, b.max),
    };
  }

  private otherObjects(shape: ObjectShape): ObjectShape[] {
    const { nodes } = this;
    const others: ObjectShape[] = [];
    for (const { names, node } of shape.rules) {
      const unlike = nodes.not(node);
      if (unlike === nodes.nothing) continue;
      if (typeof names === "string")
        others.push({ ...ALL_OBJECTS, required: new Set([names]), rules: [{ names, node: unlike }] });
      else others.push({ ...ALL_OBJECTS, needs: [{ names, node: unlike }] });
    }
    for (const names of shape.required) others.push({ ...ALL_OBJECTS, rules: [{ names, node: nodes.nothing }] });
    for (const { names, node } of shape.needs)
      others.push({ ...ALL_OBJECTS, rules: [{ names, node: nodes.not(node) }] });
    if (shape.min > 0) others.push({ ...ALL_OBJECTS, max: shape.min - 1 });
    if (shape.max < POSITIVE_INFINITY) others.push({ ...ALL_OBJECTS, min: shape.max + 1 });
    return others;
  }
}

function pairs<T>(
  a: readonly T[],
  b: readonly T[],
  join: (x: T, y: T) => T | null,
  key: (each: T) => string,
  path: string,
): T[] {
  const found: T[] = [];
  for (const x of a) {
    for (const y of b) {
      const both = join(x, y);
      if (both) found.push(both);
      if (found.length > 4 * LIMITS.shapes) throw tooLarge(path, "it stands for too many alternatives");
    }
  }
  return distinct(found, key, null, path);
}

/** Without repetitions; just `all` where that is among them. */
function distinct<T>(items: readonly T[], key: (each: T) => string, all: T | null, path: string): T[] {
  if (items.length < 2) return [...items];
  const found = new Map(items.map((each) => [key(each), each]));
  if (all && found.has(key(all))) return [all];
  if (found.size > LIMITS.shapes) throw tooLarge(path, "it stands for too many alternatives");
  return [...found.values()];
}

function stringKey({ dfa, min, max }: StringSet): string {
  return `${dfa.serial};${min};${max}`;
}

function containsKey({ node, from, min, max }: Contains): string {
  return `${node.id},${from},${min},${max}`;
}

function arrayKey({ prefix, rest, min, max, contains }: ArrayShape): string {
  return `${prefix.map(({ id }) => id)};${rest.id};${min};${max};${contains.map(containsKey).sort().join(" ")}`;
}

function namesKey(names: Names): string {
  return typeof names === "string" ? JSON.stringify(names) : String(names.serial);
}

export function objectKey({ rules, required, needs, min, max }: ObjectShape): string {
  const ruleKeys = rules.map(({ names, node }) => `${namesKey(names)}:${node.id}`).sort();
  const needKeys = needs.map(({ names, node }) => `${names.serial}:${node.id}`).sort();
  return `${ruleKeys.join()};${JSON.stringify([...required].sort())};${needKeys.join()};${min};${max}`;
}
