/** Reads a file that is built with the runtime and lies beside it: kernels of a device. */
import { LlmError } from "./errors";

/**
 * The bytes of `url`, which the caller makes by new URL with a literal, so that bundlers find the file.
 * Errors: network, with `problem` of what went wrong as its message.
 */
export async function readOwnFile(url: URL, problem: (why: string) => string): Promise<Uint8Array<ArrayBuffer>> {
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
    throw new LlmError("network", problem(thrown instanceof Error ? thrown.message : "no reason given"));
  }
}
