/**
 * The one validator: a value and a rule → a copy of the value with only what the rule knows, or what was wrong with it.
 *
 * Every value is read once, so a getter or a proxy cannot answer differently later. It uses only built-ins that were
 * captured when it was loaded, since the extension runs it in the realm of the page.
 */
import {
  charCodeAt,
  create,
  isArray,
  isFiniteNumber,
  isSafeInteger,
  ownKeys,
  sliceText,
  stringify,
} from "./primordials";
import type { FieldData, Infer, Json, Rule, RuleData } from "./rules";

export interface Problem {
  /** A sentence: what failed, what was expected and what came. */
  readonly problem: string;
  /** Of the field, such as messages[2].content. */
  readonly path: string;
  /** not_supported: it is known, and this implementation cannot do it. */
  readonly code: "invalid_request" | "not_supported";
}
export type Checked<T> = { readonly value: T } | Problem;

/** What one request has left. */
export interface Budget {
  /** Of counted texts, as UTF-8. */
  bytes: number;
  /** What it was at first, for the message. */
  readonly mostBytes: number;
}
interface State {
  /** What the whole value is called. */
  readonly name: string;
  readonly budget: Budget;
  found: Problem | null;
}

/** Levels of JSON in JSON. */
const MAX_DEPTH = 64;
const SHOWN_CHARACTERS = 60;
/** Thrown where a problem was found. No Error: pages may patch what makes them. */
const FOUND = create(null) as object;

export function budgetOf(mostBytes: number): Budget {
  return { bytes: mostBytes, mostBytes };
}

/** `name`: what the value is called in messages. `inside`: the path of its keys; "" where they speak for themselves. */
export function check<R extends Rule>(
  rule: R,
  value: unknown,
  name: string,
  budget: Budget,
  inside: string = name,
): Checked<Infer<R>> {
  const state: State = { name, budget, found: null };
  try {
    return { value: checked(rule, value, inside, state) as Infer<R> };
  } catch {
    // Otherwise only a getter or a proxy trap of the caller can have thrown.
    const problem = `${name} could not be read: a getter or proxy threw.`;
    return state.found ?? { problem, path: inside, code: "invalid_request" };
  }
}

function checked(rule: RuleData, value: unknown, path: string, state: State): unknown {
  switch (rule.kind) {
    case "text":
      if (typeof value !== "string") return expected(state, path, "a string", value);
      if (value.length < rule.least || value.length > rule.most)
        return expected(state, path, `a string of ${rule.least} to ${rule.most} characters`, value.length);
      if (rule.counted) count(value, path, state);
      return value;
    case "number":
      if (!(rule.integer ? isSafeInteger(value) : isFiniteNumber(value)) || !within(value as number, rule))
        return expected(state, path, `${rule.integer ? "an integer" : "a number"} ${rangeOf(rule)}`, value);
      return value;
    case "boolean":
      return typeof value === "boolean" ? value : expected(state, path, "true or false", value);
    case "null":
      return value === null ? value : expected(state, path, "null", value);
    case "choice":
      for (let i = 0; i < rule.values.length; i++) if (rule.values[i] === value) return value;
      return expected(state, path, listOf(rule.values), value);
    case "array":
      return arrayOf(rule, value, path, state);
    case "object":
      return objectOf(rule.fields, value, path, state);
    case "variants":
      return variantOf(rule, value, path, state);
    case "either":
      for (let i = 0; i < rule.rules.length; i++)
        if (fits(rule.rules[i]!, value)) return checked(rule.rules[i]!, value, path, state);
      return expected(state, path, namesOf(rule.rules), value);
    case "numbers":
      return numbersOf(rule, value, path, state);
    case "json":
      if (rule.object && !isPlainObject(value)) return expected(state, path, "an object", value);
      return copyOfJson(value, path, state, 0);
  }
}

