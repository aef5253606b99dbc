/** What Python asks of one Node process, and the lines that come back. parts.py writes the one and reads the others. */
import { appendFileSync, readFileSync } from "node:fs";

interface Common {
  /** Path of the native module dawn.node. */
  readonly dawn: string;
  /** Dawn's own options, e.g. "enable-dawn-features=vulkan_enable_f16_on_nvidia". */
  readonly dawn_options: readonly string[];
}
/** Only say which adapter there is. */
export interface DescribeTask extends Common {
  readonly task: "describe";
}
/** Run stored kernel cases (case_file.py) and compare their outputs. */
export interface ParityTask extends Common {
  readonly task: "parity";
  /** Path of cases.json; the data is beside it. */
  readonly cases: string;
}
export type Sampler = "greedy" | "sample";
/** Load one program with synthetic weights and measure it. */
export interface ModelTask extends Common {
  readonly task: "model";
  /** Folder of a package; only its program is read. */
  readonly program: string;
  /** Ending of the kernel variants to take where there is one, e.g. "sg8"; "last": those that need no feature; null: the runtime's choice. */
  readonly variant: string | null;
  /** Tokens in the cache before the first decoded one. */
  readonly contexts: readonly number[];
  readonly samplers: readonly Sampler[];
  readonly prefill_tokens: number;
  /** Time of each measurement; one on a slow device takes longer. */
  readonly seconds: number;
  /** Also time each kernel by itself. */
  readonly profile: boolean;
}
export type Task = DescribeTask | ParityTask | ModelTask;

export function readTask(path: string): Task {
  return JSON.parse(readFileSync(path, "utf8")) as Task;
}

/** Appends lines of JSON to a file as they come, so that a process that is stopped has told what it knew. */
export class Lines {
  constructor(private readonly path: string) {}

  /** `kind` says what the line is about; keys as in the report. */
  write(kind: string, content: object): void {
    appendFileSync(this.path, `${JSON.stringify({ kind, ...content })}\n`);
  }
}

export function rounded(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}
