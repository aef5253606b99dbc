/**
 * From the steps of a program to calls of the library's kernels: the launch plan of the CPU.
 *
 * A step is what all threads do between two barriers: a list of calls, in order, each of which every thread makes for
 * its own share. Calls are in one step where a thread reads only what it wrote itself. Kernels are told addresses and
 * sizes once, here; what changes from run to run (position, n, page numbers) they read from memory.
 *
 * NOTE the numbers come from a program whose definitions were checked against its buffers (definition_rules.ts).
 */
import { LlmError } from "../../internal/errors";
import type {
  AttentionDefinition,
  EmbedDefinition,
  LinearDefinition,
  Program,
  Step as ProgramStep,
  RmsNormDefinition,
  RopeAppendDefinition,
} from "../program";
import type { KvPool } from "./kv_pool";
import { LIBRARY } from "./library.gen";
import type { Plan, Step } from "./pool";
import { MAX_HEAD_DIM, type Regions } from "./regions";
import type { Matrix, WeightImage } from "./weights";

type Call = Step[number];

/** The samplers mean the same on every device (docs/program-interface.md), so they are not read off the program. */
function samplers(program: Program, regions: Regions): Plan {
  const { vocab_size: vocabSize } = program;
  const at = (name: string) => regions.buffer(name)!;
  const { samplingParts: parts, samplingWeights: weights, gathered } = regions;
  const [logits, state, tokens, counts, sampling] = ["logits", "state", "tokens", "token_counts", "sampling"].map(at);
  return {
    sample_greedy: [[["argmax_share", logits!, parts, vocabSize]], [["argmax_finish", parts, state!, tokens!]]],
    sample: [
      [["penalize_share", logits!, counts!, sampling!, weights, parts, vocabSize]],
      [["exp_share", weights, parts, vocabSize]],
      [["draw", weights, parts, sampling!, counts!, state!, tokens!, gathered, vocabSize]],
    ],
  };
}

/** Weights stand at `weightBase`. Errors: unsupported_device for a program that the CPU's kernels cannot run. */
export function lower(program: Program, regions: Regions, image: WeightImage, weightBase: number, kv: KvPool): Plan {
  if (program.head_dim > MAX_HEAD_DIM)
    throw unsupported(`heads of ${program.head_dim} values; its kernels take ${MAX_HEAD_DIM}`);
  if (program.page_size !== LIBRARY.kv_page_tokens)
    throw unsupported(`pages of ${program.page_size} tokens; its kernels take ${LIBRARY.kv_page_tokens}`);
  const plan: Record<string, readonly Step[]> = { ...samplers(program, regions) };
  for (const name of ["prefill", "decode"]) {
    const steps = program.functions.get(name) ?? [];
    const lowering = new Lowering(program, regions, image, weightBase, kv, name === "prefill");
    for (const step of steps) lowering.add(step);
    plan[name] = lowering.steps;
  }
  return plan;
}

class Lowering {
  readonly steps: Step[] = [];
  private readonly n: number;
  private readonly tables = new Set<string>();

  constructor(
    private readonly program: Program,
    private readonly regions: Regions,
    private readonly image: WeightImage,
    private readonly weightBase: number,
    private readonly kv: KvPool,
    private readonly prefill: boolean,
  ) {
    this.n = prefill ? regions.n : regions.one;
  }

  add(step: ProgramStep): void {
    const { definition } = this.program.operators.get(step.operator)!;
    switch (definition.op) {
      case "embed":
        this.embed(definition, step);
        break;
      case "rms_norm":
        this.rmsNorm(definition, step);
        break;
      case "linear":
        this.linear(definition, step);
        break;
      case "rope_append":
        this.ropeAppend(definition, step);
        break;
      case "attention":
        this.attention(definition, step);
        break;
      default:
        throw unsupported(`the operator ${step.operator}, which only its GPU kernels define`);
    }
  }

