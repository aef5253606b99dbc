/**
 * Where everything but weights and KV cache lies in the memory of a model on the CPU: the threads' stacks, the program's
 * own buffers, and what the kernels need between them.
 */
import type { Program } from "../program";
import { bufferBytes } from "../program_rules";
import { CONTROL_BYTES } from "./barrier";
import { LIBRARY } from "./library.gen";
import type { Layout } from "./memory";
import type { PlannedFunctions } from "./planned_step";
import { type Initial, StepMemory } from "./step_memory";

const STACK_BYTES = LIBRARY.stack_bytes;

export interface RegionSizes {
  readonly threads: number;
  /** Sequences that recurrent_state buffers remember. */
  readonly stateSlots: number;
  /** Block tables of the KV cache. */
  readonly blockTables: number;
}

/** Where the steps find what they are given. */
export interface PlacedRegions extends Pick<Regions, "n" | "one" | "buffer" | "blockTable"> {
  readonly steps: Pick<StepMemory, "place">;
}

export class Regions {
  /** Stack of each thread: its first address; the stack pointer begins at its end. */
  readonly stacks: readonly number[];
  readonly stackBytes = STACK_BYTES;
  /** Int32 words of the thread pool. */
  readonly control: number;
  /** int32: the symbol n of prefill, and a 1. */
  readonly n: number;
  readonly one: number;
  /** What streaming reads add up to: 16 bytes a thread. */
  readonly bandwidthSums: number;
  /** What the steps' lowerings declare. */
  readonly steps: StepMemory;
  /** What is written once, before the first run. */
  readonly initial: readonly Initial[];

  private readonly buffers = new Map<string, number>();
  private readonly sizes = new Map<string, number>();
  /** Of table 0 it is the buffer block_table. */
  private readonly blockTables: readonly number[];

  constructor(
    layout: Layout,
    program: Program,
    functions: PlannedFunctions,
    { threads, stateSlots, blockTables }: RegionSizes,
  ) {
    this.stacks = Array.from({ length: threads }, () => layout.region(STACK_BYTES));
    this.control = layout.region(CONTROL_BYTES);
    this.n = layout.region(4);
    this.one = layout.region(4);
    this.bandwidthSums = layout.region(16 * threads);
    this.steps = new StepMemory(layout, functions, threads);
    const initial = [{ address: this.one, bytes: new Uint8Array(Int32Array.of(1).buffer) }, ...this.steps.initial];
    for (const buffer of program.buffers.values()) {
      if (buffer.kind === "kv_cache") continue;
      const nbytes = bufferBytes(buffer, program) * (buffer.kind === "recurrent_state" ? stateSlots : 1);
      this.buffers.set(buffer.name, layout.region(nbytes));
      this.sizes.set(buffer.name, nbytes);
    }
    for (const { name, data } of program.constants.values()) {
      const address = layout.region(data.byteLength);
      this.buffers.set(name, address);
      initial.push({ address, bytes: data });
    }
    const tableBytes = this.sizes.get("block_table") ?? 0;
    const others = Array.from({ length: Math.max(0, blockTables - 1) }, () => layout.region(tableBytes));
    this.blockTables = [this.buffers.get("block_table") ?? 0, ...others];
    this.initial = initial;
  }

  /** The address of a buffer or constant of the program. */
  buffer(name: string): number | undefined {
    return this.buffers.get(name);
  }

  bufferSize(name: string): number | undefined {
    return this.sizes.get(name);
  }

  blockTable(table: number): number {
    return this.blockTables[table]!;
  }
}
