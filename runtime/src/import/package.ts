/**
 * A package of a checkpoint: byte for byte what `nomoat compile` makes of it, by the compiler's own rules.
 *
 * `planPackage` says everything about it but the weights, and refuses what is not supported, before any weight is
 * read; `writePackage` makes the files. compiler/nomoat_compiler/pipeline.py is the same for the compiler.
 */
import { LlmError } from "../internal/errors";
import type { Checkpoint, Rows } from "./checkpoint";
import { encodeRows } from "./encode";
import type { Host } from "./host";
import { canonicalJson, indentedJson } from "./portable";
import { takeWarnings, type Value } from "./python";
import { singlesOf } from "./rows";
import {
  check_sources,
  choose_context_length,
  choose_schemes,
  MLC_FLOAT_DTYPES,
  manifest_contents,
  manifest_identity,
  pieces,
  program_json,
  read_model,
  stored_parameters,
  tensor_specs,
} from "./rules.gen";
import {
  layOut,
  type PackageFiles,
  type Shard,
  ShardWriter,
  tensorCache,
  type WrittenFile,
  type WrittenShard,
} from "./shards";

type Bytes = Uint8Array<ArrayBuffer>;
const WEIGHTS_FOLDER = "weights";
const PROGRAM_PATH = "program/program.json";
/** Values that are read at once: 4 MiB of float32, or less than half of that in blocks. */
const BLOCK_VALUES = 1 << 20;
/** Quantizations that a person may choose here; MLC's are those of MLC's repositories. */
const OFFERED: readonly string[] = ["q4", "q8", "f16", "f32"];

export interface PackagePlan {
  readonly id: string;
  /** The small files by path. */
  readonly files: ReadonlyMap<string, Bytes>;
  readonly shards: readonly Shard[];
  readonly weightsBytes: number;
  /** What the compiler would warn of. */
  readonly warnings: readonly string[];
  readonly quantization: string;
  readonly schemes: Map<string, Value>;
  readonly specs: readonly Value[];
  /** nomoat.json without its files. */
  readonly manifest: Map<string, Value>;
}

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of weights written, of all. */
  readonly onProgress?: (loaded: number, total: number) => void;
  /** Shards that are there already, by their number. */
  readonly before?: readonly (WrittenShard | null)[];
  readonly onShard?: (written: readonly (WrittenShard | null)[]) => Promise<void>;
}

/**
 * `asked`: a quantization of OFFERED; null: the file's own, else q4. Errors: invalid_request, unknown_architecture,
 * unsupported, invalid_checkpoint, network (a part of the runtime).
 */
export async function planPackage(
  checkpoint: Checkpoint,
  host: Host,
  asked: string | null = null,
): Promise<PackagePlan> {
  if (asked !== null && !OFFERED.includes(asked)) throw notOffered(asked);
  const stored = storedIn(checkpoint);
  const model = read_model(checkpoint.config, stored);
  const contextLength: number = choose_context_length(model, null);
  const specs: Value[] = tensor_specs(model);
  check_sources(specs, checkpoint);
  const [quantization, schemes] = choose_schemes(specs, checkpoint, asked) as [string, Map<string, Value>];
  const texts = checkpoint.tokenizerFiles();
  await tryTexts(texts, host);
  const program = canonicalJson(program_json(model, schemes, quantization, contextLength));
  refuseAsUnsupported(() => host.parseProgram(JSON.parse(program)));
  const files = new Map([[PROGRAM_PATH, new TextEncoder().encode(program) as Bytes], ...texts]);
  const arrays = specs.flatMap((spec) => stored_parameters(spec.name, spec.shape, schemes.get(spec.name)));
  const shards = layOut(arrays, MLC_FLOAT_DTYPES.has(quantization) ? "f32-to-bf16" : "raw");
  const identity: Map<string, Value> = manifest_identity(checkpoint, quantization);
  const contents = manifest_contents(model, specs, quantization, contextLength, texts, false);
  return {
    id: identity.get("id"),
    files,
    shards,
    weightsBytes: shards.reduce((sum, { nbytes }) => sum + nbytes, 0),
    warnings: takeWarnings(),
    quantization,
    schemes,
    specs,
    manifest: new Map([...identity, ...contents]),
  };
}

/** Writes every file but nomoat.json, whose text it returns. Errors: those of reading, aborted, storage_quota. */
export async function writePackage(
  plan: PackagePlan,
  checkpoint: Checkpoint,
  files: PackageFiles,
  host: Host,
  { signal, onProgress, before = [], onShard = async () => undefined }: WriteOptions = {},
): Promise<string> {
  const writer = new ShardWriter(files, WEIGHTS_FOLDER, plan.shards, before, host, onShard);
  let loaded = 0;
  try {
    for (const spec of plan.specs) {
      throwIfAborted(signal);
      loaded = await writeTensor(plan, spec, checkpoint, writer, loaded, signal, (bytes) =>
        onProgress?.(bytes, plan.weightsBytes),
      );
    }
  } finally {
    await writer.abandon();
  }
  const written = writer.written as WrittenShard[];
  const values = plan.specs.reduce((sum, { shape }) => sum + product(shape), 0);
  const small = new Map([
    ...plan.files,
    [`${WEIGHTS_FOLDER}/tensor-cache.json`, tensorCache(plan.shards, written, values)],
  ]);
  const listed: WrittenFile[] = written.map(({ path, nbytes, sha256 }) => ({ path, nbytes, sha256 }));
  for (const [path, bytes] of small) {
    const file = await files.create(path);
    await file.write(bytes, 0);
    await file.close();
    listed.push({ path, nbytes: bytes.length, sha256: await host.digestHex(bytes) });
  }
  listed.sort((a, b) => (a.path < b.path ? -1 : 1));
  const entries = listed.map((file) => new Map(Object.entries(file)));
  const manifest = indentedJson(new Map([...plan.manifest, ["files", entries]]), 1, true);
  return `${new TextDecoder().decode(manifest)}\n`;
}

