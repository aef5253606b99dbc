/** A string as a value. */
import { type Alternatives, DEAD, DONE, Item } from "../machine";
import type { StringSet } from "../schema/shapes";
import type { Json } from "./json";
import { beginsCharacter, type Reader, stringStep } from "./string";
import { LiteralItem } from "./text";

export class StringItem extends Item {
  private constructor(
    private readonly json: Json,
    private readonly set: StringSet,
    private readonly state: number,
    private readonly escaping: string,
  ) {
    super();
  }

  /** From the quote on; null: there is no such string. */
  static opening(json: Json, set: StringSet): readonly Item[] | null {
    if (set.dfa.states === 0) return null;
    return [LiteralItem.make(json.machine, '"'), StringItem.make(json, set, set.dfa.start, "")];
  }

  /** `set`: with the lengths that are left. */
  private static make(json: Json, set: StringSet, state: number, escaping: string): StringItem {
    const key = `string ${set.dfa.serial} ${state} ${set.min} ${set.max} ${escaping}`;
    return json.machine.item(key, () => new StringItem(json, set, state, escaping));
  }

  /** Lengths that no token reaches do not count. */
  override alikeUpTo(longest: number): Item {
    const { json, set, state, escaping } = this;
    const min = Math.min(set.min, longest + 1);
    const max = set.max > longest ? Number.POSITIVE_INFINITY : set.max;
    return min === set.min && max === set.max ? this : StringItem.make(json, { ...set, min, max }, state, escaping);
  }

  protected override step(byte: number): Alternatives {
    const { json, set, state, escaping } = this;
    const { dfa, min, max } = set;
    const begins = escaping === "" && state === 0 && dfa === json.compiler.anyText ? beginsCharacter(byte) : false;
    if (begins && max === 0 && byte !== 0x22) return DEAD;
    const reader: Reader = {
      step: (at, each) => dfa.step(at, each),
      free: (at) => dfa === json.compiler.anyText && at === 0,
    };
    const moved = stringStep(reader, { state, escaping }, byte, json.generating);
    if (moved === null) return DEAD;
    if (moved === "closed") return min === 0 && dfa.accepts(state) ? DONE : DEAD;
    // An escape counts when it ends, and bytes when they begin a character.
    const counts = escaping === "" ? begins && moved.escaping === "" : moved.escaping === "";
    const left = counts ? { dfa, min: Math.max(min - 1, 0), max: max - 1 } : set;
    return [[StringItem.make(json, left, moved.state, moved.escaping)]];
  }
}
