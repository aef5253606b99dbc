/**
 * The kernel runner in Node with Dawn, driven by tests/parity/dawn_host.py:
 *
 *     node process.js '{"withheld": ["subgroups"], "limits": {}}' REPLY_DESCRIPTOR
 *
 * Both directions carry frames: u32 bytes of JSON, u32 bytes of arrays, the JSON, the arrays (little endian). A request
 * on standard input is a job of kernels.js; the first reply, which nobody asks for, describes the adapter, and each
 * later one answers a job: {"value"} or {"error"}. The end of the input ends the process, and so does a lost device.
 * Replies have a descriptor of their own, because drivers and Dawn print to standard output.
 */
import { readFileSync, readSync, writeSync } from "node:fs";
import { create, globals } from "webgpu";
import { describe, openDevice, runJob } from "./kernels.js";

const INPUT = 0;
const REPLIES = Number(process.argv[3]);
Object.assign(globalThis, globals);
// Dawn's objects live as long as the GPU object, which is why it has a name.
const { options } = JSON.parse(readFileSync(new URL("../../dawn.json", import.meta.url), "utf8"));
const gpu = create(options);

/** Fills `bytes` from the input; false where the input ends before the first byte. */
function read(bytes) {
  for (let at = 0; at < bytes.length; ) {
    const count = readSync(INPUT, bytes, at, bytes.length - at, null);
    if (count === 0 && at === 0) return false;
    if (count === 0) throw new Error("The input ends inside a frame.");
    at += count;
  }
  return true;
}

function write(bytes) {
  for (let at = 0; at < bytes.length; ) at += writeSync(REPLIES, bytes, at, bytes.length - at);
}

function reply(message, arrays = []) {
  const text = new TextEncoder().encode(JSON.stringify(message));
  const total = arrays.reduce((sum, array) => sum + array.length, 0);
  write(new Uint8Array(Uint32Array.of(text.length, total).buffer));
  write(text);
  for (const array of arrays) write(array);
}

async function answer(opened, job, input) {
  try {
    reply({ value: null }, await runJob(opened, job, input));
  } catch (error) {
    reply({ error: error instanceof Error ? error.message : JSON.stringify(error) });
  }
}

async function main() {
  let opened;
  try {
    opened = await openDevice(gpu, JSON.parse(process.argv[2]));
  } catch (error) {
    reply({ error: error.message });
    return;
  }
  opened.device.lost.then(({ reason, message }) => {
    console.error(`The device was lost (${reason}): ${message}`);
    process.exit(1);
  });
  reply({ value: describe(opened) });
  const lengths = new Uint32Array(2);
  while (read(new Uint8Array(lengths.buffer))) {
    const text = new Uint8Array(lengths[0]);
    const input = new ArrayBuffer(lengths[1]);
    read(text);
    read(new Uint8Array(input));
    await answer(opened, JSON.parse(new TextDecoder().decode(text)), input);
  }
}

await main();
process.exit(0);