  private embed({ columns }: EmbedDefinition, step: ProgramStep): void {
    const w = this.matrix(step);
    const name = step.arguments.get("token_ids")!;
    // state[0] is the token id.
    const head = [this.address(name), w.address, this.target(step, "out"), this.n, columns];
    if (w.grouped) this.steps.push([[`embed_${w.format}`, ...head, w.kBlocks, w.zero]]);
    else this.steps.push([[`embed_${w.format}`, ...head]]);
  }

  private rmsNorm({ columns, eps }: RmsNormDefinition, step: ProgramStep): void {
    const gain = this.vector(step, "gain");
    this.steps.push([
      ["rms_norm", this.target(step, "x"), gain, this.target(step, "out"), this.n, columns, floatBits(eps)],
    ]);
  }

  private linear(definition: LinearDefinition, step: ProgramStep): void {
    const { rows, swiglu } = definition;
    const w = this.matrix(step);
    const width = swiglu ? rows / 2 : rows;
    // A prefill's rows follow each other without a gap; one token's may end in the middle of a block.
    if (width % 4 !== 0 && (this.prefill || swiglu))
      throw unsupported(`${step.operator} with ${width} outputs, which is no multiple of 4`);
    const blocks = Math.ceil(width / 4);
    const out = this.target(step, "out");
    const parts = swiglu
      ? [
          { y: this.regions.gate, first: 0 },
          { y: this.regions.up, first: blocks },
        ]
      : [{ y: out, first: 0 }];
    const { before, product } = this.product(definition, step, w, blocks);
    const calls: Call[] = [...before];
    for (const { y, first } of parts) {
      calls.push(product(y, first));
      if (definition.bias) calls.push(["add_bias", y, this.vector(step, "bias") + first * 16, this.n, blocks]);
    }
    if (swiglu) calls.push(["swiglu", this.regions.gate, this.regions.up, out, this.n, blocks]);
    if (definition.residual) calls.push(["add", out, this.target(step, "residual"), this.n, blocks]);
    this.steps.push(calls);
  }

  /** What prepares the input (some of it in steps of its own), and the product of `blocks` groups of rows from `first` on. */
  private product(
    { columns, norm_eps: eps }: LinearDefinition,
    step: ProgramStep,
    w: Placed,
    blocks: number,
  ): { before: Call[]; product: (y: number, first: number) => Call } {
    const { regions, n } = this;
    let x = this.target(step, "x");
    const rowsAt = (first: number) => w.address + first * w.blockRowBytes;
    if (this.prefill && eps !== null) throw unsupported(`${step.operator}, which folds a norm into prefill`);
    if (!w.grouped) {
      if (eps !== null) {
        this.steps.push([["rms_norm", x, this.vector(step, "gain"), regions.normed, n, columns, floatBits(eps)]]);
        x = regions.normed;
      }
      return {
        before: [],
        product: (y, first) => [`matmul_${w.format}`, x, rowsAt(first), y, n, columns, blocks],
      };
    }
    // 8-bit weights meet fine activations, and their kernels need the sums of the rows.
    const quantize = w.sums === null ? "quantize" : "quantize_fine";
    const sumsAt = (first: number) => (w.sums === null ? [] : [this.weightBase + w.sums + first * 16]);
    const sizes = [w.kBlocks, blocks, w.zero];
    if (this.prefill) {
      this.steps.push([[quantize, x, regions.blocks, n, columns, w.kBlocks]]);
      return {
        before: [],
        product: (y, first) => [`gemm_${w.format}`, regions.blocks, rowsAt(first), ...sumsAt(first), y, n, ...sizes],
      };
    }
    const before: Call[] = [];
    let stride = 0;
    if (eps !== null) {
      stride = regions.ownNormedStride;
      before.push(["rms_norm_own", x, this.vector(step, "gain"), regions.ownNormed, stride, columns, floatBits(eps)]);
      x = regions.ownNormed;
    }
    const own = regions.ownBlocksStride;
    before.push([`${quantize}_own`, x, regions.ownBlocks, stride, own, columns, w.kBlocks]);
    return {
      before,
      product: (y, first) => [`gemv_${w.format}`, regions.ownBlocks, rowsAt(first), ...sumsAt(first), y, own, ...sizes],
    };
  }

