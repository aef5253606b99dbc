/** A small package and an HTTP server on 127.0.0.1 that serves it and misbehaves as it is told. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Request {
  readonly path: string;
  readonly range: string | null;
}

/** What happens to a request for a path; each is used up by one request unless it says `always`. */
export type Fault =
  | { readonly kind: "truncate"; readonly after: number }
  | { readonly kind: "status"; readonly status: number; readonly always?: boolean }
  | { readonly kind: "stall"; readonly after: number; readonly always?: boolean }
  | { readonly kind: "flip"; readonly at: number; readonly always?: boolean }
  | { readonly kind: "redirect"; readonly to: string }
  | { readonly kind: "longer" }
  | { readonly kind: "wrong-range" }
  | { readonly kind: "replaced" };

export class PackageServer {
  readonly requests: Request[] = [];
  readonly faults = new Map<string, Fault[]>();
  ignoreRange = false;
  private readonly server: Server;

  private constructor(readonly files: Map<string, Uint8Array>) {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  static async start(files: Map<string, Uint8Array>): Promise<PackageServer> {
    const started = new PackageServer(files);
    await new Promise<void>((resolve) => started.server.listen(0, "127.0.0.1", resolve));
    return started;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/models/small/`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  ask(path: string): Request[] {
    return this.requests.filter((request) => request.path === path);
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url!, this.url).pathname.replace(/^\/(models\/small|moved)\//, "");
    const range = request.headers.range ?? null;
    this.requests.push({ path, range });
    const bytes = this.files.get(path);
    const list = this.faults.get(path);
    const fault = list?.[0];
    if (fault !== undefined && !("always" in fault && fault.always)) list!.shift();
    if (bytes === undefined) {
      response.writeHead(404).end("no such file");
      return;
    }
    if (fault?.kind === "status") {
      response.writeHead(fault.status).end("fault");
      return;
    }
    if (fault?.kind === "redirect") {
      response.writeHead(302, { location: fault.to }).end();
      return;
    }
    const start = range === null || this.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(range)![1]);
    let body = Buffer.from(bytes.subarray(start));
    const headers: Record<string, string | number> = { "content-length": body.length };
    headers.etag = fault?.kind === "replaced" ? '"v2"' : '"v1"';
    if (start > 0)
      headers["content-range"] =
        `bytes ${fault?.kind === "wrong-range" ? start + 1 : start}-${bytes.length - 1}/${bytes.length}`;
    if (fault?.kind === "flip") body[fault.at] = body[fault.at]! ^ 1;
    if (fault?.kind === "longer") {
      body = Buffer.concat([body, Buffer.from("more")]);
      headers["content-length"] = body.length;
    }
    response.writeHead(start > 0 ? 206 : 200, headers);
    if (fault?.kind === "truncate") {
      // With time for the client to take what was sent: a fetch that fails drops what nobody has read yet.
      response.write(body.subarray(0, fault.after), () => setTimeout(() => response.destroy(), 500));
    } else if (fault?.kind === "stall") {
      response.write(body.subarray(0, fault.after));
    } else response.end(body);
  }
}

export interface SmallPackage {
  readonly files: Map<string, Uint8Array>;
  readonly manifest: Record<string, unknown> & { files: { path: string; nbytes: number; sha256: string }[] };
  /** name → bytes of the parameter */
  readonly parameters: Map<string, Uint8Array>;
}

/** Two shards, one with a parameter of more than one piece; texts; a program. `seed` changes all weights. */
export function smallPackage(seed = 1): SmallPackage {
  const parameters = new Map<string, Uint8Array>();
  const parameter = (name: string, nbytes: number): Uint8Array => {
    const bytes = new Uint8Array(nbytes);
    let state = seed * 2654435761 + nbytes;
    for (let index = 0; index < nbytes; index++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bytes[index] = state >>> 24;
    }
    parameters.set(name, bytes);
    return bytes;
  };
  const shards = [
    [
      {
        name: "model.embed_tokens.q_weight",
        dtype: "uint32",
        format: "raw",
        shape: [100, 25],
        bytes: parameter("model.embed_tokens.q_weight", 10_000),
      },
      {
        name: "model.norm.weight",
        dtype: "float32",
        format: "f32-to-bf16",
        shape: [33],
        bytes: parameter("model.norm.weight", 66),
      },
      { name: "empty", dtype: "float32", format: "raw", shape: [0, 4], bytes: parameter("empty", 0) },
    ],
    [
      {
        name: "lm_head.weight",
        dtype: "float16",
        format: "f32-to-bf16",
        shape: [2_250_001],
        bytes: parameter("lm_head.weight", 4_500_002),
      },
    ],
  ];
  const files = new Map<string, Uint8Array>();
  const records = shards.map((shard, index) => {
    const dataPath = `params_shard_${index}.bin`;
    let byteOffset = 0;
    const entries = shard.map(({ name, dtype, format, shape, bytes }) => {
      const record = { name, shape, dtype, format, nbytes: bytes.length, byteOffset };
      byteOffset += bytes.length;
      return record;
    });
    files.set(`weights/${dataPath}`, Buffer.concat(shard.map(({ bytes }) => bytes)));
    return { dataPath, format: "raw-shard", nbytes: byteOffset, md5sum: "0".repeat(32), records: entries };
  });
  const text = (path: string, value: unknown): void => {
    files.set(path, new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value)));
  };
  text("weights/tensor-cache.json", { metadata: { ParamSize: 4 }, records });
  text("program/program.json", { hello: "program" });
  text("program/kernel.wgsl", "// ünïcode\n");
  text("tokenizer.json", { model: {} });
  text("tokenizer_config.json", {});
  const manifest = {
    format: "nomoat-package",
    version: 1,
    id: "small-q4",
    name: "Small",
    architecture: "LlamaForCausalLM",
    quantization: "q4",
    context_length: 128,
    parameter_count: 1000,
    license: null,
    provenance: { source: "made-up", source_format: "safetensors", compiler: "0.1", tvm: "0.27" },
    program: "program/program.json",
    weights: "weights/tensor-cache.json",
    tokenizer: {
      tokenizer: "tokenizer.json",
      tokenizer_config: "tokenizer_config.json",
      chat_template: null,
      generation_config: null,
    },
    files: [],
  };
  const built = { files, manifest: manifest as unknown as SmallPackage["manifest"], parameters };
  sealManifest(built);
  return built;
}

/** Writes sizes and digests of the files as they are into nomoat.json. */
export function sealManifest({ files, manifest }: SmallPackage): void {
  files.delete("nomoat.json");
  manifest.files = [...files.entries()]
    .map(([path, bytes]) => ({ path, nbytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }))
    .sort((left, right) => (left.path < right.path ? -1 : 1));
  files.set("nomoat.json", new TextEncoder().encode(JSON.stringify(manifest)));
}
