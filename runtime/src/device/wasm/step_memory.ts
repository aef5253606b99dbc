/**
 * Where the memory lies that the lowerings of a program's steps declare (lowering.ts).
 *
 * NOTE its sizes follow from definitions whose limits were checked (definition_rules.ts), and are those of the largest
 * definition that shares a place, so no kernel reaches beyond its own.
 */
import { LlmError } from "../../internal/errors";
import { roundUp } from "../../internal/round_up";
import type { Symbols } from "../expression";
import type { Memory, Real, Word } from "./lowering";
import { Layout } from "./memory";
import { numberOf, type PlannedFunctions, type PlannedStep } from "./planned_step";

export interface Place {
  readonly address: number;
  /** Bytes between the threads' parts. */
  readonly stride: number;
}

/** What is written once, before the first run. */
export interface Initial {
  readonly address: number;
  readonly bytes: Uint8Array;
}

const THREAD_ALIGNMENT = 64;

export class StepMemory {
  readonly initial: Initial[] = [];
  private readonly places = new Map<string, Place>();

  constructor(layout: Layout, functions: PlannedFunctions, threads: number) {
    /** The largest size by key; the scratch of each operator by itself. */
    const lasting = new Map<string, number>();
    const scratch = new Map<string, Map<string, { nbytes: number; perThread: boolean }>>();
    const numbers = new Map<string, Uint8Array>();
    const seen = new Set<Symbols>();
    for (const step of [...functions.values()].flat()) {
      // Of an operator that was there before only the memory that follows from the arrays may be new.
      const isNew = !seen.has(step.symbols);
      seen.add(step.symbols);
      for (const memory of step.lowering.memory) {
        if (!isNew && !isOfArrays(memory)) continue;
        const key = keyOf(step, memory);
        if (memory.kind === "numbers") {
          const bytes = wordsOf(memory.values, numberOf(memory.when, step.symbols) !== 0, step.symbols);
          numbers.set(key, bytes);
          lasting.set(key, bytes.length);
          continue;
        }
        const nbytes = numberOf(memory.nbytes, step.symbols);
        if (memory.kind !== "scratch") {
          lasting.set(key, Math.max(nbytes, lasting.get(key) ?? 0));
          continue;
        }
        const own = scratch.get(step.definition.op) ?? new Map();
        scratch.set(step.definition.op, own);
        own.set(key, { nbytes: Math.max(nbytes, own.get(key)?.nbytes ?? 0), perThread: memory.per_thread });
      }
    }
    for (const [key, nbytes] of lasting) this.places.set(key, { address: layout.region(nbytes), stride: 0 });
    for (const [key, bytes] of numbers) this.initial.push({ address: this.places.get(key)!.address, bytes });
    // A barrier stands behind each step of the program, so the scratch of all operators may begin at the same place.
    const base = layout.end;
    let end = base;
    for (const own of scratch.values()) {
      const overlaid = new Layout(base);
      for (const [key, { nbytes, perThread }] of own) {
        const stride = perThread ? roundUp(nbytes, THREAD_ALIGNMENT) : 0;
        this.places.set(key, { address: overlaid.region(perThread ? stride * threads : nbytes), stride });
      }
      end = Math.max(end, overlaid.end);
    }
    layout.region(end - base);
  }

  place(step: PlannedStep, memory: Memory): Place {
    return this.places.get(keyOf(step, memory))!;
  }
}

/** Whether steps of the same operator may have it in several places. */
export function isOfArrays({ kind }: Memory): boolean {
  return kind === "form" || kind === "table";
}

/** Names the memory: steps with the same key share it. */
export function keyOf(step: PlannedStep, memory: Memory): string {
  const { definition, arguments: given, symbols } = step;
  const { kind, name } = memory;
  switch (kind) {
    case "scratch":
      return `${kind} ${definition.op} ${name}`;
    case "form":
      return `${kind} ${name} ${given.get(memory.argument)}`;
    case "table":
      return JSON.stringify([kind, definition.op, name, keyValues(memory.key, step)]);
    case "numbers": {
      const words = wordsOf(memory.values, numberOf(memory.when, symbols) !== 0, symbols);
      return JSON.stringify([kind, definition.op, name, [...words]]);
    }
  }
}

/** Null for an argument that the definition lacks. */
function keyValues(key: readonly string[], { declaration, arguments: given, symbols }: PlannedStep) {
  return key.map((name) => {
    if (declaration.arguments.some((argument) => argument.name === name)) return given.get(name) ?? null;
    return numberOf(name, symbols);
  });
}

function wordsOf(values: readonly Word[], written: boolean, symbols: Symbols): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(values.length * 4));
  if (written) {
    values.forEach((word, i) => {
      if ("int32" in word) bytes.setInt32(4 * i, numberOf(word.int32, symbols), true);
      else bytes.setFloat32(4 * i, realOf(word.float32, symbols), true);
    });
  }
  return new Uint8Array(bytes.buffer);
}

function realOf(real: Real, symbols: Symbols): number {
  if (typeof real === "number") return real;
  if (typeof real === "string") return numberOf(real, symbols);
  if (real[0] === "log") return Math.log(realOf(real[1], symbols));
  const [left, right] = [realOf(real[1], symbols), realOf(real[2], symbols)];
  switch (real[0]) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    default:
      throw new LlmError("internal", `A lowering has the operation ${String(real[0])}.`);
  }
}
