/** Arrays: which kinds of element may come at an index, and whether the array can still be completed. */

import { LIMITS, tooLarge } from "../limits";
import { type Alternatives, DEAD, DONE, Item } from "../machine";
import type { Node, Nodes } from "../schema/nodes";
import type { ArrayShape } from "../schema/shapes";
import type { Json } from "./json";
import { isSpace, LiteralItem, SpaceItem } from "./text";

type Has = (node: Node) => boolean;

interface Element {
  readonly node: Node;
  /** Elements found so far, for each `contains`. */
  readonly counts: readonly number[];
}

export class ArrayPlan {
  private readonly elements = new Map<string, readonly Element[]>();
  private readonly finishable = new Map<string, boolean>();
  /** From this index on all are alike. */
  private readonly settled: number;

  constructor(
    private readonly shape: ArrayShape,
    private readonly nodes: Nodes,
    private readonly serial: number,
  ) {
    this.settled = Math.max(shape.prefix.length, shape.min, ...shape.contains.map(({ from }) => from));
    if (
      shape.contains.length > 0 &&
      this.settled + shape.contains.reduce((sum, { min }) => sum + min, 0) > LIMITS.count / 10
    )
      throw tooLarge("contains", "too many elements would have to be counted");
  }

  exists(has: Has): boolean {
    return this.finishes(0, this.none, has, new Map());
  }

  first(json: Json): Item {
    return this.item(json, 0, this.none, "first");
  }

  item(json: Json, index: number, counts: readonly number[], phase: Phase): Item {
    const at = this.shape.max === Number.POSITIVE_INFINITY ? Math.min(index, this.settled) : index;
    const key = `${json.key} array ${this.serial} ${at} ${counts} ${phase}`;
    return json.machine.item(key, () => new ArrayItem(json, this, at, counts, phase));
  }

  /** Kinds of the element at `index`, such that the array can be completed behind it. */
  next(json: Json, index: number, counts: readonly number[]): Element[] {
    if (index >= this.shape.max) return [];
    const all = this.elementsAt(index, counts);
    if (!json.generating) return [...all];
    const has = (node: Node) => json.has(node);
    return all.filter((each) => has(each.node) && this.finishes(index + 1, each.counts, has, this.finishable));
  }

  mayEnd(index: number, counts: readonly number[]): boolean {
    return index >= this.shape.min && this.shape.contains.every(({ min }, i) => counts[i]! >= min);
  }

  private get none(): readonly number[] {
    return this.shape.contains.map(() => 0);
  }

  private elementsAt(index: number, counts: readonly number[]): readonly Element[] {
    const { prefix, rest, contains } = this.shape;
    const at = Math.min(index, this.settled);
    const key = `${at} ${counts}`;
    let found = this.elements.get(key);
    if (!found) {
      let all: Element[] = [{ node: prefix[at] ?? rest, counts: [...counts] }];
      contains.forEach(({ node, from, min, max }, i) => {
        // With enough of them and no limit, it does not matter any more.
        if (at < from || (counts[i]! >= min && max === Number.POSITIVE_INFINITY)) return;
        all = all.flatMap((each) => {
          const without = { ...each, node: this.nodes.all([each.node, this.nodes.not(node)]) };
          if (counts[i]! >= max) return [without];
          const more = each.counts.map((count, j) => (j === i ? count + 1 : count));
          return [{ node: this.nodes.all([each.node, node]), counts: more }, without];
        });
        if (all.length > LIMITS.readings) throw tooLarge("contains", "there are too many of them");
      });
      found = all.filter(({ node }) => node !== this.nodes.nothing);
      this.elements.set(key, found);
    }
    return found;
  }

  private finishes(index: number, counts: readonly number[], has: Has, known: Map<string, boolean>): boolean {
    const { shape } = this;
    if (this.mayEnd(index, counts)) return true;
    if (index >= shape.max) return false;
    if (shape.contains.length === 0) return this.fills(index, has);
    const key = `${index} ${counts}`;
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    // Where all indexes are alike, an element that is not counted brings nothing.
    const useful = (each: Element) => index < this.settled || each.counts.some((count, i) => count !== counts[i]);
    const found = this.elementsAt(index, counts).some(
      (each) => useful(each) && has(each.node) && this.finishes(index + 1, each.counts, has, known),
    );
    known.set(key, found);
    return found;
  }

  /** Whether there is an element for each index up to the least length. */
  private fills(index: number, has: Has): boolean {
    const { prefix, rest, min } = this.shape;
    return prefix.slice(index, min).every(has) && (min <= Math.max(prefix.length, index) || has(rest));
  }
}

/** first, element: what may stand there is next, for first also the end. next: behind an element. close: just the end. */
type Phase = "first" | "element" | "next" | "close";

class ArrayItem extends Item {
  constructor(
    private readonly json: Json,
    private readonly plan: ArrayPlan,
    private readonly index: number,
    private readonly counts: readonly number[],
    private readonly phase: Phase,
  ) {
    super();
  }

  protected override expand(): Alternatives | null {
    const { json, plan, phase, index, counts } = this;
    if (phase === "next" || phase === "close") return null;
    const elements = plan
      .next(json, index, counts)
      .map((each) => [json.value(each.node), plan.item(json, index + 1, each.counts, "next")]);
    return phase === "first" && this.mayEnd ? [[LiteralItem.make(json.machine, "]")], ...elements] : elements;
  }

  protected override step(byte: number): Alternatives {
    const { json, plan, index, counts, phase } = this;
    if (byte === 0x5d) return this.mayEnd ? DONE : DEAD;
    if (phase === "close") return DEAD;
    if (byte === 0x2c)
      return plan.next(json, index, counts).length > 0
        ? [[json.space(), plan.item(json, index, counts, "element")]]
        : DEAD;
    if (!isSpace(byte)) return DEAD;
    if (!json.generating) return [[this]];
    return this.mayEnd ? SpaceItem.before(json.machine, byte, plan.item(json, index, counts, "close")) : DEAD;
  }

  private get mayEnd(): boolean {
    return this.plan.mayEnd(this.index, this.counts);
  }
}
