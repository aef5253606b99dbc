/**
 * From a schema to its form: all keywords that speak of the same value, and the schemas that apply in place ($ref, allOf,
 * anyOf, oneOf, not, if), become one union of shapes. Schemas of properties and elements stay nodes.
 *
 * Where unevaluatedProperties or unevaluatedItems ask what other keywords have looked at, a schema is a list of cases
 * that exclude each other, each with what it has looked at; elsewhere it is a single one.
 */

import { type Dfa, Work } from "../automaton/dfa";
import { ANY_TEXT, combine, lengths, texts } from "../automaton/languages";
import { LIMITS, malformed, notSupported, tooLarge } from "../limits";
import { search, wholeMatch } from "../regex/compile";
import { type Location, pointerPart, SchemaDocument } from "./document";
import { enumForm, valueForm } from "./enumeration";
import { ALL_OBJECTS, ALL_STRINGS, Forms, NO_VALUE } from "./form";
import { FORMATS } from "./formats";
import { checkKeywords, KeywordReader, keywordsOf, stringList } from "./keywords";
import { type Node, Nodes } from "./nodes";
import { ALL_NUMBERS, INTEGERS } from "./number_set";
import type { ArrayShape, Form, Names, ObjectShape, StringSet } from "./shapes";

const { POSITIVE_INFINITY } = Number;

/** A case of a schema, and which properties and elements its keywords have looked at. */
interface Case {
  readonly form: Form;
  readonly names: readonly Names[] | "all";
  /** "some": those that contains found, which are not known. */
  readonly items: number | "some" | "all";
}

/** Thrown to leave a form that is only tried. */
const OPEN = Symbol("the form is being made");

const TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"];

export interface SchemaOptions {
  /** "assert": strings have the format they say. "ignore": the specification's default, for judging values. */
  readonly formats: "assert" | "ignore";
}

let serials = 0;

export class SchemaCompiler {
  readonly serial = serials++;
  readonly anyText = ANY_TEXT;
  readonly nodes = new Nodes();
  readonly forms: Forms;
  readonly root: Node;
  private readonly document: SchemaDocument;
  private readonly patterns = new Map<string, Dfa>();
  private readonly open = new Set<Location>();
  private tries = 0;

  constructor(
    schema: unknown,
    path: string,
    private readonly options: SchemaOptions,
    readonly work = new Work(),
  ) {
    this.forms = new Forms(this.nodes, work, (shape) =>
      "rules" in shape ? this.surelyNoObject(shape) : this.surelyNoArray(shape),
    );
    this.document = new SchemaDocument(schema, path);
    this.root = this.nodes.schema(this.document.root);
  }

  /** Errors: not_supported for what no automaton decides. */
  form(node: Node): Form {
    if (node.form === "open") {
      if (this.tries > 0) throw OPEN;
      throw notSupported("schema", "$ref", "a reference leads back to itself with no value between.");
    }
    if (node.form) return node.form;
    node.form = "open";
    try {
      const made = this.make(node);
      node.form = made;
      return made;
    } finally {
      if (node.form === "open") node.form = null;
    }
  }

  /** The kind of value that a property of this name has. */
  nodeOf(shape: ObjectShape, name: string): Node {
    const matching = shape.rules.filter(({ names }) =>
      typeof names === "string" ? names === name : names.matches(name),
    );
    return this.nodes.all(matching.map(({ node }) => node));
  }

  private make({ is }: Node): Form {
    const { forms } = this;
    switch (is.kind) {
      case "anything":
        return forms.any;
      case "nothing":
        return NO_VALUE;
      case "value":
        return valueForm(is.value, this.nodes);
      case "not":
        return forms.not(this.form(is.node), pathOf(is.node));
      case "all":
        return is.nodes.reduce((sum, node) => forms.both(sum, this.form(node), pathOf(node)), forms.any);
      case "schema":
        return this.union(this.cases(is.location, false), is.location.path);
    }
  }

  private union(cases: readonly Case[], path: string): Form {
    return cases.reduce((sum, { form }) => this.forms.either(sum, form, path), NO_VALUE);
  }

  private cases(location: Location, tracking: boolean): Case[] {
    const { schema } = location;
    if (typeof schema === "boolean") return schema ? [this.case(this.forms.any)] : [];
    if (!tracking) return this.casesOf(location, keywordsOf(location), false);
    // Forms of nodes see that they are open; cases with what they looked at are made again each time.
    if (this.open.has(location)) {
      if (this.tries > 0) throw OPEN;
      throw notSupported(location.path, "$ref", "a reference leads back to itself with no value between.");
    }
    this.open.add(location);
    try {
      return this.casesOf(location, keywordsOf(location), true);
    } finally {
      this.open.delete(location);
    }
  }

