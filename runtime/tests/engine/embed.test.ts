// Proves that a loaded encoder gives the embeddings of every operator's NumPy reference for texts, alone, together and
// after it gave way to others or changed the device; that texts are cut or refused by length; and that each kind of model
// refuses what the other is for. Needs the compiler (Python); for WebGPU an adapter.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { systemDevices } from "../../src/device/open";
import { parseProgram } from "../../src/device/program_reader";
import { EmbedTask } from "../../src/engine/embed";
import { LoadedModel } from "../../src/engine/loaded_model";
import { Session } from "../../src/engine/session";
import type { PackageSource } from "../../src/storage/index";
import { fakeDevices } from "../fixtures/fake_executor";
import { gpu, noGpu } from "../fixtures/gpu";
import { manifest, toyPackage } from "../fixtures/toy_package";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const VENV = join(ROOT, ".venv/bin/python");
const PYTHON = process.env.NOMOAT_PYTHON ?? (existsSync(VENV) ? VENV : null);
const SCRIPT = fileURLToPath(new URL("../fixtures/run_encoder.py", import.meta.url));
const LIMIT = 40;
/** Least cosine: on the CPU int8 keys and values round. */
const ALIKE = { wasm: 0.999, webgpu: 1 - 1e-6 } as const;

interface Encoder {
  readonly program: { readonly model: object };
  readonly weights: Readonly<Record<string, string>>;
  readonly texts: readonly (readonly number[])[];
  readonly embeddings: readonly (readonly number[])[];
}

function computed(): Encoder {
  const env = { ...process.env, PYTHONPATH: `${ROOT}:${process.env.PYTHONPATH ?? ""}` };
  return JSON.parse(execFileSync(PYTHON!, [SCRIPT, "plain"], { cwd: ROOT, env, encoding: "utf8", maxBuffer: 2 ** 28 }));
}

/** One token a character; the tokens 318 and 319 before and after where the post-processor adds them. */
const characterOf = (id: number) => String.fromCodePoint(0x4e00 + id);
const textOf = (ids: readonly number[]) => ids.map(characterOf).join("");
const tokenizerJson = (addsSpecial: boolean) =>
  JSON.stringify({
    version: "1.0",
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: addsSpecial
      ? { type: "BertProcessing", cls: [characterOf(318), 318], sep: [characterOf(319), 319] }
      : null,
    decoder: { type: "Fuse" },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(Array.from({ length: 320 }, (_, id) => [characterOf(id), id])),
      merges: [],
    },
  });

interface Changes {
  readonly addsSpecial?: boolean;
  readonly cuts?: boolean;
  /** Makes the weights of the last matrix NaN. */
  readonly broken?: boolean;
}

function streamOf({ weights }: Encoder, broken = false): PackageSource["weights"] {
  return async (sink) => {
    for (const [name, data] of Object.entries(weights)) {
      const bytes = new Uint8Array(Buffer.from(data, "base64"));
      await sink(name, 0, broken && name.startsWith("layers.2.down") ? bytes.fill(0xff) : bytes);
    }
  };
}

