/**
 * Runs the constraint engine for tests/parity/test_constraints.py: schemas of JSON on stdin, one result each on stdout.
 *
 * For each schema: whether it is accepted, for each instance (a text) whether the grammar accepts it, and answers that are
 * generated at random under masks over a small vocabulary. The random generator is seeded.
 */
import { readFileSync } from "node:fs";
import { type Constraint, Constraints, judge } from "../../runtime/src/constraint/index";
import { LlmError } from "../../runtime/src/internal/errors";

interface Job {
  readonly seed: number;
  readonly generations: number;
  /** Tokens beside the 256 single bytes. */
  readonly words: readonly string[];
  readonly formats: "assert" | "ignore";
  readonly schemas: readonly { readonly schema: object | boolean; readonly instances: readonly string[] }[];
}

interface Outcome {
  readonly refused: { readonly code: string; readonly message: string; readonly detail: unknown } | null;
  readonly valid: readonly boolean[];
  readonly generated: readonly string[];
  /** Generations that met a state without a token, or had no end in many tries. */
  readonly stuck: readonly string[];
}

const MAX_TOKENS = 500;
/** From here on what closes is preferred. */
const LONG = 60;
/** A random walk need not find the one value that is asked for; a dead end is none of them. */
const TRIES = 20;

const job = JSON.parse(readFileSync(0, "utf8")) as Job;
const encoder = new TextEncoder();
const tokens = [
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  ...job.words.map((word) => encoder.encode(word)),
];
const END = tokens.length;
const constraints = new Constraints({
  size: tokens.length + 1,
  bytesOf: (id) => tokens[id] ?? null,
  idOf: () => undefined,
  encode: (text) => Array.from(encoder.encode(text)),
  endIds: new Set([END]),
  droppedSpaces: 0,
});

let state = job.seed >>> 0 || 1;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

process.stdout.write(JSON.stringify(job.schemas.map(({ schema, instances }) => outcomeOf(schema, instances))));

function outcomeOf(schema: object | boolean, instances: readonly string[]): Outcome {
  const format = { type: "schema", schema };
  try {
    const first = job.generations > 0 ? compiled(format) : null;
    const accepts = judge(format, job.formats);
    const valid = instances.map(accepts);
    const generated: string[] = [];
    const stuck: string[] = [];
    for (let i = 0; first && i < job.generations; i++) {
      const { text, ended } = generate(first);
      (ended ? generated : stuck).push(text);
    }
    return { refused: null, valid, generated, stuck };
  } catch (thrown) {
    if (!(thrown instanceof LlmError)) throw thrown;
    return { refused: thrown.toWire() as Outcome["refused"], valid: [], generated: [], stuck: [] };
  }
}

/** Null: no value fits the schema, so that nothing can be generated. */
function compiled(format: object): Constraint | null {
  try {
    return constraints.compile(format);
  } catch (thrown) {
    if (thrown instanceof LlmError && thrown.code === "invalid_request" && thrown.message.includes("nothing does"))
      return null;
    throw thrown;
  }
}

function generate(first: Constraint): { text: string; ended: boolean } {
  for (let tries = 1; ; tries++) {
    const { text, ended } = walk(first.fork());
    if (ended !== null || tries === TRIES) return { text, ended: ended === true };
  }
}

/** `ended` false: nothing may follow. Null: it has no end yet. */
function walk(constraint: Constraint): { text: string; ended: boolean | null } {
  const bytes: number[] = [];
  for (let count = 0; count < MAX_TOKENS; count++) {
    const forced = constraint.forced();
    const id = forced.length > 0 ? forced[0]! : choose(constraint, count);
    if (id === null) return { text: decode(bytes), ended: false };
    if (id === END) return { text: decode(bytes, true), ended: true };
    constraint.accept(id);
    bytes.push(...tokens[id]!);
  }
  return { text: decode(bytes), ended: null };
}

function choose(constraint: Constraint, count: number): number | null {
  const mask = constraint.mask();
  const allowed: number[] = [];
  for (let id = 0; id <= END; id++) if (mask[id >> 5]! & (1 << (id & 31))) allowed.push(id);
  if (allowed.length === 0) return null;
  if (constraint.complete !== allowed.includes(END))
    throw new Error("The end is allowed exactly where it is complete.");
  if (count > LONG) {
    if (constraint.complete) return END;
    const closing = ['"', "}", "]", "null", "0"].flatMap((text) =>
      allowed.filter((id) => decode([...(tokens[id] ?? [])]) === text),
    );
    if (closing.length > 0 && random(8) > 0) return closing[0]!;
  }
  return allowed[random(allowed.length)]!;
}

function decode(bytes: readonly number[], fatal = false): string {
  return new TextDecoder("utf-8", { fatal, ignoreBOM: true }).decode(Uint8Array.from(bytes));
}