  private casesOf(location: Location, keywords: Readonly<Record<string, unknown>>, tracked: boolean): Case[] {
    const { draft } = this.document;
    const { path } = location;
    if (draft === "7" && keywords.$ref !== undefined)
      return this.inPlace(this.document.resolve(keywords.$ref, location, "$ref"), tracked);
    checkKeywords(keywords, draft, path);
    const read = new KeywordReader(keywords, path);
    const tracking = tracked || read.has("unevaluatedProperties") || read.has("unevaluatedItems");
    let cases: Case[] = [this.own(location, read)];
    const and = (more: readonly Case[]) => {
      cases = this.product(cases, more, path);
    };
    const child = (key: string) => this.child(location, key, keywords[key]);
    const children = (key: string) => {
      const list = read.list(key);
      if (list?.length === 0) throw malformed(`${path}/${key}`, "an array with a schema");
      return list?.map((each, i) => this.child(location, `${key}/${i}`, each)) ?? null;
    };
    if (read.has("$ref")) and(this.inPlace(this.document.resolve(keywords.$ref, location, "$ref"), tracking));
    if (read.has("$dynamicRef"))
      and(this.inPlace(this.document.resolveDynamic(keywords.$dynamicRef, location), tracking));
    for (const each of children("allOf") ?? []) and(this.inPlace(each, tracking));
    const any = children("anyOf");
    if (any) and(this.anyOf(any, tracking, path));
    const one = children("oneOf");
    if (one) and(this.oneOf(one, tracking, path));
    if (read.has("not")) and([this.case(this.formOf(this.nodes.not(this.nodes.schema(child("not")))))]);
    if (read.has("if")) and(this.conditional(child("if"), read, child, tracking, path));
    for (const [name, value] of read.entries("dependentSchemas") ?? [])
      and(this.dependent(name, this.child(location, `dependentSchemas/${pointerPart(name)}`, value), tracking, path));
    for (const [name, value] of (draft === "7" ? read.entries("dependencies") : null) ?? []) {
      if (Array.isArray(value)) and([this.case(this.dependentRequired(name, value, `${path}/dependencies`))]);
      else and(this.dependent(name, this.child(location, `dependencies/${pointerPart(name)}`, value), tracking, path));
    }
    if (read.has("unevaluatedProperties"))
      cases = cases.map((each) => this.unevaluatedProperties(each, child("unevaluatedProperties"), path));
    if (read.has("unevaluatedItems"))
      cases = cases.map((each) => this.unevaluatedItems(each, child("unevaluatedItems"), path));
    return tracked ? cases : [this.case(this.union(cases, path))];
  }

  private case(form: Form): Case {
    return { form, names: [], items: 0 };
  }

  private child(location: Location, key: string, value: unknown): Location {
    return this.document.at(value, `${location.path}/${key}`, location);
  }

  private formOf(node: Node): Form {
    return this.form(node);
  }

  private inPlace(location: Location, tracking: boolean): Case[] {
    return tracking ? this.cases(location, true) : [this.case(this.formOf(this.nodes.schema(location)))];
  }

  private negated(location: Location): Case {
    return this.case(this.formOf(this.nodes.not(this.nodes.schema(location))));
  }

  private product(a: readonly Case[], b: readonly Case[], path: string): Case[] {
    if (a.length * b.length > LIMITS.shapes) throw tooLarge(path, "it stands for too many cases");
    const all = a.flatMap((x) =>
      b.map(({ form, names, items }) => ({
        form: this.forms.both(x.form, form, path),
        names: x.names === "all" || names === "all" ? ("all" as const) : [...x.names, ...names],
        items: bothItems(x.items, items),
      })),
    );
    return all.filter(({ form }) => !isNothing(form));
  }

  private anyOf(schemas: readonly Location[], tracking: boolean, path: string): Case[] {
    if (!tracking)
      return [
        this.case(
          this.union(
            schemas.flatMap((each) => this.inPlace(each, false)),
            path,
          ),
        ),
      ];
    // Each holds or does not; where none holds is left out.
    const or = (cases: Case[], rest: readonly Location[], held: boolean): Case[] => {
      const [first, ...others] = rest;
      if (!first) return held ? cases : [];
      const yes = this.product(cases, this.cases(first, true), path);
      const no = this.product(cases, [this.negated(first)], path);
      return [...or(yes, others, true), ...or(no, others, held)];
    };
    return or([this.case(this.forms.any)], schemas, false);
  }

