/**
 * Objects: which names may come next, what their values are, and when the object may end.
 *
 * Judged, names may come in any order. Generated, they come as the schema lists them, optional ones may be left out, and
 * names that the schema does not speak of come only where it has none of its own, so that a model is led to what is meant.
 */
import { LIMITS, tooLarge } from "../limits";
import { type Alternatives, DEAD, DONE, Item } from "../machine";
import type { Node } from "../schema/nodes";
import type { Json } from "./json";
import type { Label, ObjectPlan } from "./object_plan";
import { type Reader, stringStep } from "./string";
import { isSpace, LiteralItem, SpaceItem } from "./text";

const QUOTE = 0x22;

/** first: behind the brace. name: behind a comma. next: behind a property. close: just the end may come. */
type Phase = "first" | "name" | "next" | "close";

interface Progress {
  /** Bit i: the i-th name has come. */
  readonly seen: bigint;
  readonly count: number;
  /** Bit i: the i-th need is still to be met. */
  readonly pending: number;
  /** Other names that have come, where they count. */
  readonly others: readonly string[];
}

export class ObjectItem extends Item {
  private constructor(
    readonly json: Json,
    readonly plan: ObjectPlan,
    readonly progress: Progress,
    private readonly phase: Phase,
  ) {
    super();
  }

  static first(json: Json, plan: ObjectPlan): ObjectItem {
    const pending = (1 << plan.shape.needs.length) - 1;
    return ObjectItem.make(json, plan, { seen: 0n, count: 0, pending, others: [] }, "first");
  }

  static make(json: Json, plan: ObjectPlan, progress: Progress, phase: Phase): ObjectItem {
    const { seen, count, pending, others } = progress;
    const key = `${json.key} object ${plan.serial} ${seen} ${count} ${pending} ${phase} ${JSON.stringify(others)}`;
    return json.machine.item(key, () => new ObjectItem(json, plan, progress, phase));
  }

  /** As if no other names had come. */
  withoutOthers(): ObjectItem {
    return ObjectItem.make(this.json, this.plan, { ...this.progress, others: [] }, this.phase);
  }

  /** Whether the object may end. */
  private get mayEnd(): boolean {
    const { plan, progress } = this;
    return this.missing === 0 && progress.count >= plan.shape.min && progress.pending === 0;
  }

  /** How many required names have not come yet. */
  private get missing(): number {
    const { plan, progress } = this;
    return plan.required.filter((required, i) => required && !(progress.seen & (1n << BigInt(i)))).length;
  }

  protected override step(byte: number): Alternatives {
    const { json, phase } = this;
    const names = phase === "first" || phase === "name";
    if (byte === QUOTE) return names ? this.name() : DEAD;
    if (byte === 0x7d) return phase !== "name" && this.mayEnd ? DONE : DEAD;
    if (names || phase === "close") return DEAD;
    const { plan, progress } = this;
    if (byte === 0x2c) {
      const more = ObjectItem.make(json, plan, progress, "name");
      return more.name().length > 0 ? [[json.space(), more]] : DEAD;
    }
    if (!isSpace(byte)) return DEAD;
    if (!json.generating) return [[this]];
    return this.mayEnd ? SpaceItem.before(json.machine, byte, ObjectItem.make(json, plan, progress, "close")) : DEAD;
  }

  /** What a name begins as, behind its quote. */
  private name(): Alternatives {
    const { json, plan } = this;
    if (!json.generating) return [[NameItem.make(this, null, 0, "", "")]];
    const allowed = plan.keys.labels.map((label) => this.allows(label));
    const view = plan.view((label) => allowed[label.index]!, allowed.map(Number).join(""));
    return view[0] ? [[NameItem.make(this, view, 0, "", "")]] : DEAD;
  }

  /** Behind a name: its value, and then the object again. */
  property(label: Label, text: string): Alternatives {
    const { json, plan } = this;
    const { seen, count, pending, others } = this.progress;
    if (label.name >= 0 && seen & (1n << BigInt(label.name))) return DEAD;
    if (json.generating && label.name < 0 && plan.counts && others.includes(text)) return DEAD;
    const { min, max } = plan.shape;
    if (count >= max) return DEAD;
    const bounded = min > 0 || max < Number.POSITIVE_INFINITY;
    const most = max < Number.POSITIVE_INFINITY ? max : min;
    const next = {
      seen: label.name >= 0 ? seen | (1n << BigInt(label.name)) : seen,
      count: bounded ? Math.min(count + 1, most) : 0,
      others: json.generating && label.name < 0 && plan.counts ? [...others, text].sort() : others,
    };
    const colon = LiteralItem.make(json.machine, ":");
    const separator = json.generating ? [colon, json.space()] : [json.space(), colon, json.space()];
    return this.choices(label).map(({ node, met }) => [
      ...separator,
      json.value(node),
      ObjectItem.make(json, plan, { ...next, pending: pending & ~met }, "next"),
    ]);
  }

