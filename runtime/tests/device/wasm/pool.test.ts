// Proves that the threads of the CPU run every step of every function together, each with its own stack, on as many
// threads as a run asks for; and that a trap on any of them, or a thread that does not start, is a typed error and
// nobody hangs. The kernels are assembled by hand; the threads are Node's.
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CONTROL_BYTES, type Plan, Pool, type PoolOptions } from "../../../src/device/wasm/pool";
import { bundleWorker } from "../../fixtures/node_workers";
import { tinyKernels } from "../../fixtures/tiny_kernels";

const COUNT = 1000;
// Addresses.
const CONTROL = 0;
const WORDS = CONTROL_BYTES;
const SUMS = 16384;
const ZERO = 24576;
const STACKS = 32768;
const STACK_BYTES = 1024;

const PLAN: Plan = {
  count: [[["add", WORDS, COUNT]], [["sum", WORDS, SUMS, COUNT]]],
  twice: [
    [
      ["add", WORDS, COUNT],
      ["add", WORDS, COUNT],
    ],
  ],
  nothing: [],
  note: [[["note", SUMS]]],
  trap1: [[["add", WORDS, COUNT]], [["trap", 1]], [["add", WORDS, COUNT]]],
  trap0: [[["trap", 0]], [["add", WORDS, COUNT]]],
  hang1: [[["hang", 1, WORDS]]],
  // The second barrier is the first at which thread 0 knows that it has waited.
  late1: [[["late", 1, ZERO]], [["late", 1, ZERO]], [["add", WORDS, COUNT]], [["note", SUMS]]],
};

let makeHelper: () => Worker;
beforeAll(async () => {
  makeHelper = await bundleWorker("device/wasm/thread.ts");
});

async function open(size: number, changes: Partial<PoolOptions> = {}) {
  const shared = size > 1;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 16, shared });
  const pool = await Pool.create({
    module: tinyKernels(shared),
    memory,
    plan: PLAN,
    stacks: Array.from({ length: size }, (_, thread) => STACKS + thread * STACK_BYTES),
    stackBytes: STACK_BYTES,
    control: CONTROL,
    size,
    makeHelper,
    ...changes,
  });
  onTestFinished(() => pool.destroy());
  const words = (address: number, length: number) => [...new Int32Array(memory.buffer, address, length)];
  /** However long it takes: there may be fewer processors than threads. */
  const run = (names: readonly string[], threads: number) => pool.run(names, threads, Number.POSITIVE_INFINITY);
  return { pool, run, memory, words };
}

describe.each([1, 2, 3, 5])("a pool of %d", (size) => {
  it("runs every step of every function, with the whole work of the steps before it done", async () => {
    const { pool, run, words } = await open(size);
    expect(pool.size).toBe(size);
    let added = 0;
    for (let round = 0; round < 200; round++) {
      const threads = 1 + (round % size);
      run(["count", "nothing", "twice", "count"], threads);
      added += 4;
      expect(words(SUMS, threads)).toEqual(Array(threads).fill(added * COUNT));
    }
    expect(words(WORDS, COUNT)).toEqual(Array(COUNT).fill(added));
    run(["nothing"], size);
    run([], size);
    expect(pool.failure).toBeNull();
  });

  it("gives each thread its own stack", async () => {
    const { run, words } = await open(size);
    run(["note"], size);
    expect(words(SUMS, size)).toEqual(
      Array.from({ length: size }, (_, thread) => size + 256 * (STACKS + (thread + 1) * STACK_BYTES)),
    );
  });

  it("takes any number of functions at once", async () => {
    const { run, words } = await open(size);
    run(Array(1500).fill("twice"), size);
    expect(words(WORDS, COUNT)).toEqual(Array(COUNT).fill(3000));
  });

  it("goes on after pauses in which the threads fall asleep", async () => {
    const { run, words } = await open(size);
    for (let round = 1; round <= 5; round++) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      run(["count"], size);
      expect(words(SUMS, size)).toEqual(Array(size).fill(round * COUNT));
    }
  });

  it("leaves helpers behind that keep it waiting, for the rest of the run, and has them in the next one", async () => {
    if (size === 1) return;
    const { pool, run, memory, words } = await open(size);
    const noted = (thread: number, threads: number) => threads + 256 * (STACKS + (thread + 1) * STACK_BYTES);
    for (let round = 1; round <= 20; round++) {
      new Int32Array(memory.buffer, SUMS, size).fill(0);
      pool.run(["late1", "note"], size);
      expect(words(SUMS, size)).toEqual([noted(0, 1), ...Array(size - 1).fill(0)]);
      expect(words(WORDS, COUNT)).toEqual(Array(COUNT).fill(2 * round - 1));
      run(["count", "note"], size);
      expect(words(SUMS, size)).toEqual(Array.from({ length: size }, (_, thread) => noted(thread, size)));
      expect(words(WORDS, COUNT)).toEqual(Array(COUNT).fill(2 * round));
    }
  });

  it("goes on after the memory has grown", async () => {
    const { run, memory, words } = await open(size);
    run(["count"], size);
    memory.grow(3);
    run(["count"], size);
    expect(words(SUMS, size)).toEqual(Array(size).fill(2 * COUNT));
  });

  it("fails for good when a kernel traps on thread 0", async () => {
    const { pool, run } = await open(size);
    run(["count"], size);
    expect(() => run(["count", "trap0"], size)).toThrow(
      expect.objectContaining({ code: "internal", message: expect.stringContaining("unreachable") }),
    );
    expect(await pool.failed).toMatchObject({ code: "internal" });
    expect(() => pool.run(["count"], 1)).toThrow(expect.objectContaining({ code: "internal" }));
  });

  it("refuses what is not in the plan, and more threads than it has, and goes on", async () => {
    const { pool, run, words } = await open(size);
    for (const [names, threads] of [
      [["other"], size],
      [["toString"], size],
      [["count"], size + 1],
      [["count"], 0],
      [["count"], 0.5],
    ] as const)
      expect(() => pool.run(names, threads)).toThrow(expect.objectContaining({ code: "internal" }));
    run(["count"], size);
    expect(words(SUMS, size)).toEqual(Array(size).fill(COUNT));
  });
});

