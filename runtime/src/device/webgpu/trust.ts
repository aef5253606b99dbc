/**
 * Which kernels this device computes rightly: each one that a plan uses computes a small known case once, beside the
 * loading of the weights, and a probe looks at the subgroups. What is wrong is not used, and the next plan has the
 * next kernels. Verdicts are remembered for the adapter and the library.
 */
import type { DerivedFiles } from "../../internal/files";
import { definitionSymbols, kernelSymbols } from "../definition";
import { evaluate } from "../expression";
import type { Capabilities, Device } from "./device";
import { readsSubnormalHalves } from "./half_probe";
import { withNumbers } from "./kernel_choice";
import type { KnownAnswer } from "./known_answer";
import { type KernelLibrary, LIBRARY_HASH } from "./library";
import type { PipelineCompiler } from "./pipelines";
import { pipelineSpec, type UsedOperator } from "./plan";
import { probeSubgroups, type Subgroups } from "./subgroup_probe";
import { type Dispatch, type Trial, wrongTrials } from "./trials";
import { uniformBytes } from "./uniforms";

const FILE_NAME = "known-answers";
const SCRATCH_ITEM_BYTES = 4;
const MOST_REMEMBERED_BYTES = 2 ** 20;

/** Kernels that a plan uses gave wrong answers; they are excluded from now on. */
export class WrongAnswers extends Error {}

interface Verdicts {
  readonly subgroups: Subgroups;
  readonly exactHalves: boolean;
  /** Names of kernels. */
  readonly right: readonly string[];
  readonly wrong: readonly string[];
}

export class Trust {
  private readonly right: Set<string>;
  private readonly wrong: Set<string>;
  private remembered: number;

  private constructor(
    private readonly device: Device,
    private readonly compiler: PipelineCompiler,
    private readonly library: () => Promise<KernelLibrary>,
    private readonly memory: DerivedFiles | null,
    private readonly verdicts: Verdicts,
  ) {
    this.right = new Set(verdicts.right);
    this.wrong = new Set(verdicts.wrong);
    this.remembered = this.right.size + this.wrong.size;
  }

  /** `memory`: where verdicts are kept; null where nothing can be kept. Errors: the device's failure, out_of_memory. */
  static async open(
    device: Device,
    compiler: PipelineCompiler,
    library: () => Promise<KernelLibrary>,
    memory: DerivedFiles | null,
  ): Promise<Trust> {
    const known = memory && (await recall(memory, keyOf(device)));
    if (known) return new Trust(device, compiler, library, memory, known);
    const [subgroups, exactHalves] = await Promise.all([probeSubgroups(device), readsSubnormalHalves(device)]);
    return new Trust(device, compiler, library, memory, { subgroups, exactHalves, right: [], wrong: [] });
  }

  /** Names of kernels that must not be used. */
  get excluded(): ReadonlySet<string> {
    return this.wrong;
  }

  /** The device's, without subgroups where they are not what kernels rely on. */
  get capabilities(): Capabilities {
    const { capabilities } = this.device;
    if (this.subgroupsHold) return capabilities;
    return { ...capabilities, features: new Set([...capabilities.features].filter((name) => name !== "subgroups")) };
  }

  /** The device reads float16 below 2^-14 as they are. */
  get exactHalves(): boolean {
    return this.verdicts.exactHalves;
  }

  /** What is not used on this device, and why, in a sentence for people; null where everything is right. */
  get doubts(): string | null {
    const sentences: string[] = [];
    if (!this.subgroupsHold) sentences.push("The lanes of this GPU's subgroups are in no known order.");
    if (this.wrong.size > 0)
      sentences.push(`This GPU computes wrong numbers with ${[...this.wrong].sort().join(", ")}.`);
    return sentences.length > 0 ? `${sentences.join(" ")} Other kernels are used.` : null;
  }

  /**
   * Tries the kernels that were not tried yet. Errors: WrongAnswers, after which `excluded` has more names; the
   * device's failure, out_of_memory, and those of loading the library.
   */
  async check(used: readonly UsedOperator[]): Promise<void> {
    const untried = used.filter(({ stages }) => !stages.every(({ name }) => this.right.has(name)));
    if (untried.length > 0) {
      const library = await this.library();
      const trials = new Map<UsedOperator, Trial>();
      const failed = new Set<UsedOperator>();
      await Promise.all(
        untried.map(async (operator) => {
          const trial = await this.prepare(operator, library);
          if (trial) trials.set(operator, trial);
          else failed.add(operator);
        }),
      );
      const wrong = await wrongTrials(this.device, [...trials.values()]);
      for (const [operator, { id }] of trials) if (wrong.has(id)) failed.add(operator);
      for (const { stages } of failed) for (const { name } of stages) this.wrong.add(name);
      for (const { stages } of trials.keys())
        for (const { name } of stages) if (!this.wrong.has(name)) this.right.add(name);
      await this.remember();
    }
    const names = used.flatMap(({ stages }) => stages.map(({ name }) => name)).filter((name) => this.wrong.has(name));
    if (names.length > 0) throw new WrongAnswers(`wrong answers of ${names.join(", ")}`);
  }

