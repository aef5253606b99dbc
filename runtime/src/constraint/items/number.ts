/**
 * Numbers of JSON. Judged: any spelling, exactly. Generated: without an exponent and with no more digits than a double
 * holds, so that every reader of the answer sees the number that was meant.
 */
import { type Alternatives, DEAD, Item, type Machine } from "../machine";
import { compare, type Decimal, decimalOf, integer, parseDecimal, scaled } from "../schema/decimal";
import { contains, type NumberSet, numberSetKey } from "../schema/number_set";

const WHOLE_DIGITS = 15;
const DECIMALS = 6;
/** Numbers that are tried on either end of a range before it is given up. */
const TRIED = 48n;

const WHOLE = "-?(?:0|[1-9]\\d*)";
const SPELLING = new RegExp(`^(?:-?|${WHOLE}(?:\\.\\d*)?|${WHOLE}(?:\\.\\d+)?[eE][+-]?\\d*)$`);
const COMPLETE = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const MAX_LENGTH = 4096;

export class NumberItem extends Item {
  private constructor(
    private readonly machine: Machine,
    private readonly kind: NumberKind,
    private readonly text: string,
  ) {
    super();
  }

  static make(machine: Machine, kind: NumberKind, text = ""): NumberItem {
    return machine.item(`number ${kind.key} ${text}`, () => new NumberItem(machine, kind, text));
  }

  override get ends(): boolean {
    return this.kind.ends(this.text);
  }

  protected override step(byte: number): Alternatives {
    const { machine, kind, text } = this;
    const longer = text + String.fromCharCode(byte);
    return kind.goesOn(longer) ? [[NumberItem.make(machine, kind, kind.short(longer))]] : DEAD;
  }
}

export interface NumberKind {
  readonly key: string;
  ends(text: string): boolean;
  /** Whether `text` is a number or the beginning of one. */
  goesOn(text: string): boolean;
  /** A text after which the same follows. */
  short(text: string): string;
}

export function judgedNumber(set: NumberSet): NumberKind {
  return {
    key: `judged ${numberSetKey(set)}`,
    ends(text) {
      const value = COMPLETE.test(text) ? parseDecimal(text) : null;
      return value !== null && contains(set, value);
    },
    goesOn: (text) => text.length <= MAX_LENGTH && SPELLING.test(text),
    short: (text) => text,
  };
}

export function writtenNumber(set: NumberSet): NumberKind {
  const decimals = set.multipleOf
    ? set.multipleOf.scale
    : Math.max(DECIMALS, 1 + Math.max(places(set.low), places(set.high)));
  const whole = Math.max(WHOLE_DIGITS, digitsOf(set.low?.value), digitsOf(set.high?.value));
  const fraction = decimals > 0 ? `(?:\\.\\d{0,${decimals}})?` : "";
  const form = new RegExp(`^-?(?:(?:0|[1-9]\\d{0,${whole - 1}})${fraction})?$`);
  const plain = set.low === null && set.high === null && set.notMultipleOf.length === 0;
  const free = plain && (set.multipleOf === null || compare(set.multipleOf, integer(1)) === 0);
  const ends = (text: string) => COMPLETE.test(text) && fits(set, text);
  return {
    key: `written ${numberSetKey(set)}`,
    ends,
    goesOn(text) {
      if (!form.test(text)) return false;
      return free || ends(text) || someEnd(set, text, whole, decimals, ends);
    },
    // How many digits there are is all that counts.
    short: (text) => (free ? text.replace(/[1-9]/g, "1").replace(/(?<=[1-9]\d*)0|(?<=\.\d*)0/g, "1") : text),
  };
}

/** Whether there is a number that can be written. */
export function canBeWritten(set: NumberSet): boolean {
  return writtenNumber(set).goesOn("");
}