function arrayOf(rule: RuleData & { kind: "array" }, value: unknown, path: string, state: State): unknown[] {
  if (!isArray(value)) return expected(state, path, "an array", value);
  const { length } = value;
  if (!isSafeInteger(length) || length < rule.least || length > rule.most)
    return expected(state, path, `an array of ${rule.least} to ${rule.most} items`, length);
  const copy: unknown[] = [];
  for (let i = 0; i < length; i++) copy[i] = checked(rule.item, value[i], `${path}[${i}]`, state);
  return copy;
}

/** `first`: a key and its value that have been read already. */
function objectOf(
  fields: Readonly<Record<string, FieldData>>,
  value: unknown,
  path: string,
  state: State,
  first?: readonly [string, unknown],
): Record<string, unknown> {
  if (!isPlainObject(value)) return expected(state, path, "an object", value);
  const copy: Record<string, unknown> = create(null);
  const keys = ownKeys(value);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (typeof key !== "string" || !fields[key]) return unknownKey(state, path, key);
    const at = path ? `${path}.${key}` : key;
    const given = first && first[0] === key ? first[1] : (value as Record<string, unknown>)[key];
    if (given !== undefined) field(fields[key], copy, key, given, at, state);
  }
  for (const key in fields)
    if (fields[key]!.presence === "required" && copy[key] === undefined)
      return expected(state, path ? `${path}.${key}` : key, "there");
  return copy;
}

function field(
  { presence, rule }: FieldData,
  copy: Record<string, unknown>,
  key: string,
  given: unknown,
  path: string,
  state: State,
): void {
  if (presence === "ignored" || (given === null && (presence === "nullable" || presence === "refused"))) return;
  if (presence !== "refused") {
    copy[key] = checked(rule, given, path, state);
    return;
  }
  try {
    checked(rule, given, path, state);
  } catch {
    found(state, path, `${path} is not supported here: leave it out.`, "not_supported");
  }
}

function variantOf(rule: RuleData & { kind: "variants" }, value: unknown, path: string, state: State): unknown {
  if (!isPlainObject(value)) return expected(state, path, "an object", value);
  const name = (value as Record<string, unknown>)[rule.by];
  const chosen = typeof name === "string" ? rule.of[name] : undefined;
  const at = path ? `${path}.${rule.by}` : rule.by;
  if (!chosen) {
    const names: string[] = [];
    for (const each in rule.of) names[names.length] = each;
    return expected(state, at, listOf(names), name);
  }
  if (chosen.kind !== "object")
    return found(state, path, `${at} ${shown(name)} is not supported here.`, "not_supported");
  return objectOf(chosen.fields, value, path, state, [rule.by, name]);
}

function numbersOf(rule: RuleData & { kind: "numbers" }, value: unknown, path: string, state: State): object {
  if (!isPlainObject(value)) return expected(state, path, "an object", value);
  const keys = ownKeys(value);
  if (keys.length > rule.keys) return expected(state, path, `an object of at most ${rule.keys} keys`, keys.length);
  const copy: Record<string, number> = create(null);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (typeof key !== "string" || !isSafeInteger(+key) || +key < 0 || `${+key}` !== key)
      return expected(state, path, "an object whose keys are token ids", typeof key === "string" ? key : undefined);
    const given = (value as Record<string, unknown>)[key];
    if (!isFiniteNumber(given) || !within(given as number, rule))
      return expected(state, `${path}.${key}`, `a number ${rangeOf(rule)}`, given);
    copy[key] = given as number;
  }
  return copy;
}