  /** Which needs a property of this name may meet, and what it then is. */
  private choices(label: Label): { node: Node; met: number }[] {
    const { json, plan, progress } = this;
    const open = label.needs & progress.pending;
    const bits = plan.shape.needs.flatMap((_, i) => (open & (1 << i) ? [1 << i] : []));
    if (2 ** bits.length > LIMITS.readings) throw tooLarge("schema", "too many kinds of property are needed at once");
    const masks = [0];
    for (const bit of bits) masks.push(...masks.map((mask) => mask | bit));
    return masks
      .map((met) => ({ node: plan.meeting(label, met), met }))
      .filter(({ node, met }) => !json.generating || (json.has(node) && this.canMeet(progress.pending & ~met, label)));
  }

  /** Whether the needs of `mask` can be met by properties that come after one with this label. */
  private canMeet(mask: number, taken: Label): boolean {
    const { json, plan, progress } = this;
    const free = (label: Label) => label.name < 0 || (label !== taken && !(progress.seen & (1n << BigInt(label.name))));
    const has = (node: Node) => json.has(node);
    return plan.shape.needs.every(
      (_, i) => !(mask & (1 << i)) || plan.keys.labels.some((label) => free(label) && plan.meets(label, i, has)),
    );
  }

  /** Whether such a name may come next in an answer, so that the object can be completed. */
  private allows(label: Label): boolean {
    const { plan, progress } = this;
    const { seen, count } = progress;
    const isRequired = label.name >= 0 && plan.required[label.name]!;
    if (label.name >= 0 && seen & (1n << BigInt(label.name))) return false;
    if (count + 1 + this.missing - (isRequired ? 1 : 0) > plan.shape.max) return false;
    if (this.choices(label).length === 0) return false;
    return label.name >= 0 ? plan.counts || this.inOrder(label.name) : this.allowsOther(label);
  }

  private inOrder(name: number): boolean {
    const { plan, progress } = this;
    const before = progress.seen >> BigInt(name) === 0n;
    const required = plan.required[name]!;
    const skips = plan.required.some((each, i) => each && i < name && !(progress.seen & (1n << BigInt(i))));
    return !skips && (before || required);
  }

  private allowsOther(label: Label): boolean {
    const { plan, progress, json } = this;
    if (label.needs & progress.pending) return true;
    if (this.missing > 0 && !plan.counts) return false;
    if (label.ruled || plan.names.length === 0) return true;
    const left = plan.nodes.filter((node, i) => json.has(node) && !(progress.seen & (1n << BigInt(i)))).length;
    return progress.count + left < plan.shape.min;
  }
}

/** Begins no name: control characters are escaped. */
const UNLIKE = "\0";

/** The name that was written as these bytes. */
function nameOf(written: string): string {
  const bytes = Uint8Array.from(written, (character) => character.charCodeAt(0));
  return JSON.parse(`"${new TextDecoder().decode(bytes)}"`);
}

class NameItem extends Item {
  private readonly reader: Reader;

  private constructor(
    private readonly object: ObjectItem,
    private readonly view: Uint8Array | null,
    private readonly state: number,
    private readonly escaping: string,
    /** What was written of it, where names must differ: a character for each byte. */
    private readonly text: string,
    /** For masks only: text that no other name begins with is forgotten. */
    private readonly forMask: boolean,
  ) {
    super();
    this.reader = { step: (at, byte) => object.plan.step(view, at, byte), free: () => view === null };
  }

  static make(
    object: ObjectItem,
    view: Uint8Array | null,
    state: number,
    escaping: string,
    text: string,
    forMask = false,
  ): NameItem {
    const key = `name ${object.serial} ${state} ${escaping} ${text} ${forMask}`;
    return object.json.machine.item(key, () => new NameItem(object, view, state, escaping, text, forMask));
  }

  /** What was written does not matter where no other name has begun like that. */
  override alike(): Item {
    const { object, view, state, escaping, text } = this;
    if (this.forMask || !object.plan.counts) return this;
    if (object.progress.others.some((other) => other.startsWith(text)))
      return NameItem.make(object, view, state, escaping, text, true);
    return NameItem.make(object.withoutOthers(), view, state, escaping, UNLIKE, true);
  }

  protected override step(byte: number): Alternatives {
    const { object, view, state, escaping, reader } = this;
    const { json, plan, progress } = object;
    const moved = stringStep(reader, { state, escaping }, byte, json.generating);
    if (moved === null) return DEAD;
    if (moved === "closed") {
      const label = plan.keys.labelAt[state];
      return label && (view === null || view[state] === 3) ? object.property(label, this.text) : DEAD;
    }
    const differs = json.generating && plan.counts;
    const longer = differs && this.text !== UNLIKE ? this.text + String.fromCharCode(byte) : this.text;
    const taken = differs ? progress.others.filter((other) => other.startsWith(longer)) : [];
    const text = this.forMask && taken.length === 0 ? UNLIKE : longer;
    const begun = taken.filter((other) => plan.accepts(view!, nameOf(other))).length;
    if (begun > 0 && plan.countNames(view!, moved.state, begun + 1) <= begun) return DEAD;
    return [[NameItem.make(object, view, moved.state, moved.escaping, text, this.forMask)]];
  }
}