describe("a pool with helpers", () => {
  it("fails for good when a kernel traps on one of them", async () => {
    for (const size of [2, 3]) {
      const { pool, run } = await open(size);
      run(["count"], size);
      expect(() => run(["trap1"], size)).toThrow(
        expect.objectContaining({ code: "internal", message: expect.stringContaining("thread 1") }),
      );
      expect(pool.failure).not.toBeNull();
      expect(await pool.failed).toBe(pool.failure);
      expect(() => pool.run(["count"], 1)).toThrow(expect.objectContaining({ code: "internal" }));
    }
  });

  it("can be ended while a helper is busy", async () => {
    const { pool, memory } = await open(2);
    // Thread 0 would wait for the helper; a word that is set lets both leave at once, and the pool is ended.
    new Int32Array(memory.buffer, WORDS, 1)[0] = 1;
    pool.run(["hang1"], 2);
    pool.destroy();
    expect(() => pool.run(["count"], 1)).toThrow(expect.objectContaining({ code: "internal" }));
    expect(pool.failure).toBeNull();
  });

  it("is as large as its environment allows", async () => {
    const { makeHelper: _, ...rest } = { makeHelper };
    // Node has no Worker, as a page that is not cross-origin isolated shares no memory.
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 16, shared: true });
    const pool = await Pool.create({
      module: tinyKernels(true),
      memory,
      plan: PLAN,
      stacks: [STACKS, STACKS + STACK_BYTES],
      stackBytes: STACK_BYTES,
      control: CONTROL,
      size: 2,
      ...rest,
    });
    expect(pool.size).toBe(1);
    pool.run(["count"], 1);
    expect(new Int32Array(memory.buffer, SUMS, 1)[0]).toBe(COUNT);
  });
});

/** A worker that says nothing, or what it is told to. */
class FakeWorker extends EventTarget {
  terminated = false;
  constructor(private readonly answer: Event | null) {
    super();
  }
  postMessage(): void {
    if (this.answer) queueMicrotask(() => this.dispatchEvent(this.answer!));
  }
  terminate(): void {
    this.terminated = true;
  }
}

describe("a pool whose threads do not start", () => {
  it.each([
    ["its script fails", new MessageEvent("message", { data: { failed: "no memory" } }), "no memory"],
    ["its script is not there", Object.assign(new Event("error"), { message: "" }), "could not be loaded"],
    ["it says nothing", null, "5000 ms"],
  ])("is refused when %s", async (_, answer, message) => {
    const workers: FakeWorker[] = [];
    const opening = open(3, {
      makeHelper: () => {
        workers.push(new FakeWorker(answer));
        return workers.at(-1) as unknown as Worker;
      },
    });
    await expect(opening).rejects.toMatchObject({
      code: "unsupported_device",
      message: expect.stringContaining(message),
    });
    expect(workers.map(({ terminated }) => terminated)).toEqual([true, true]);
  });

  it("is refused when the page may not make workers", async () => {
    const makeHelper = () => {
      throw new DOMException("blocked", "SecurityError");
    };
    await expect(open(2, { makeHelper })).rejects.toMatchObject({
      code: "unsupported_device",
      message: expect.stringContaining("blocked"),
    });
  });

  it("is refused when the plan names a kernel that is not there", async () => {
    for (const size of [1, 2])
      await expect(open(size, { plan: { x: [[["nonesuch", 1]]] } })).rejects.toMatchObject({
        code: "internal",
        message: expect.stringContaining("nonesuch"),
      });
  });
});
