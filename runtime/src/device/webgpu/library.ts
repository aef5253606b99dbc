/**
 * The GPU's kernel library: the texts that ship with the runtime, fetched once and checked against their record.
 *
 * They are made from compiler/nomoat_compiler/operators by `make setup`; library.gen.ts is their record.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { LlmError } from "../../internal/errors";
import type { GpuOperator } from "../kernel";
import { GPU_LIBRARY } from "./library.gen";

/** Stages of every operator that the library has. */
export const LIBRARY_OPERATORS: ReadonlyMap<string, GpuOperator> = new Map(Object.entries(GPU_LIBRARY.operators));
/** Names the texts, for what is remembered of them. */
export const LIBRARY_HASH: string = GPU_LIBRARY.sha256;

export type KernelTexts = ReadonlyMap<string, string>;

let loading: Promise<KernelTexts> | null = null;

/** WGSL by content hash. Errors: network (the file cannot be fetched), integrity (it is not what was recorded). */
export function loadKernelTexts(): Promise<KernelTexts> {
  loading ??= fetchBytes().then(readKernelTexts);
  loading.catch(() => {
    loading = null;
  });
  return loading;
}

/** Errors: integrity. */
export function readKernelTexts(bytes: Uint8Array): KernelTexts {
  if (bytesToHex(sha256(bytes)) !== GPU_LIBRARY.sha256) {
    throw new LlmError(
      "integrity",
      "The GPU's kernels are not those that this version was made with: build or install it again.",
    );
  }
  return new Map(Object.entries(JSON.parse(new TextDecoder().decode(bytes)) as Record<string, string>));
}

async function fetchBytes(): Promise<Uint8Array> {
  // new URL must stand with a literal, so that bundlers find the file.
  const url = new URL("./library/kernels.json", import.meta.url);
  if (url.protocol === "file:") {
    // Node: its fetch knows no files. A name that bundlers cannot follow, since browsers never come here.
    const fs = "node:fs/promises";
    const { readFile } = (await import(/* @vite-ignore */ fs)) as typeof import("node:fs/promises");
    return new Uint8Array(await readFile(url));
  }
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : "no reason given";
    throw new LlmError("network", `The GPU's kernels cannot be fetched from ${url}: ${why}.`);
  }
}
