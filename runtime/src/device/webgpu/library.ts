/**
 * The GPU's kernel library: which kernels an operator has, their texts, and the known answers by which they are tried;
 * shipped with the runtime, fetched once and checked against their record.
 *
 * They are made from compiler/nomoat_compiler/operators by `make setup`; library.gen.ts is their record.
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import { LlmError } from "../../internal/errors";
import { readOwnFile } from "../../internal/own_file";
import { Reader } from "../../internal/reader";
import { readDefinition } from "../definition_reader";
import type { GpuOperator } from "../kernel";
import type { KnownAnswer } from "./known_answer";
import { GPU_LIBRARY } from "./library.gen";

/** Names the library, for what is remembered of it. */
export const LIBRARY_HASH: string = GPU_LIBRARY.sha256;

export type LibraryOperators = ReadonlyMap<string, GpuOperator>;

export interface KernelLibrary {
  /** Stages of every operator that the library has. */
  readonly operators: LibraryOperators;
  /** WGSL by content hash. */
  readonly texts: ReadonlyMap<string, string>;
  readonly answers: readonly KnownAnswer[];
}

/** Characters, or [back, shift, length] of an earlier text. */
type Piece = string | readonly [number, number, number];

let loading: Promise<KernelLibrary> | null = null;

/** Errors: network (the file cannot be fetched), integrity (it is not what was recorded). */
export function loadLibrary(): Promise<KernelLibrary> {
  loading ??= fetchBytes().then(readLibrary);
  loading.catch(() => {
    loading = null;
  });
  return loading;
}

/** `bytes`: kernels.bin, or what a server made of it that unpacks by itself. Errors: integrity. */
export async function readLibrary(bytes: Uint8Array<ArrayBuffer>): Promise<KernelLibrary> {
  const json = bytes[0] === 0x1f && bytes[1] === 0x8b ? await unpack(bytes) : bytes;
  if (json === null || bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", json))) !== GPU_LIBRARY.sha256) {
    throw new LlmError(
      "integrity",
      "The GPU's kernels are not those that this version was made with: build or install it again.",
    );
  }
  const { operators, kernels, known_answers } = JSON.parse(new TextDecoder().decode(json)) as {
    operators: Record<string, GpuOperator>;
    kernels: Record<string, readonly Piece[]>;
    known_answers: readonly (Omit<KnownAnswer, "definition"> & { readonly definition: unknown })[];
  };
  const read = new Reader("integrity", "the GPU's kernels");
  const answers = known_answers.map((answer, i) => ({
    ...answer,
    definition: readDefinition(read, answer.definition, `known_answers[${i}].definition`),
  }));
  return { operators: new Map(Object.entries(operators)), texts: wholeTexts(kernels), answers };
}

/** Texts of pieces: compiler/nomoat_compiler/repetition.py. */
function wholeTexts(kernels: Record<string, readonly Piece[]>): Map<string, string> {
  const texts: string[] = [];
  for (const pieces of Object.values(kernels)) {
    let text = "";
    for (const piece of pieces) {
      if (typeof piece === "string") text += piece;
      else {
        const [back, shift, length] = piece;
        const start = text.length + shift;
        text += texts[texts.length - back]!.slice(start, start + length);
      }
    }
    texts.push(text);
  }
  return new Map(Object.keys(kernels).map((hash, i) => [hash, withNumbers(texts[i]!)]));
}

/** v~d is the variable whose number is d less than the largest before it. */
function withNumbers(text: string): string {
  let largest = -1;
  return text.replace(/v~(-?\d+)/g, (_, less: string) => {
    const number = largest - Number(less);
    largest = Math.max(largest, number);
    return `v_${number}`;
  });
}

/** Null for bytes that are damaged. Of what is unpacked, no more is kept than the library has. */
async function unpack(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null> {
  const result = new Uint8Array(GPU_LIBRARY.nbytes);
  let at = 0;
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const reader = stream.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return at === result.length ? result : null;
      result.set(value, at); // throws where it is too long
      at += value.length;
    }
  } catch {
    return null;
  }
}

function fetchBytes(): Promise<Uint8Array<ArrayBuffer>> {
  const url = new URL("./library/kernels.bin", import.meta.url);
  return readOwnFile(url, (why) => `The GPU's kernels cannot be fetched from ${url}: ${why}.`);
}
