/**
 * The kernel library: which of its builds this engine runs, fetched and compiled once.
 *
 * The builds are made from compiler/nomoat_compiler/operators by `make setup`; library.gen.ts is their record. They
 * are the only WebAssembly that the runtime runs: no model brings any.
 */
import { LlmError } from "../../internal/errors";
import { readOwnFile } from "../../internal/own_file";
import { LIBRARY } from "./library.gen";

export type BuildName = keyof typeof LIBRARY.builds;

export interface Library {
  readonly name: BuildName;
  readonly module: WebAssembly.Module;
  readonly relaxed: boolean;
  /** Its memory is shared, so that several threads can work on it. */
  readonly threads: boolean;
}

// new URL must stand with a literal, so that bundlers find the files.
const URLS: Readonly<Record<BuildName, () => URL>> = {
  "relaxed-threads": () => new URL("./library/relaxed-threads.wasm", import.meta.url),
  relaxed: () => new URL("./library/relaxed.wasm", import.meta.url),
  "plain-threads": () => new URL("./library/plain-threads.wasm", import.meta.url),
  plain: () => new URL("./library/plain.wasm", import.meta.url),
};

/** A module with one function: two splats of i32 0 and one instruction on them, or the first splat alone. */
function probe(...instruction: number[]): Uint8Array<ArrayBuffer> {
  const splat = [0x41, 0, 0xfd, 0x0f];
  const body = [0, ...splat, ...(instruction.length > 0 ? [...splat, ...instruction] : []), 0x0b];
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const type = [1, 5, 1, 0x60, 0, 1, 0x7b];
  return Uint8Array.from([...header, ...type, 3, 2, 1, 0, 10, body.length + 2, 1, body.length, ...body]);
}

const SIMD = probe();
/** i16x8.relaxed_dot_i8x16_i7x16_s */
const RELAXED_SIMD = probe(0xfd, 0x92, 0x02);

/** What this engine can run: the best build, or null where it has no SIMD. */
export function chooseBuild(validate: (bytes: Uint8Array<ArrayBuffer>) => boolean, shared: boolean): BuildName | null {
  if (!validate(SIMD)) return null;
  const base = validate(RELAXED_SIMD) ? "relaxed" : "plain";
  return shared ? `${base}-threads` : base;
}

const compiled = new Map<BuildName, Promise<WebAssembly.Module>>();

/**
 * Errors: unsupported_device (no WebAssembly or no SIMD), network (the library's file cannot be fetched), not_allowed
 * (the page's policy forbids WebAssembly).
 */
export async function loadLibrary(shared: boolean, build?: BuildName): Promise<Library> {
  const name =
    build ?? (typeof WebAssembly === "object" ? chooseBuild((bytes) => WebAssembly.validate(bytes), shared) : null);
  if (name === null)
    throw new LlmError("unsupported_device", "This browser has no WebAssembly SIMD, which running on the CPU needs.");
  let module = compiled.get(name);
  if (!module) {
    module = compile(name);
    compiled.set(name, module);
    module.catch(() => compiled.delete(name));
  }
  const relaxed = name.startsWith("relaxed");
  return {
    name,
    module: await module,
    relaxed,
    threads: name.endsWith("-threads"),
  };
}

async function compile(name: BuildName): Promise<WebAssembly.Module> {
  const bytes = await fetchBytes(URLS[name](), name);
  try {
    return await WebAssembly.compile(bytes);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : "no reason given";
    throw new LlmError(
      "not_allowed",
      `The kernels for the CPU cannot be compiled: ${why}. The page's policy must allow 'wasm-unsafe-eval'.`,
    );
  }
}

async function fetchBytes(url: URL, name: BuildName): Promise<Uint8Array<ArrayBuffer>> {
  const problem = (why: string) => `The kernels for the CPU (${name}.wasm) could not be fetched: ${why}.`;
  const bytes = await readOwnFile(url, problem);
  const { nbytes } = LIBRARY.builds[name];
  if (bytes.length !== nbytes) {
    throw new LlmError(
      "integrity",
      `The kernels for the CPU (${name}.wasm) have ${bytes.length} bytes, not ${nbytes}: the site's files do not belong together.`,
    );
  }
  return bytes;
}
