/**
 * The one linear memory of a model on the CPU: regions are laid out first, then the memory is made, then only the KV
 * cache at its end grows.
 */
import { LlmError } from "../../internal/errors";
import { roundUp } from "../../internal/round_up";

export const WASM_PAGE = 65536;
const MAX_PAGES = 65536;
/** Kernels read and write whole vectors; what lies behind a region must not be another one's first bytes. */
const SPARE = 64;
const ALIGNMENT = 64;

/** Hands out addresses from `base` on; nothing is allocated yet. */
export class Layout {
  private next: number;

  constructor(base: number) {
    this.next = roundUp(base, ALIGNMENT);
  }

  /** The address of `nbytes` bytes. */
  region(nbytes: number): number {
    const address = this.next;
    this.next = roundUp(address + nbytes + SPARE, ALIGNMENT);
    return address;
  }

  get end(): number {
    return this.next;
  }
}

/**
 * Makes a memory of at least `initialBytes` that may grow to `maximumBytes`, at most 4 GiB.
 * Errors: out_of_memory.
 */
export function createMemory(initialBytes: number, maximumBytes: number, shared: boolean): WebAssembly.Memory {
  const initial = Math.ceil(initialBytes / WASM_PAGE);
  const maximum = Math.min(MAX_PAGES, Math.ceil(maximumBytes / WASM_PAGE));
  if (initial > MAX_PAGES) throw tooLarge(initialBytes);
  try {
    return new WebAssembly.Memory({ initial, maximum: Math.max(initial, maximum), shared });
  } catch {
    throw new LlmError(
      "out_of_memory",
      `The browser has no ${Math.ceil(initialBytes / 2 ** 20)} MiB of memory for this model. Close other tabs or use a smaller model.`,
      { requested: initialBytes },
    );
  }
}

/** Grows the memory to at least `bytes`. Errors: out_of_memory, with the memory as it was. */
export function growMemory(memory: WebAssembly.Memory, bytes: number): void {
  const pages = Math.ceil((bytes - memory.buffer.byteLength) / WASM_PAGE);
  if (pages <= 0) return;
  try {
    memory.grow(pages);
  } catch {
    throw new LlmError("out_of_memory", `The browser has no memory for ${pages * WASM_PAGE} more bytes of context.`);
  }
}

export function tooLarge(bytes: number): LlmError {
  return new LlmError(
    "unsupported_device",
    `This model needs ${(bytes / 2 ** 30).toFixed(1)} GiB of memory on the CPU, and WebAssembly addresses 4 GiB. Use a smaller model or a GPU.`,
    { requested: bytes, limit: 2 ** 32 },
  );
}
