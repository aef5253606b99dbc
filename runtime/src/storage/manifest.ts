/**
 * nomoat.json: what a package is, and the size and SHA-256 of every other file in it.
 *
 * Written by hand against compiler/nomoat_compiler/program/manifest.schema.json, which owns the format;
 * tests/parity/test_manifest_js.py runs both over the same table of good and bad manifests.
 */
import { LlmError } from "../internal/errors";
import { Reader } from "../internal/reader";

export interface PackageFile {
  readonly path: string;
  readonly nbytes: number;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

export interface AdapterBase {
  readonly id: string;
  readonly source: string;
  readonly quantization: string;
  readonly weights_sha256: string;
}

export interface Manifest {
  readonly format: "nomoat-package";
  readonly version: 1;
  /** Only adapters have these two; every other package is a model. */
  readonly kind?: "adapter";
  /** The model package that the adapter was compiled for. */
  readonly base?: AdapterBase;
  readonly id: string;
  readonly name: string;
  /** A name for people: what to compute is in the program. */
  readonly architecture: string;
  readonly quantization: string;
  readonly context_length: number;
  readonly parameter_count: number;
  readonly license: string | null;
  readonly provenance: {
    readonly source: string;
    readonly source_format: "safetensors" | "gguf" | "mlc" | "config" | "peft";
    readonly compiler: string;
    readonly tvm: string;
  };
  /** Null in an adapter. */
  readonly program: "program/program.json" | null;
  readonly weights: "weights/tensor-cache.json" | null;
  readonly tokenizer: {
    readonly tokenizer: "tokenizer.json" | null;
    readonly tokenizer_config: "tokenizer_config.json" | null;
    readonly chat_template: "chat_template.jinja" | null;
    readonly generation_config: "generation_config.json" | null;
  };
  readonly files: readonly PackageFile[];
}

export const MANIFEST_NAME = "nomoat.json";
export const MAX_MANIFEST_BYTES = 32 * 1024 * 1024;

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const QUANTIZATION = /^[a-z0-9_]{1,32}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const PATH = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\/){0,4}[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;
const TOKENIZER_PATHS = {
  tokenizer: "tokenizer.json",
  tokenizer_config: "tokenizer_config.json",
  chat_template: "chat_template.jinja",
  generation_config: "generation_config.json",
} as const;
const REQUIRED = [
  "format",
  "version",
  "id",
  "name",
  "architecture",
  "quantization",
  "context_length",
  "parameter_count",
  "license",
  "provenance",
  "program",
  "weights",
  "tokenizer",
  "files",
];

const read = new Reader("invalid_package", MANIFEST_NAME);

/** Errors: `invalid_package` where the schema is broken, a path is listed twice or a named file is not listed. */
export function parseManifest(json: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new LlmError("invalid_package", `${MANIFEST_NAME} must be JSON; it cannot be parsed.`, {
      path: MANIFEST_NAME,
    });
  }
  const manifest = readManifest(value);
  checkListed(manifest);
  return manifest;
}

export function isPackageId(id: string): boolean {
  return ID.test(id);
}

/** The manifest's entry; `invalid_package` for a path that the manifest does not list. */
export function listedFile(manifest: Manifest, path: string): PackageFile {
  const file = manifest.files.find((candidate) => candidate.path === path);
  if (file === undefined) {
    throw new LlmError("invalid_package", `${MANIFEST_NAME} must list ${path.slice(0, 200)}; it does not.`, {
      path: path.slice(0, 200),
    });
  }
  return file;
}