  private get subgroupsHold(): boolean {
    const { features, subgroupMinSize } = this.device.capabilities;
    const { size, ordered } = this.verdicts.subgroups;
    return !features.has("subgroups") || (ordered && size >= subgroupMinSize);
  }

  /** Null where a kernel does not compile here. */
  private async prepare(operator: UsedOperator, { operators, answers }: KernelLibrary): Promise<Trial | null> {
    const { op, prefill, stages } = operator;
    const answer = answers.find((each) => fits(each, operator));
    // The library is not built with kernels that no answer fits.
    if (!answer) throw new Error(`no known answer fits ${stages.map(({ name }) => name).join(", ")}`);
    const symbols = symbolsOf(answer);
    const call = { n: answer.tokens };
    try {
      const dispatches = await Promise.all(
        stages.map(async (variant): Promise<Dispatch> => {
          const { constants, uniforms, grid } = withNumbers(variant, symbols);
          const [x, y, z] = grid;
          return {
            pipeline: await this.compiler.compile(pipelineSpec(variant, constants, false)),
            bindings: variant.bindings.map(({ argument }) => argument),
            uniform: uniforms.length > 0 ? uniformBytes(uniforms, call) : null,
            grid: [evaluate(x, call), evaluate(y, call), evaluate(z, call)],
          };
        }),
      );
      const scratch = new Map(
        operators
          .get(op)!
          .scratch.map(({ name, length }) => [name, SCRATCH_ITEM_BYTES * evaluate(length, { ...symbols, ...call })]),
      );
      const id = `${op} ${prefill} ${stages.map(({ name }) => name).join()}`;
      return { id, answer, scratch, dispatches };
    } catch (thrown) {
      if (this.device.failure) throw this.device.failure;
      if ((thrown as { code?: unknown }).code === "unsupported_device") return null;
      throw thrown;
    }
  }

  /** Verdicts that cannot be kept are found again at the next load. */
  private async remember(): Promise<void> {
    const count = this.right.size + this.wrong.size;
    if (!this.memory || count === this.remembered) return;
    this.remembered = count;
    const verdicts: Verdicts = {
      ...this.verdicts,
      right: [...this.right],
      wrong: [...this.wrong],
    };
    const bytes = new TextEncoder().encode(JSON.stringify(verdicts));
    try {
      const writer = await this.memory.openWrite(FILE_NAME, bytes.length);
      try {
        await writer.write(bytes, 0);
      } finally {
        await writer.close();
      }
      await this.memory.commit(FILE_NAME, keyOf(this.device));
    } catch {
      // Nothing depends on it.
    }
  }
}

function keyOf({ adapter, capabilities }: Device): string {
  return `${LIBRARY_HASH} ${capabilities.subgroupMinSize} ${adapter}`;
}

/** What was remembered; null where there is nothing that can be read. */
async function recall(memory: DerivedFiles, key: string): Promise<Verdicts | null> {
  try {
    const reader = await memory.openRead(FILE_NAME, key);
    if (!reader) return null;
    try {
      if (reader.nbytes > MOST_REMEMBERED_BYTES) return null;
      const bytes = new Uint8Array(reader.nbytes);
      await reader.read(bytes, 0);
      const { subgroups, exactHalves, right, wrong } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Verdicts>;
      if (typeof subgroups?.size !== "number" || typeof subgroups.ordered !== "boolean") return null;
      if (typeof exactHalves !== "boolean" || !areNames(right) || !areNames(wrong)) return null;
      return { subgroups, exactHalves, right, wrong };
    } finally {
      reader.close();
    }
  } catch {
    return null;
  }
}

function areNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

function fits(answer: KnownAnswer, { op, prefill, stages }: UsedOperator): boolean {
  if (answer.definition.op !== op || answer.prefill !== prefill) return false;
  const symbols = symbolsOf(answer);
  return stages.every(({ when }) => evaluate(when, symbols) !== 0);
}

/** A case has its matrix whole. */
function symbolsOf({ definition, prefill, tokens }: KnownAnswer): Readonly<Record<string, number>> {
  const symbols = definitionSymbols(definition, prefill);
  return { ...symbols, ...kernelSymbols(tokens, 0, symbols.rows ?? 0) };
}
