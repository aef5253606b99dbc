/** Exact decimal numbers: digits · 10^-scale. */

export interface Decimal {
  readonly digits: bigint;
  /** At least 0. */
  readonly scale: number;
}

/** An exponent beyond this is further than any number of a schema or answer that means something. */
const MAX_EXPONENT = 2000;

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Null: no number of JSON, or one that is absurdly large or small. */
export function parseDecimal(text: string): Decimal | null {
  const found = NUMBER.exec(text);
  if (found === null) return null;
  const [, sign, whole, fraction = "", exponent = "0"] = found;
  const power = Number(exponent);
  if (Math.abs(power) > MAX_EXPONENT) return null;
  const digits = BigInt(`${sign}${whole}${fraction}`);
  const scale = fraction.length - power;
  return reduced(scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 });
}

/** Of a finite number of JavaScript: the shortest decimal that stands for it, as JSON writes it. */
export function decimalOf(value: number): Decimal {
  return parseDecimal(String(value))!;
}

export function integer(value: number | bigint): Decimal {
  return { digits: BigInt(value), scale: 0 };
}

function reduced({ digits, scale }: Decimal): Decimal {
  let [rest, places] = [digits, scale];
  while (places > 0 && rest % 10n === 0n) {
    rest /= 10n;
    places -= 1;
  }
  return { digits: rest, scale: places };
}

/** Digits of the number times 10^scale; `scale` is at least its own. */
export function scaled(value: Decimal, scale: number): bigint {
  return value.digits * 10n ** BigInt(scale - value.scale);
}

export function compare(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const difference = scaled(a, scale) - scaled(b, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function isMultiple(value: Decimal, of: Decimal): boolean {
  const scale = Math.max(value.scale, of.scale);
  return scaled(value, scale) % scaled(of, scale) === 0n;
}

/** Both positive. */
export function leastCommonMultiple(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  const [x, y] = [scaled(a, scale), scaled(b, scale)];
  let [divisor, rest] = [x, y];
  while (rest !== 0n) [divisor, rest] = [rest, divisor % rest];
  return reduced({ digits: (x / divisor) * y, scale });
}

export function decimalText({ digits, scale }: Decimal): string {
  return `${digits}e-${scale}`;
}