function readManifest(value: unknown): Manifest {
  const adapter = Object.hasOwn(Object(value), "kind");
  const root = read.object(value, "the manifest", adapter ? [...REQUIRED, "kind", "base"] : REQUIRED);
  const provenance = read.object(root.provenance, "provenance", ["source", "source_format", "compiler", "tvm"]);
  const tokenizer = read.object(root.tokenizer, "tokenizer", Object.keys(TOKENIZER_PATHS));
  return {
    format: read.oneOf(root.format, "format", ["nomoat-package"]),
    version: read.oneOf(root.version, "version", [1]),
    ...(adapter ? { kind: read.oneOf(root.kind, "kind", ["adapter"]), base: readBase(root.base) } : {}),
    id: read.matching(root.id, "id", ID),
    name: characters(root.name, "name", 1, 200),
    architecture: read.matching(root.architecture, "architecture", /^[A-Za-z0-9_]{1,100}$/),
    quantization: read.matching(root.quantization, "quantization", QUANTIZATION),
    context_length: read.integer(root.context_length, "context_length", 1, 1_048_576),
    parameter_count: read.integer(root.parameter_count, "parameter_count", 1, 1_000_000_000_000),
    license: root.license === null ? null : characters(root.license, "license", 0, 200),
    provenance: {
      source: characters(provenance.source, "provenance.source", 0, 300),
      source_format: read.oneOf(provenance.source_format, "provenance.source_format", [
        "safetensors",
        "gguf",
        "mlc",
        "config",
        "peft",
      ]),
      compiler: characters(provenance.compiler, "provenance.compiler", 0, 60),
      tvm: characters(provenance.tvm, "provenance.tvm", 0, 60),
    },
    program: read.oneOf(root.program, "program", [adapter ? null : "program/program.json"]),
    weights: read.oneOf(root.weights, "weights", ["weights/tensor-cache.json", ...(adapter ? [] : [null])]),
    tokenizer: {
      tokenizer: tokenizerPath(tokenizer, "tokenizer", adapter),
      tokenizer_config: tokenizerPath(tokenizer, "tokenizer_config", adapter),
      chat_template: tokenizerPath(tokenizer, "chat_template", adapter),
      generation_config: tokenizerPath(tokenizer, "generation_config", adapter),
    },
    files: read.array(root.files, "files", 1, 65_536).map((file, index) => {
      const entry = read.object(file, `files[${index}]`, ["path", "nbytes", "sha256"]);
      return {
        path: read.matching(entry.path, `files[${index}].path`, PATH),
        nbytes: read.integer(entry.nbytes, `files[${index}].nbytes`, 0, 17_179_869_184),
        sha256: read.matching(entry.sha256, `files[${index}].sha256`, SHA256),
      };
    }),
  };
}

function readBase(value: unknown): AdapterBase {
  const base = read.object(value, "base", ["id", "source", "quantization", "weights_sha256"]);
  return {
    id: read.matching(base.id, "base.id", ID),
    source: characters(base.source, "base.source", 0, 300),
    quantization: read.matching(base.quantization, "base.quantization", QUANTIZATION),
    weights_sha256: read.matching(base.weights_sha256, "base.weights_sha256", SHA256),
  };
}

function tokenizerPath<K extends keyof typeof TOKENIZER_PATHS>(
  tokenizer: Record<string, unknown>,
  key: K,
  adapter: boolean,
): (typeof TOKENIZER_PATHS)[K] | null {
  return read.oneOf(tokenizer[key], `tokenizer.${key}`, adapter ? [null] : [null, TOKENIZER_PATHS[key]]);
}

/** JSON Schema counts characters, not UTF-16 units. */
function characters(value: unknown, path: string, minimum: number, maximum: number): string {
  const text = read.string(value, path, 2 * maximum);
  const { length } = Array.from(text);
  if (length < minimum || length > maximum) read.fail(path, `a string of ${minimum} to ${maximum} characters`, length);
  return text;
}

function checkListed(manifest: Manifest): void {
  const paths = new Set<string>();
  for (const { path } of manifest.files) {
    if (path === MANIFEST_NAME) read.fail("files", `a list without ${MANIFEST_NAME}`);
    // Case folds too: a package must not depend on a file system that tells A from a.
    const folded = path.toLowerCase();
    if (paths.has(folded)) read.fail("files", "a list in which every path is there once", path);
    paths.add(folded);
  }
  for (const path of paths) {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      if (paths.has(path.slice(0, slash))) read.fail("files", "a list in which no file is also a folder", path);
    }
  }
  for (const path of [manifest.program, manifest.weights, ...Object.values(manifest.tokenizer)]) {
    if (path !== null) listedFile(manifest, path);
  }
}