describe.skipIf(!PYTHON)("an encoder that is loaded", () => {
  const encoder = PYTHON ? computed() : (null as never);
  const programOf = ({ cuts = false }: Changes = {}) => ({
    ...encoder.program,
    model: { ...encoder.program.model, cuts_texts: cuts },
  });
  const load = (kind: "wasm" | "webgpu", changes: Changes = {}) => {
    const source = toyPackage(
      {
        manifest: { ...manifest, quantization: "q4", context_length: LIMIT },
        text: async (path) => (path === "tokenizer.json" ? tokenizerJson(changes.addsSpecial ?? false) : "{}"),
        weights: streamOf(encoder, changes.broken),
      },
      programOf(changes),
    );
    return LoadedModel.load(systemDevices(gpu), source, { device: kind, threads: null });
  };
  const texts = PYTHON ? encoder.texts.map(textOf) : [];
  const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

  it.each(noGpu ? (["wasm"] as const) : (["wasm", "webgpu"] as const))("embeds texts on %s", async (kind) => {
    const model = await load(kind);
    expect(model.task).toBe("embed");
    const { embeddings, usage } = await model.embed(texts);
    expect(usage).toEqual({ promptTokens: 1 + 5 + 17 + 40 });
    embeddings.forEach((embedding, i) => {
      expect(embedding).toHaveLength(64);
      expect(cosine(embedding, encoder.embeddings[i]!)).toBeGreaterThan(ALIKE[kind]);
    });
    // In another order, one alone, and requests beside each other.
    const [reversed, alone, ...others] = await Promise.all([
      model.embed([...texts].reverse()),
      model.embed(texts[2]!),
      ...Array.from({ length: 5 }, () => model.embed(texts)),
    ]);
    expect([...reversed!.embeddings].reverse()).toEqual(embeddings);
    expect(alone!.embeddings).toEqual([embeddings[2]]);
    for (const other of others) expect(other.embeddings).toEqual(embeddings);
    await model.unload();
  });

  it("refuses a text that is too long, or cuts its end where the model says so", async () => {
    const long = textOf([...encoder.texts[3]!, 7, 8, 9]);
    const whole = await load("wasm");
    await expect(whole.embed([texts[0]!, long])).rejects.toMatchObject({
      code: "context_overflow",
      message: expect.stringContaining("input[1] has 43 tokens and the model reads 40"),
      detail: { requested: 43, limit: LIMIT, index: 1 },
    });
    const expected = (await whole.embed([texts[3]!, textOf([318, ...encoder.texts[3]!.slice(0, 38), 319])])).embeddings;
    await whole.unload();
    const cutting = await load("wasm", { cuts: true });
    expect((await cutting.embed(long)).embeddings).toEqual([expected[0]]);
    await cutting.unload();
    const special = await load("wasm", { cuts: true, addsSpecial: true });
    const { embeddings, usage } = await special.embed(long);
    expect(embeddings).toEqual([expected[1]]);
    expect(usage.promptTokens).toBe(LIMIT);
    await special.unload();
  });

  it("embeds an empty text by its special tokens, and says that one without any has no tokens", async () => {
    const special = await load("wasm", { addsSpecial: true });
    expect((await special.embed("")).usage.promptTokens).toBe(2);
    await special.unload();
    const plain = await load("wasm");
    await expect(plain.embed(["a", ""])).rejects.toMatchObject({ code: "invalid_request", detail: { index: 0 } });
    await plain.unload();
  });

  it("refuses what it is not for, what is no text, and what was aborted", async () => {
    const model = await load("wasm");
    const hooks = { onText: () => undefined };
    for (const call of [model.generate("x", {}, hooks), model.logits([1], 0)])
      await expect(call).rejects.toMatchObject({ code: "invalid_request", message: expect.stringContaining("embed") });
    for (const input of [[], null, 5, [5], [texts[0], null], {}])
      await expect(model.embed(input)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(model.embed(texts, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
    const controller = new AbortController();
    const many = model.embed(
      Array.from({ length: 2000 }, () => texts[3]!),
      controller.signal,
    );
    setTimeout(() => controller.abort(), 5);
    await expect(many).rejects.toMatchObject({ code: "aborted" });
    expect((await model.embed(texts[0]!)).embeddings).toHaveLength(1);
    await model.unload();
  });

  it("says that numbers are not finite", async () => {
    const model = await load("wasm", { broken: true });
    await expect(model.embed(texts)).rejects.toMatchObject({ code: "numeric_error", detail: { index: 0 } });
    await model.unload();
  });

  it("goes on where it was after it gave way, and on another device", async () => {
    const sources = { weights: streamOf(encoder), derived: null, kernel: async () => "" };
    const open = async () =>
      new Session(await systemDevices(gpu).open("wasm", parseProgram(programOf()), sources, { threads: 1 }));
    const [first, second] = [await open(), await open()];
    const task = new EmbedTask(first, encoder.texts);
    const advance = async () => {
      const advanced = await task.advance();
      if (typeof advanced === "object") await advanced.work;
      return advanced;
    };
    await advance();
    const lost = (await task.advance()) as { readonly work: Promise<void> };
    task.preempt();
    task.moveTo(second);
    await lost.work;
    expect(first.kv.freePages).toBe(first.kv.capacity);
    while (!task.over) await advance();
    const embeddings = await task.result;
    expect(await advance()).toBe("waiting");
    expect(second.kv.freePages).toBe(second.kv.capacity);
    embeddings.forEach((embedding, i) => {
      expect(cosine(embedding, encoder.embeddings[i]!)).toBeGreaterThan(ALIKE.wasm);
    });
    first.destroy();
    second.destroy();
  });

  it("is refused where its texts would need several calls, or its result lies elsewhere", () => {
    expect(() => parseProgram({ ...programOf(), prefill_chunk: LIMIT - 1 })).toThrow(/prefill_chunk/);
    const renamed = JSON.stringify(programOf()).replace(/"(name|out)":"embedding"/g, '"$1":"result"');
    expect(() => parseProgram(JSON.parse(renamed))).toThrow(/buffer embedding/);
  });
});

describe("a language model", () => {
  it("says that it gives no embeddings", async () => {
    const devices = fakeDevices({ adapter: { software: false } });
    const model = await LoadedModel.load(devices, toyPackage(), { device: "webgpu", threads: null });
    expect(model.task).toBe("generate");
    await expect(model.embed("a")).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining("call generate"),
    });
    await model.unload();
  });
});