  private ropeAppend(definition: RopeAppendDefinition, step: ProgramStep): void {
    const { heads, kv_heads, head_dim, attention_scaling } = definition;
    const frequencies = step.arguments.get("inv_freq")!;
    const key = JSON.stringify([frequencies, attention_scaling, definition.dynamic]);
    const { table, dynamic } = this.regions.ropeTable(key, head_dim, dynamicBytes(definition));
    const state = this.address("state");
    if (!this.tables.has(key)) {
      // Once for all layers. The step before is this layer's, so a barrier stands between.
      this.tables.add(key);
      const scaling = floatBits(attention_scaling);
      const inverse = this.address(frequencies);
      this.steps.push([["rope_table", inverse, state, table, this.n, dynamic, head_dim / 2, scaling]]);
    }
    const q = this.regions.query(step.arguments.get("q")!, definition);
    this.steps.push([
      [
        "rope_append",
        this.target(step, "qkv"),
        table,
        state,
        this.address("block_table"),
        this.kv.base,
        this.regions.ropeScratch,
        this.n,
        q,
        heads,
        kv_heads,
        head_dim,
        this.kv.headStride,
        this.kvOffset(step, "k_pages"),
        this.kvOffset(step, "v_pages"),
      ],
    ]);
  }

  private attention(definition: AttentionDefinition, step: ProgramStep): void {
    const { heads, kv_heads, head_dim } = definition;
    const { regions, kv } = this;
    const out = this.target(step, "out");
    const q = regions.query(step.arguments.get("q")!, definition);
    const phase = this.prefill ? "prefill" : "decode";
    const inputs = [q, kv.base, this.address("block_table"), this.address("state"), regions.attentionScratch];
    const results = this.prefill ? [out, this.n] : [regions.parts];
    const most = Math.max(...LIBRARY.heads_at_once);
    const group = heads / kv_heads;
    const calls: Call[] = [];
    for (let first = 0; first < group; first += most) {
      calls.push([
        `attention_${phase}_${Math.min(most, group - first)}`,
        ...inputs,
        ...results,
        heads,
        kv_heads,
        head_dim,
        kv.headStride,
        this.kvOffset(step, "k_pages"),
        this.kvOffset(step, "v_pages"),
        first,
        regions.attentionStride,
      ]);
    }
    this.steps.push(calls);
    if (!this.prefill) this.steps.push([["attention_combine", regions.parts, out, heads, head_dim]]);
  }

  private matrix(step: ProgramStep): Placed {
    const matrix = this.image.matrix(step.arguments.get("w")!);
    return { ...matrix, address: this.weightBase + matrix.offset };
  }

  private vector(step: ProgramStep, argument: string): number {
    return this.weightBase + this.image.vector(step.arguments.get(argument)!);
  }

  private target(step: ProgramStep, argument: string): number {
    return this.address(step.arguments.get(argument)!);
  }

  private address(name: string): number {
    const address = this.regions.buffer(name);
    if (address === undefined) throw unsupported(`${name} where its kernels want a buffer or constant`);
    return address;
  }

  private kvOffset(step: ProgramStep, argument: string): number {
    return this.kv.offset(step.arguments.get(argument)!);
  }
}

type Placed = Matrix & { readonly address: number };

/** The int32 with the bits of a float32: kernels take int32 scalars only. */
function floatBits(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0]!;
}

/** What rope_table wants to know: see operators/rope_append/cpu.py. */
function dynamicBytes({ head_dim, dynamic }: RopeAppendDefinition): Uint8Array {
  const bytes = new ArrayBuffer(32);
  if (dynamic) {
    const { theta, factor, max_position_embeddings: trained } = dynamic;
    new Float32Array(bytes).set([Math.log(theta), head_dim / (head_dim - 2), factor / trained, factor - 1]);
    new Int32Array(bytes)[4] = trained;
    new Float32Array(bytes)[5] = -2 / head_dim;
  }
  return new Uint8Array(bytes);
}

function unsupported(what: string): LlmError {
  return new LlmError("unsupported_device", `The CPU cannot run this model: it has ${what}. Use a GPU.`);
}
