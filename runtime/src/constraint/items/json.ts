/** Values of JSON under a compiled schema: what may begin one, by type. */
import { type Alternatives, Item, type Machine } from "../machine";
import type { SchemaCompiler } from "../schema/compile";
import { objectKey } from "../schema/form";
import { Inhabited } from "../schema/inhabited";
import type { Node } from "../schema/nodes";
import type { NumberSet } from "../schema/number_set";
import { numberSetKey } from "../schema/number_set";
import type { ArrayShape, ObjectShape, StringSet } from "../schema/shapes";
import { ArrayPlan } from "./array";
import { canBeWritten, judgedNumber, NumberItem, type NumberKind, writtenNumber } from "./number";
import { ObjectItem } from "./object";
import { ObjectPlan } from "./object_plan";
import { StringItem } from "./string_item";
import { LiteralItem, SpaceItem } from "./text";

export class Json {
  private readonly inhabited: Inhabited;
  private readonly objectPlans = new Map<string, ObjectPlan>();
  private readonly arrayPlans = new Map<ArrayShape, ArrayPlan>();
  private readonly numberKinds = new Map<string, NumberKind>();
  private readonly writable = new Map<string, boolean>();

  constructor(
    readonly machine: Machine,
    readonly compiler: SchemaCompiler,
    /** Values are written; else those of others are judged. */
    readonly generating: boolean,
  ) {
    this.inhabited = new Inhabited(compiler, {
      object: (shape, has) => this.plan(shape).exists(has),
      array: (shape, has) => this.arrayPlan(shape).exists(has),
      number: (set) => this.canWrite(set),
      string: (set) => this.counted(set).dfa.states > 0,
    });
  }

  /** Whether there is such a value. Judging, nothing is left out: what cannot be completed is never complete. */
  has(node: Node): boolean {
    return !this.generating || this.inhabited.has(node);
  }

  value(node: Node): Item {
    return this.machine.item(`${this.key} value ${node.id}`, () => new ValueItem(this, node));
  }

  space(): Item {
    return SpaceItem.make(this.machine, this.generating ? "first" : "any");
  }

  /** Distinguishes the items of several schemas in one machine. */
  get key(): string {
    return `json ${this.compiler.serial}`;
  }

  plan(shape: ObjectShape): ObjectPlan {
    const key = objectKey(shape);
    let plan = this.objectPlans.get(key);
    if (!plan) {
      plan = new ObjectPlan(shape, this.compiler, this.objectPlans.size);
      this.objectPlans.set(key, plan);
    }
    return plan;
  }

  arrayPlan(shape: ArrayShape): ArrayPlan {
    let plan = this.arrayPlans.get(shape);
    if (!plan) {
      plan = new ArrayPlan(shape, this.compiler.nodes, this.arrayPlans.size);
      this.arrayPlans.set(shape, plan);
    }
    return plan;
  }

  number(set: NumberSet): NumberKind {
    const key = numberSetKey(set);
    const kind = this.numberKinds.get(key) ?? (this.generating ? writtenNumber(set) : judgedNumber(set));
    this.numberKinds.set(key, kind);
    return kind;
  }

  /** Lengths that an automaton must count are in it; those of any text are counted beside it. */
  counted(set: StringSet): StringSet {
    const { compiler } = this;
    if (set.dfa === compiler.anyText) return set;
    return { dfa: compiler.language(set, "schema"), min: 0, max: Number.POSITIVE_INFINITY };
  }

  canWrite(set: NumberSet): boolean {
    const key = numberSetKey(set);
    const known = this.writable.get(key) ?? canBeWritten(set);
    this.writable.set(key, known);
    return known;
  }
}

class ValueItem extends Item {
  constructor(
    private readonly json: Json,
    private readonly node: Node,
  ) {
    super();
  }

  protected override expand(): Alternatives {
    const { json, node } = this;
    const { machine } = json;
    const form = json.compiler.form(node);
    const literal = (text: string): readonly Item[] => [LiteralItem.make(machine, text)];
    const has = (each: Node) => json.has(each);
    return [
      ...(form.null ? [literal("null")] : []),
      ...(form.true ? [literal("true")] : []),
      ...(form.false ? [literal("false")] : []),
      ...form.numbers
        .filter((set) => !json.generating || json.canWrite(set))
        .map((set) => [NumberItem.make(machine, json.number(set))]),
      ...form.strings.map((set) => StringItem.opening(json, json.counted(set))).filter((items) => items !== null),
      ...form.arrays
        .map((shape) => json.arrayPlan(shape))
        .filter((plan) => !json.generating || plan.exists(has))
        .map((plan) => [LiteralItem.make(machine, "["), json.space(), plan.first(json)]),
      ...form.objects
        .map((shape) => json.plan(shape))
        .filter((plan) => !json.generating || plan.exists(has))
        .map((plan) => [LiteralItem.make(machine, "{"), json.space(), ObjectItem.first(json, plan)]),
    ];
  }
}
