/** Reads a file that is built with the runtime and lies beside it: kernels of a device. */
import { LlmError } from "./errors";

/**
 * The bytes of `url`, which the caller makes by new URL with a literal, so that bundlers find the file.
 * Errors: network, with `problem` of what went wrong as its message.
 */
export async function readOwnFile(url: URL, problem: (why: string) => string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const fromDisk = url.protocol === "file:" ? await readInNode(url) : undefined;
    if (fromDisk) return new Uint8Array(fromDisk);
    const response = await fetch(url);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (thrown) {
    throw new LlmError("network", problem(thrown instanceof Error ? thrown.message : "no reason given"));
  }
}

interface Node {
  getBuiltinModule?(name: string): { readFile(url: URL): Promise<Uint8Array> };
}

/** Node's fetch knows no files. Its module is asked for and not imported, so that bundlers for browsers see none. */
function readInNode(url: URL): Promise<Uint8Array> | undefined {
  return (globalThis as { process?: Node }).process?.getBuiltinModule?.("node:fs/promises").readFile(url);
}
