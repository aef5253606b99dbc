/** Bytes that are written as they are: literals, automata, and the white space of JSON. */
import type { Dfa } from "../automaton/dfa";
import { type Alternatives, DEAD, DONE, Item, type Machine } from "../machine";

/** The bytes of `bytes` from `at` on. */
export class LiteralItem extends Item {
  private constructor(
    private readonly machine: Machine,
    private readonly bytes: string,
    private readonly at: number,
  ) {
    super();
  }

  /** Of ASCII text, which is not empty. */
  static make(machine: Machine, text: string, at = 0): LiteralItem {
    return machine.item(`literal ${at} ${text}`, () => new LiteralItem(machine, text, at));
  }

  protected override step(byte: number): Alternatives {
    if (byte !== this.bytes.charCodeAt(this.at)) return DEAD;
    const next = this.at + 1;
    return next === this.bytes.length ? DONE : [[LiteralItem.make(this.machine, this.bytes, next)]];
  }
}

/** Text that an automaton accepts, from one of its states on. */
export class AutomatonItem extends Item {
  private constructor(
    private readonly machine: Machine,
    private readonly dfa: Dfa,
    private readonly state: number,
  ) {
    super();
  }

  static make(machine: Machine, dfa: Dfa, state: number = dfa.start): AutomatonItem {
    return machine.item(`automaton ${dfa.serial} ${state}`, () => new AutomatonItem(machine, dfa, state));
  }

  override get ends(): boolean {
    return this.dfa.accepts(this.state);
  }

  protected override step(byte: number): Alternatives {
    const next = this.dfa.step(this.state, byte);
    if (next < 0) return DEAD;
    return this.dfa.isLast(next) ? DONE : [[AutomatonItem.make(this.machine, this.dfa, next)]];
  }
}

export class TokenItem extends Item {
  private constructor(private readonly id: number) {
    super();
  }

  static make(machine: Machine, id: number): TokenItem {
    return machine.item(`token ${id}`, () => new TokenItem(id));
  }

  override get tokenId(): number {
    return this.id;
  }
}

const SPACE = 0x20;
const TAB = 0x09;
const NEW_LINE = 0x0a;
/** Longer indents, and more than one line end, a model does not need and may never stop writing. */
const MAX_INDENT = 32;

export function isSpace(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === NEW_LINE || byte === 0x0d;
}

/** White space where JSON allows any: all of it when values are judged, a space or a line end and an indent when written. */
export class SpaceItem extends Item {
  private constructor(
    private readonly machine: Machine,
    private readonly left: number | "any" | "first",
  ) {
    super();
  }

  static make(machine: Machine, left: number | "any" | "first"): SpaceItem {
    return machine.item(`space ${left}`, () => new SpaceItem(machine, left));
  }

  /** Generated white space that began with `byte`, before a closing bracket. */
  static before(machine: Machine, byte: number, then: Item): Alternatives {
    return SpaceItem.make(machine, "first")
      .step(byte)
      .map((items) => [...items, then]);
  }

  override get ends(): boolean {
    return true;
  }

  protected override step(byte: number): Alternatives {
    const { machine, left } = this;
    if (left === "any") return isSpace(byte) ? [[this]] : DEAD;
    if (left === "first")
      return byte === SPACE ? DONE : byte === NEW_LINE ? [[SpaceItem.make(machine, MAX_INDENT)]] : DEAD;
    return left > 0 && (byte === SPACE || byte === TAB) ? [[SpaceItem.make(machine, left - 1)]] : DEAD;
  }
}