/** The decimal itself and the double that readers make of it, and a multiple also for those who divide doubles. */
function fits(set: NumberSet, text: string): boolean {
  const value = parseDecimal(text);
  if (!value || !contains(set, value)) return false;
  const double = Number(text);
  if (!Number.isFinite(double)) return false;
  if (compare(decimalOf(double), value) !== 0 && !contains(set, decimalOf(double))) return false;
  const { multipleOf } = set;
  if (!multipleOf || multipleOf.scale === 0) return set.notMultipleOf.every((each) => !dividesRoughly(double, each));
  return Number.isInteger(double / toDouble(multipleOf));
}

function dividesRoughly(double: number, by: Decimal): boolean {
  return by.scale > 0 && Number.isInteger(double / toDouble(by));
}

function toDouble({ digits, scale }: Decimal): number {
  return Number(`${digits}e-${scale}`);
}

function places(bound: NumberSet["low"]): number {
  return bound?.value.scale ?? 0;
}

function digitsOf(value: Decimal | undefined): number {
  if (!value) return 0;
  return Math.max(1, String(value.digits < 0n ? -value.digits : value.digits).length - value.scale);
}

/** Whether `is` holds for a number that begins with `text`: those near the ends of the set's interval are tried. */
function someEnd(
  set: NumberSet,
  text: string,
  whole: number,
  decimals: number,
  is: (text: string) => boolean,
): boolean {
  const negative = text.startsWith("-");
  const [front = "", back] = (negative ? text.slice(1) : text).split(".");
  if (front === "") {
    const signs = negative ? ["-"] : ["", "-"];
    return signs.some((sign) => DIGITS.some((digit) => someEnd(set, sign + digit, whole, decimals, is)));
  }
  const longest = back !== undefined || front === "0" ? front.length : whole;
  for (let length = front.length; length <= longest; length++) {
    // All numbers that begin like that and have this many digits before the point, times 10^decimals.
    const unit = 10n ** BigInt(length - front.length + decimals - (back?.length ?? 0));
    const low = BigInt(front + (back ?? "")) * unit;
    const write = (value: bigint) => {
      const digits = value.toString().padStart(length + decimals, "0");
      const fraction = decimals > 0 ? digits.slice(-decimals) : "";
      const least = fraction.replace(/0+$/, "");
      // What is there already stays, zeros too.
      const kept = back === undefined ? least : fraction.slice(0, Math.max(least.length, back.length, 1));
      return `${negative ? "-" : ""}${digits.slice(0, length)}${kept === "" ? "" : `.${kept}`}`;
    };
    if (someInRange(set, low, low + unit - 1n, negative, decimals, (value) => is(write(value)))) return true;
  }
  return false;
}

const DIGITS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** Of the numbers low to high (absolute values, times 10^decimals), those at both ends of what the set may have. */
function someInRange(
  set: NumberSet,
  low: bigint,
  high: bigint,
  negative: boolean,
  decimals: number,
  is: (value: bigint) => boolean,
): boolean {
  const least = edge(set.low, decimals, true);
  const most = edge(set.high, decimals, false);
  const [from, to] = negative ? [most === null ? null : -most, least === null ? null : -least] : [least, most];
  const first = from !== null && from > low ? from : low;
  const last = to !== null && to < high ? to : high;
  const step = set.multipleOf ? scaled(set.multipleOf, decimals) : 1n;
  const begin = ((first + step - 1n) / step) * step;
  const finish = (last / step) * step;
  for (let i = 0n, value = begin; i < TRIED && value <= last; i++, value += step) if (is(value)) return true;
  for (let i = 0n, value = finish; i < TRIED && value >= first; i++, value -= step) if (is(value)) return true;
  return false;
}

/** The first (up) or last number on a bound's right side, times 10^decimals. */
function edge(bound: NumberSet["low"], decimals: number, up: boolean): bigint | null {
  if (!bound) return null;
  const scale = Math.max(decimals, bound.value.scale);
  const digits = scaled(bound.value, scale);
  const unit = 10n ** BigInt(scale - decimals);
  const floor = digits / unit - (digits % unit < 0n ? 1n : 0n);
  return up && digits % unit !== 0n ? floor + 1n : floor;
}