function notOffered(asked: string): LlmError {
  const [got, known] = [String(asked).slice(0, 40), OFFERED.join(", ")];
  return new LlmError("invalid_request", `The quantization ${got} is not one that is made here: ${known}.`, { got });
}

/** Returns the bytes of weights that are done. */
async function writeTensor(
  { schemes, quantization }: PackagePlan,
  spec: Value,
  checkpoint: Checkpoint,
  writer: ShardWriter,
  loaded: number,
  signal: AbortSignal | undefined,
  onProgress: (loaded: number) => void,
): Promise<number> {
  const scheme = schemes.get(spec.name);
  const [first, second]: { name: string; nbytes: number }[] = stored_parameters(spec.name, spec.shape, scheme);
  const all = first!.nbytes + (second?.nbytes ?? 0);
  if (!writer.needs(first!.name) && (second === undefined || !writer.needs(second.name))) return loaded + all;
  // Scales wait until the numbers before them are written, so that one shard at a time is in memory.
  const scales = new Uint8Array(second?.nbytes ?? 0);
  let [at, scalesAt] = [0, 0];
  for await (const [source, rows] of rowBlocks(spec, checkpoint)) {
    throwIfAborted(signal);
    const [numbers, ofScales] = encodeRows(rows, scheme, quantization, source);
    await writer.write(first!.name, at, numbers!);
    at += numbers!.length;
    if (ofScales !== undefined) scales.set(ofScales, scalesAt);
    scalesAt += ofScales?.length ?? 0;
    onProgress(loaded + at + scalesAt);
  }
  if (second !== undefined) await writer.write(second.name, 0, scales);
  return loaded + all;
}

/** (source, its next rows), as they are stored unless a rule computes them: quantize/sources.py. */
async function* rowBlocks(spec: Value, checkpoint: Checkpoint): AsyncGenerator<[string, Rows], void, undefined> {
  const names = new Set(checkpoint.names());
  const width = product(spec.shape.slice(1));
  const step = Math.max(1, Math.floor(BLOCK_VALUES / width));
  for (const source of spec.sources) {
    if (source.optional && !names.has(source.name)) {
      for (let row = 0; row < source.rows; row += step) {
        const rows = Math.min(step, source.rows - row);
        yield [source.name, { kind: "float32", rows, columns: width, data: new Uint8Array(rows * width * 4) }];
      }
      continue;
    }
    const added = source.computes ? await addedTo(source, checkpoint, width) : null;
    for (const ranges of pieces(source, step) as Iterable<[number, number][]>) {
      const parts: Rows[] = [];
      for (const [start, stop] of ranges) parts.push(await checkpoint.read(source.name, start, stop));
      const rows = joined(parts);
      yield [source.name, added === null ? rows : plus(rows, added)];
    }
  }
}

/** What is added to every row: a number, or row 0 of another tensor and a number. */
async function addedTo(source: Value, checkpoint: Checkpoint, width: number): Promise<Float32Array> {
  const number = Math.fround(source.plus);
  if (source.plus_row_of === "") return new Float32Array(width).fill(number);
  const row = singlesOf(await checkpoint.read(source.plus_row_of, 0, 1));
  return row.map((value) => Math.fround(value + number));
}

function plus(rows: Rows, added: Float32Array): Rows {
  const values = Float32Array.from(singlesOf(rows));
  for (let i = 0; i < values.length; i++) values[i]! += added[i % added.length]!;
  return { ...rows, kind: "float32", data: new Uint8Array(values.buffer) };
}

function joined(parts: readonly Rows[]): Rows {
  if (parts.length === 1) return parts[0]!;
  const data = new Uint8Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { ...parts[0]!, rows: parts.reduce((sum, { rows }) => sum + rows, 0), data };
}

/** What a family may ask about the weights; values are compared by no reader here, since GGUF files say what is tied. */
function storedIn(checkpoint: Checkpoint) {
  const names = new Set(checkpoint.names());
  return {
    contains: (name: string): boolean => names.has(name),
    equal(one: string, other: string): boolean {
      throw new LlmError("internal", `Whether ${one} and ${other} are equal was not looked at.`);
    },
  };
}

/** Errors: unsupported, for what the runtime could not load afterwards. */
async function tryTexts(texts: ReadonlyMap<string, Bytes>, host: Host): Promise<void> {
  const text = (name: string): string | null => {
    const bytes = texts.get(name);
    return bytes === undefined ? null : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  };
  const tokenizer = text("tokenizer.json");
  if (tokenizer === null) return;
  const files = {
    tokenizer,
    tokenizerConfig: text("tokenizer_config.json") ?? "{}",
    chatTemplate: text("chat_template.jinja"),
    generationConfig: text("generation_config.json"),
  };
  await host.prepareTextModel(files);
  refuseAsUnsupported(() => host.createTextModel(files));
}

function refuseAsUnsupported(run: () => unknown): void {
  try {
    run();
  } catch (thrown) {
    const { message, detail } = LlmError.from(thrown);
    throw new LlmError("unsupported", `This model cannot be used: ${message}`, detail);
  }
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new LlmError("aborted", "The import was aborted. What is already there is kept.");
}
