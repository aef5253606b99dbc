/** tensor-cache.json: what is taken, and that every lie about sizes and places is refused before a byte is read. Needs Node. */
import { expect, test } from "vitest";
import type { LlmError } from "../../src/internal/errors";
import { parseManifest } from "../../src/storage/manifest";
import { parseTensorCache } from "../../src/storage/tensor_cache";
import { smallPackage } from "./package_server";

type Index = { records: { [key: string]: unknown; records: Record<string, unknown>[] }[]; [key: string]: unknown };

const { files, manifest } = smallPackage();
const checked = parseManifest(JSON.stringify(manifest));
const json = new TextDecoder().decode(files.get("weights/tensor-cache.json")!);

test("shards and records come in order", () => {
  const shards = parseTensorCache(json, checked);
  expect(shards.map(({ file }) => file.path)).toEqual(["weights/params_shard_0.bin", "weights/params_shard_1.bin"]);
  expect(shards[0]!.records.map(({ name, byteOffset, nbytes }) => [name, byteOffset, nbytes])).toEqual([
    ["model.embed_tokens.q_weight", 0, 10_000],
    ["model.norm.weight", 10_000, 66],
    ["empty", 10_066, 0],
  ]);
});

const LIES: [string, (index: Index) => void][] = [
  ["records missing", (index) => delete (index as Partial<Index>).records],
  ["no shards", (index) => index.records.splice(0)],
  ["an unknown key", (index) => Object.assign(index, { extra: 1 })],
  ["a shard outside of the folder", (index) => Object.assign(index.records[0]!, { dataPath: "../tokenizer.json" })],
  ["a shard that is not listed", (index) => Object.assign(index.records[0]!, { dataPath: "params_shard_9.bin" })],
  ["a shard twice", (index) => index.records.push(structuredClone(index.records[0]!))],
  ["another shard format", (index) => Object.assign(index.records[0]!, { format: "npz" })],
  ["a shard size unlike the manifest", (index) => Object.assign(index.records[0]!, { nbytes: 10_065 })],
  ["a negative offset", (index) => Object.assign(index.records[0]!.records[0]!, { byteOffset: -1 })],
  ["a fraction of an offset", (index) => Object.assign(index.records[0]!.records[1]!, { byteOffset: 10_000.5 })],
  ["an offset beyond the shard", (index) => Object.assign(index.records[0]!.records[1]!, { byteOffset: 20_000 })],
  ["overlapping records", (index) => Object.assign(index.records[0]!.records[1]!, { byteOffset: 9_999 })],
  ["a gap", (index) => Object.assign(index.records[0]!.records[1]!, { byteOffset: 10_001 })],
  ["a missing record", (index) => index.records[0]!.records.splice(1, 1)],
  ["a name twice", (index) => Object.assign(index.records[1]!.records[0]!, { name: "empty" })],
  ["an empty name", (index) => Object.assign(index.records[1]!.records[0]!, { name: "" })],
  ["a size unlike its shape", (index) => Object.assign(index.records[1]!.records[0]!, { shape: [2_250_000] })],
  [
    "a size unlike its dtype",
    (index) => Object.assign(index.records[1]!.records[0]!, { dtype: "float32", format: "raw" }),
  ],
  ["an unknown dtype", (index) => Object.assign(index.records[1]!.records[0]!, { dtype: "complex64" })],
  ["an inherited dtype", (index) => Object.assign(index.records[1]!.records[0]!, { dtype: "constructor" })],
  ["a huge shape", (index) => Object.assign(index.records[1]!.records[0]!, { shape: [2 ** 40, 2 ** 40] })],
  ["a negative shape", (index) => Object.assign(index.records[1]!.records[0]!, { shape: [-1] })],
  ["a shape that is no list", (index) => Object.assign(index.records[1]!.records[0]!, { shape: 5 })],
];

test.each(LIES)("%s is invalid_package", (_, lie) => {
  const index = JSON.parse(json) as Index;
  lie(index);
  expect(() => parseTensorCache(JSON.stringify(index), checked)).toThrow(
    expect.objectContaining({ code: "invalid_package" }) as LlmError,
  );
});

test("what is no JSON is invalid_package", () => {
  expect(() => parseTensorCache("{", checked)).toThrow(
    expect.objectContaining({ code: "invalid_package" }) as LlmError,
  );
});