  private oneOf(schemas: readonly Location[], tracking: boolean, path: string): Case[] {
    const nodes = schemas.map((each) => this.nodes.schema(each));
    const found = schemas.flatMap((each, i) => {
      let cases = this.inPlace(each, tracking);
      for (const [j, other] of schemas.entries()) {
        // Those that exclude it anyway would only make it longer.
        if (j === i || this.surelyEmpty(this.nodes.all([nodes[i]!, nodes[j]!]))) continue;
        if (cases.length > 0) cases = this.product(cases, [this.negated(other)], path);
      }
      return cases;
    });
    return tracking ? found : [this.case(this.union(found, path))];
  }

  private conditional(
    condition: Location,
    read: KeywordReader,
    child: (key: string) => Location,
    tracking: boolean,
    path: string,
  ): Case[] {
    if (!tracking && !read.has("then") && !read.has("else")) return [this.case(this.forms.any)];
    const branch = (cases: Case[], key: string) =>
      read.has(key) && cases.length > 0 ? this.product(cases, this.inPlace(child(key), tracking), path) : cases;
    const cases = [...branch(this.inPlace(condition, tracking), "then"), ...branch([this.negated(condition)], "else")];
    return tracking ? cases : [this.case(this.union(cases, path))];
  }

  private dependent(name: string, schema: Location, tracking: boolean, path: string): Case[] {
    const without = this.objects({ rules: [{ names: name, node: this.nodes.nothing }] });
    const having = { ...NO_VALUE, objects: [{ ...ALL_OBJECTS, required: new Set([name]) }] };
    const cases = [this.case(without), ...this.product([this.case(having)], this.inPlace(schema, tracking), path)];
    return tracking ? cases : [this.case(this.union(cases, path))];
  }

  private dependentRequired(name: string, names: unknown, path: string): Form {
    const required = new Set([name, ...stringList(names, path)]);
    const without = this.objects({ rules: [{ names: name, node: this.nodes.nothing }] });
    return this.forms.either(without, { ...NO_VALUE, objects: [{ ...ALL_OBJECTS, required }] }, path);
  }

  private unevaluatedProperties(each: Case, schema: Location, path: string): Case {
    if (each.names === "all") return each;
    const names = each.names.map((one) => (typeof one === "string" ? texts([one], path) : one));
    const rest = this.forms.outside(names, path);
    const form =
      rest.states === 0 ? this.forms.any : this.objects({ rules: [{ names: rest, node: this.nodes.schema(schema) }] });
    return { ...each, form: this.forms.both(each.form, form, path), names: "all" };
  }

  private unevaluatedItems(each: Case, schema: Location, path: string): Case {
    if (each.items === "all") return each;
    if (each.items === "some")
      throw notSupported(`${path}/unevaluatedItems`, "unevaluatedItems", "beside contains it is not supported.");
    const prefix = Array.from({ length: each.items }, () => this.nodes.anything);
    const form = this.arrays({ prefix, rest: this.nodes.schema(schema) });
    return { ...each, form: this.forms.both(each.form, form, path), items: "all" };
  }

  /** Keywords that look at the value themselves. */
  private own(location: Location, read: KeywordReader): Case {
    const { forms } = this;
    const { path } = location;
    const keywords = keywordsOf(location);
    let form = forms.any;
    const and = (more: Form) => {
      form = forms.both(form, more, path);
    };
    if (read.has("type")) and(this.type(keywords.type, `${path}/type`));
    const values = read.list("enum");
    if (values) and(enumForm(values, this.nodes, forms, path));
    if (read.has("const")) and(enumForm([keywords.const], this.nodes, forms, path));
    this.numbers(read, path, and);
    this.strings(read, path, and);
    const items = this.arrayKeywords(location, read, and);
    const names = this.objectKeywords(location, read, and);
    return { form, names, items };
  }

  private type(given: unknown, path: string): Form {
    const types = typeof given === "string" ? [given] : stringList(given, path);
    const { any } = this.forms;
    let form = NO_VALUE;
    for (const type of types) {
      if (!TYPES.includes(type))
        throw notSupported(path, "type", `${JSON.stringify(type).slice(0, 40)} is no type of JSON Schema.`);
      const parts: Partial<Form> =
        type === "null"
          ? { null: true }
          : type === "boolean"
            ? { true: true, false: true }
            : type === "integer"
              ? { numbers: [INTEGERS] }
              : type === "number"
                ? { numbers: any.numbers }
                : type === "string"
                  ? { strings: any.strings }
                  : type === "array"
                    ? { arrays: any.arrays }
                    : { objects: any.objects };
      form = this.forms.either(form, { ...NO_VALUE, ...parts }, path);
    }
    return form;
  }

