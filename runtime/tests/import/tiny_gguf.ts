/** A small Llama as a GGUF file, of seeded random blocks: enough to import, and to damage. */

type Value = string | number | boolean | readonly string[] | Int32Array;

export interface TinyOptions {
  /** Rows of the embedding: from 66,000 on its table has a shard of its own. */
  readonly rows?: number;
  readonly hidden?: number;
  readonly layers?: number;
  readonly seed?: number;
  /** Keys that are added or replaced; null: left out. */
  readonly metadata?: Readonly<Record<string, Value | null>>;
}

const Q8_0 = 8;
const F32 = 0;
const ALIGNMENT = 32;

export function tinyGguf(options: TinyOptions = {}): Uint8Array<ArrayBuffer> {
  const { rows = 320, hidden = 64, layers = 2, seed = 1, metadata = {} } = options;
  const tensors: { name: string; shape: number[]; type: number }[] = [];
  const add = (name: string, shape: number[]) =>
    tensors.push({ name: `${name}.weight`, shape, type: shape.length === 2 ? Q8_0 : F32 });
  add("token_embd", [rows, hidden]);
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}`;
    add(`${block}.attn_norm`, [hidden]);
    add(`${block}.attn_q`, [hidden, hidden]);
    add(`${block}.attn_k`, [hidden / 2, hidden]);
    add(`${block}.attn_v`, [hidden / 2, hidden]);
    add(`${block}.attn_output`, [hidden, hidden]);
    add(`${block}.ffn_norm`, [hidden]);
    add(`${block}.ffn_gate`, [2 * hidden, hidden]);
    add(`${block}.ffn_up`, [2 * hidden, hidden]);
    add(`${block}.ffn_down`, [hidden, 2 * hidden]);
  }
  add("output_norm", [hidden]);
  const all: Record<string, Value | null> = {
    "general.architecture": "llama",
    "llama.context_length": 64,
    "llama.embedding_length": hidden,
    "llama.feed_forward_length": 2 * hidden,
    "llama.block_count": layers,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": [...byteTokens(), "ab", "<|end|>"],
    "tokenizer.ggml.token_type": Int32Array.from({ length: 258 }, (_, i) => (i === 257 ? 3 : 1)),
    "tokenizer.ggml.merges": ["a b"],
    "tokenizer.ggml.eos_token_id": 257,
    ...metadata,
  };
  const head = new Writer();
  head.text("GGUF");
  head.uint32(3);
  head.uint64(tensors.length);
  const entries = Object.entries(all).filter((entry): entry is [string, Value] => entry[1] !== null);
  head.uint64(entries.length);
  for (const [key, value] of entries) {
    head.string(key);
    head.value(value);
  }
  let offset = 0;
  const placed = tensors.map(({ name, shape, type }) => {
    const values = shape.reduce((product, size) => product * size, 1);
    const nbytes = type === Q8_0 ? (values / 32) * 34 : 4 * values;
    head.string(name);
    head.uint32(shape.length);
    for (const size of [...shape].reverse()) head.uint64(size);
    head.uint32(type);
    head.uint64(offset);
    const at = offset;
    offset = Math.ceil((at + nbytes) / ALIGNMENT) * ALIGNMENT;
    return { at, nbytes, type };
  });
  const start = Math.ceil(head.length / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start + offset);
  bytes.set(head.bytes());
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  for (const { at, nbytes, type } of placed) {
    const data = bytes.subarray(start + at, start + at + nbytes);
    if (type === F32) new Float32Array(bytes.buffer, start + at, nbytes / 4).fill(1);
    else {
      for (let i = 0; i < nbytes; i++) data[i] = random();
      for (let i = 0; i < nbytes; i += 34) [data[i], data[i + 1]] = [random(), 0x20]; // a scale of 0.01
    }
  }
  return bytes;
}

/** GPT-2's characters for the 256 bytes. */
function byteTokens(): string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 255 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

class Writer {
  private readonly pieces: Uint8Array[] = [];
  length = 0;

  bytes(): Uint8Array {
    return Buffer.concat(this.pieces);
  }

  private raw(bytes: Uint8Array): void {
    this.pieces.push(bytes);
    this.length += bytes.length;
  }

  text(text: string): void {
    this.raw(new TextEncoder().encode(text));
  }

  uint32(value: number): void {
    this.raw(new Uint8Array(Uint32Array.of(value).buffer));
  }

  uint64(value: number): void {
    this.raw(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.uint64(bytes.length);
    this.raw(bytes);
  }

  value(value: Value): void {
    if (typeof value === "string") {
      this.uint32(8);
      this.string(value);
    } else if (typeof value === "boolean") {
      this.uint32(7);
      this.raw(Uint8Array.of(value ? 1 : 0));
    } else if (typeof value === "number") {
      this.uint32(Number.isInteger(value) ? 4 : 6);
      this.raw(new Uint8Array((Number.isInteger(value) ? Uint32Array.of(value) : Float32Array.of(value)).buffer));
    } else {
      this.uint32(9);
      this.uint32(value instanceof Int32Array ? 5 : 8);
      this.uint64(value.length);
      if (value instanceof Int32Array) this.raw(new Uint8Array(value.buffer));
      else for (const text of value) this.string(text);
    }
  }
}