function copyOfJson(value: unknown, path: string, state: State, depth: number): Json {
  if (depth > MAX_DEPTH) return expected(state, path, `JSON of at most ${MAX_DEPTH} levels`);
  if (typeof value === "string") {
    count(value, path, state);
    return value;
  }
  // A value costs at least what its shortest text does, so that a budget bounds it.
  spend(1, path, state);
  if (value === null || typeof value === "boolean" || isFiniteNumber(value)) return value as Json;
  if (isArray(value)) {
    const copy: Json[] = [];
    const { length } = value;
    for (let i = 0; i < length; i++) copy[i] = copyOfJson(value[i], `${path}[${i}]`, state, depth + 1);
    return copy;
  }
  if (!isPlainObject(value)) return expected(state, path, "JSON", value);
  const copy: Record<string, Json> = create(null);
  const keys = ownKeys(value);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (typeof key !== "string") return unknownKey(state, path, key);
    count(key, path, state);
    const given = (value as Record<string, unknown>)[key];
    if (given !== undefined) copy[key] = copyOfJson(given, `${path}.${key}`, state, depth + 1);
  }
  return copy;
}

/** Of the rules of an `either`. */
function fits({ kind }: RuleData, value: unknown): boolean {
  if (kind === "text" || kind === "choice") return typeof value === "string";
  if (kind === "array") return isArray(value);
  if (kind === "number" || kind === "boolean") return typeof value === kind;
  return kind === "null" ? value === null : isPlainObject(value);
}

function isPlainObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !isArray(value);
}

function within(value: number, { least, most }: { least: number; most: number }): boolean {
  return value >= least && value <= most;
}

/** "from 0 to 5" */
export function rangeOf({ least, most }: { least: number; most: number }): string {
  return least === Number.MIN_VALUE ? `above 0 and at most ${most}` : `from ${least} to ${most}`;
}

function count(value: string, path: string, state: State): void {
  // A UTF-16 unit is at least one byte, so a string that is far too long is refused without walking it.
  spend(value.length > state.budget.bytes ? value.length : utf8Bytes(value), path, state);
}

function spend(bytes: number, path: string, state: State): void {
  const { budget } = state;
  budget.bytes -= bytes;
  if (budget.bytes < 0)
    found(state, path, `The texts of a request must have at most ${budget.mostBytes} bytes together.`);
}

function utf8Bytes(value: string): number {
  let bytes = 0;
  for (let i = 0; i < value.length; i++) {
    const unit = charCodeAt(value, i);
    // Each half of a surrogate pair counts 2; a lone one becomes U+FFFD, 3 bytes, which is close enough for a cap.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}

function found(state: State, path: string, problem: string, code: Problem["code"] = "invalid_request"): never {
  state.found = { problem, path, code };
  throw FOUND;
}

function expected(state: State, path: string, what: string, ...got: readonly unknown[]): never {
  return found(state, path, `${path || state.name} must be ${what}${got.length > 0 ? `, not ${shown(got[0])}` : ""}.`);
}

function unknownKey(state: State, path: string, key: string | symbol): never {
  const name = typeof key === "symbol" ? "with a symbol as key" : shown(key);
  return found(state, path, `Unknown option ${name} in ${path || state.name}.`);
}

function namesOf(rules: readonly RuleData[]): string {
  let names = "";
  for (let i = 0; i < rules.length; i++) {
    const { kind } = rules[i]!;
    const name = kind === "text" ? "a string" : kind === "array" ? "an array" : kind === "null" ? "null" : kind;
    names += `${i > 0 ? " or " : ""}${name === "object" || name === "variants" ? "an object" : name}`;
  }
  return names;
}

/** "a", "b" or "c" */
function listOf(values: readonly (string | boolean)[]): string {
  let list = "";
  for (let i = 0; i < values.length; i++)
    list += `${i === 0 ? "" : i === values.length - 1 ? " or " : ", "}${stringify(values[i])}`;
  return list;
}

function shown(value: unknown): string {
  if (typeof value === "string")
    return value.length > SHOWN_CHARACTERS
      ? `${stringify(sliceText(value, 0, SHOWN_CHARACTERS))}...`
      : stringify(value);
  if (typeof value === "number" || typeof value === "boolean") return `${value}`;
  return value === null ? "null" : isArray(value) ? "an array" : typeof value;
}