  private numbers(read: KeywordReader, path: string, and: (form: Form) => void): void {
    const only = (part: Partial<typeof ALL_NUMBERS>) =>
      and({ ...this.forms.any, numbers: [{ ...ALL_NUMBERS, ...part }] });
    const bound = (key: string, open: boolean) => {
      const value = read.number(key);
      return value && { value, open };
    };
    for (const [key, open] of [
      ["minimum", false],
      ["exclusiveMinimum", true],
    ] as const) {
      const low = bound(key, open);
      if (low) only({ low });
    }
    for (const [key, open] of [
      ["maximum", false],
      ["exclusiveMaximum", true],
    ] as const) {
      const high = bound(key, open);
      if (high) only({ high });
    }
    const multipleOf = read.number("multipleOf");
    if (multipleOf && multipleOf.digits <= 0n) throw malformed(`${path}/multipleOf`, "a number above 0");
    if (multipleOf) only({ multipleOf });
  }

  private strings(read: KeywordReader, path: string, and: (form: Form) => void): void {
    const only = (part: Partial<StringSet>) => and({ ...this.forms.any, strings: [{ ...ALL_STRINGS, ...part }] });
    const min = read.count("minLength");
    if (min !== null) only({ min });
    const max = read.count("maxLength");
    if (max !== null) only({ max });
    const pattern = read.string("pattern");
    if (pattern !== null) only({ dfa: this.pattern(pattern, `${path}/pattern`) });
    const format = read.string("format");
    if (format === null) return;
    const source = FORMATS.get(format);
    if (source === undefined)
      throw notSupported(`${path}/format`, "format", `the format ${format.slice(0, 40)} is not supported.`);
    if (this.options.formats === "assert") only({ dfa: this.whole(source, `${path}/format`) });
  }

  private arrayKeywords(location: Location, read: KeywordReader, and: (form: Form) => void): Case["items"] {
    const { nodes } = this;
    const { path } = location;
    const keywords = keywordsOf(location);
    const old = this.document.draft === "7";
    const schema = (key: string) => nodes.schema(this.child(location, key, keywords[key]));
    const only = (part: Partial<ArrayShape>) => and(this.arrays(part));
    const min = read.count("minItems");
    if (min !== null) only({ min });
    const max = read.count("maxItems");
    if (max !== null) only({ max });
    if (keywords.uniqueItems !== undefined && typeof keywords.uniqueItems !== "boolean")
      throw malformed(`${path}/uniqueItems`, "a boolean");
    if (keywords.uniqueItems === true) and(this.unique(location));
    const tupleKey = old ? "items" : "prefixItems";
    const tuple = old && !Array.isArray(keywords.items) ? null : read.list(tupleKey);
    const restKey = tuple && old ? "additionalItems" : "items";
    const prefix = (tuple ?? []).map((each, i) => nodes.schema(this.child(location, `${tupleKey}/${i}`, each)));
    const rest = read.has(restKey) ? schema(restKey) : nodes.anything;
    if (tuple || read.has(restKey)) only({ prefix, rest });
    if (read.has("contains")) {
      const least = (old ? null : read.count("minContains")) ?? 1;
      const most = (old ? null : read.count("maxContains")) ?? POSITIVE_INFINITY;
      if (least > 0 || most < POSITIVE_INFINITY)
        only({ contains: [{ node: schema("contains"), from: 0, min: least, max: most }] });
    } else for (const key of old ? [] : ["minContains", "maxContains"]) read.count(key);
    return read.has(restKey) ? "all" : read.has("contains") ? "some" : prefix.length;
  }

  /** uniqueItems, where elements are of few kinds, would have to remember them all; arrays of one are always unique. */
  private unique(location: Location): Form {
    const max = keywordsOf(location).maxItems;
    if (typeof max === "number" && max <= 1) return this.forms.any;
    throw notSupported(
      `${location.path}/uniqueItems`,
      "uniqueItems",
      "uniqueItems is supported up to maxItems 1 only.",
    );
  }

  private objectKeywords(location: Location, read: KeywordReader, and: (form: Form) => void): readonly Names[] | "all" {
    const { nodes } = this;
    const { path } = location;
    const keywords = keywordsOf(location);
    const only = (part: Partial<ObjectShape>) => and(this.objects(part));
    const properties = read.entries("properties") ?? [];
    const named = properties.map(([name, value]) => {
      const child = this.child(location, `properties/${pointerPart(name)}`, value);
      return { names: name as Names, node: nodes.schema(child) };
    });
    const patterned = (read.entries("patternProperties") ?? []).map(([source, value]) => {
      const at = `patternProperties/${pointerPart(source)}`;
      return {
        names: this.pattern(source, `${path}/${at}`) as Names,
        node: nodes.schema(this.child(location, at, value)),
      };
    });
    const rules = [...named, ...patterned];
    if (rules.length > 0) only({ rules });
    const required = read.strings("required");
    if (required) only({ required: new Set(required) });
    const min = read.count("minProperties");
    if (min !== null) only({ min });
    const max = read.count("maxProperties");
    if (max !== null) only({ max });
    for (const [name, names] of (this.document.draft === "7" ? null : read.entries("dependentRequired")) ?? [])
      and(this.dependentRequired(name, names, `${path}/dependentRequired`));
    if (read.has("propertyNames"))
      this.propertyNames(this.child(location, "propertyNames", keywords.propertyNames), path, only);
    if (!read.has("additionalProperties")) return rules.map(({ names }) => names);
    const additional = nodes.schema(this.child(location, "additionalProperties", keywords.additionalProperties));
    const known = patterned.map(({ names }) => names as Dfa);
    if (named.length > 0)
      known.push(
        texts(
          properties.map(([name]) => name),
          path,
        ),
      );
    const names = this.forms.outside(known, path);
    if (names.states > 0) only({ rules: [{ names, node: additional }] });
    return "all";
  }

  private propertyNames(schema: Location, path: string, only: (part: Partial<ObjectShape>) => void): void {
    const { strings } = this.formOf(this.nodes.schema(schema));
    const names = this.forms.outside(
      strings.map((set) => this.language(set, path)),
      path,
    );
    if (names.states > 0) only({ rules: [{ names, node: this.nodes.nothing }] });
  }

  /** One automaton with the lengths in it. */
  language({ dfa, min, max }: StringSet, path: string): Dfa {
    if (min === 0 && max === POSITIVE_INFINITY) return dfa;
    const counted = lengths(min, max, this.work, path);
    return combine([dfa, counted], ([a, b]) => a! && b!, this.work, path);
  }

  private objects(part: Partial<ObjectShape>): Form {
    return { ...this.forms.any, objects: [{ ...ALL_OBJECTS, ...part }] };
  }

  private arrays(part: Partial<ArrayShape>): Form {
    return { ...this.forms.any, arrays: [{ ...this.forms.allArrays, ...part }] };
  }

  private pattern(source: string, path: string): Dfa {
    return this.kept(`search ${source}`, () => search(source, this.work, path));
  }

  private whole(source: string, path: string): Dfa {
    return this.kept(`whole ${source}`, () => wholeMatch(source, "u", this.work, path));
  }

  private kept(key: string, make: () => Dfa): Dfa {
    const known = this.patterns.get(key) ?? make();
    this.patterns.set(key, known);
    return known;
  }

  /** True only where no value can be like that; false also where it is not known. */
  private surelyEmpty(node: Node): boolean {
    if (node === this.nodes.nothing) return true;
    if (node.form !== null) return node.form !== "open" && isNothing(node.form);
    if (this.tries >= 6) return false;
    this.tries += 1;
    try {
      return isNothing(this.form(node));
    } catch (thrown) {
      if (thrown === OPEN) return false;
      throw thrown;
    } finally {
      this.tries -= 1;
    }
  }

  private surelyNoObject(shape: ObjectShape): boolean {
    if (shape.min > shape.max || shape.required.size > shape.max) return true;
    return [...shape.required].some((name) => this.surelyEmpty(this.nodeOf(shape, name)));
  }

  private surelyNoArray({ prefix, rest, min, max }: ArrayShape): boolean {
    if (min > max) return true;
    if (prefix.slice(0, min).some((node) => this.surelyEmpty(node))) return true;
    return min > prefix.length && this.surelyEmpty(rest);
  }
}

function bothItems(a: Case["items"], b: Case["items"]): Case["items"] {
  if (a === "all" || b === "all") return "all";
  return a === "some" || b === "some" ? "some" : Math.max(a, b);
}

export function isNothing(form: Form): boolean {
  const { numbers, strings, arrays, objects } = form;
  const lists = [numbers, strings, arrays, objects];
  return !form.null && !form.true && !form.false && lists.every(({ length }) => length === 0);
}

function pathOf({ is }: Node): string {
  return is.kind === "schema" ? is.location.path : "schema";
}
