// Proves which stacks of adapters stay on a device: eviction by use, what a failure leaves, and what an unloaded adapter
// does while requests run. The device records what it is given; needs nothing.
import { beforeEach, describe, expect, it } from "vitest";
import type { Executor } from "../../src/device/executor";
import type { Program } from "../../src/device/program";
import type { Adapter, ReadyStack } from "../../src/engine/adapter";
import { AdapterSlots } from "../../src/engine/adapter_slots";
import { LlmError } from "../../src/internal/errors";

/** A stack of adapters with these serials. */
function ready(...serials: number[]): ReadyStack {
  const stack = serials.map((serial) => ({ adapter: { serial } as unknown as Adapter, weight: 1 }));
  return { key: serials.join("+"), stack, program: {} as Program, arrays: new Map() };
}

/** Holds `room` stacks at most, as a device with so much memory. */
class Device {
  readonly held: string[] = [];
  readonly calls: string[] = [];
  room = Number.POSITIVE_INFINITY;
  failure: Error | null = null;

  async addAdapters(key: string): Promise<void> {
    this.calls.push(`add ${key}`);
    // Later, as a device answers.
    await Promise.resolve();
    if (this.failure) throw this.failure;
    if (this.held.includes(key)) throw new Error(`${key} is in use`);
    if (this.held.length >= this.room) throw new LlmError("out_of_memory", "no room");
    this.held.push(key);
  }

  removeAdapters(key: string): void {
    this.calls.push(`remove ${key}`);
    const index = this.held.indexOf(key);
    if (index < 0) throw new Error(`${key} is not there`);
    this.held.splice(index, 1);
  }
}

let device: Device;
let slots: AdapterSlots;
beforeEach(() => {
  device = new Device();
  slots = new AdapterSlots(device as unknown as Executor);
});
const hold = async (...stacks: number[][]) => {
  for (const stack of stacks) await slots.hold(ready(...stack));
};

describe("holding", () => {
  it("puts a stack on the device once, and none for none", async () => {
    await slots.hold(null);
    await hold([1], [1], [1, 2], [1]);
    expect(device.calls).toEqual(["add 1", "add 1+2"]);
  });

  it("drops the one used longest ago where four are held", async () => {
    await hold([1], [2], [3], [4], [1], [5]);
    expect(device.held).toEqual(["1", "3", "4", "5"]);
    await hold([6], [7]);
    expect(device.held).toEqual(["1", "5", "6", "7"]);
    await hold([3]);
    expect(device.held).toEqual(["5", "6", "7", "3"]);
  });

  it("never drops what it is asked for, whatever else must go", async () => {
    device.room = 1;
    for (const serial of [1, 2, 1, 3, 3]) {
      await hold([serial]);
      expect(device.held).toEqual([`${serial}`]);
    }
  });
});

describe("a failure", () => {
  it("of memory drops one after the other until there is room", async () => {
    await hold([1], [2], [3]);
    device.room = 2;
    await hold([4]);
    expect(device.held).toEqual(["3", "4"]);
    expect(device.calls.slice(3)).toEqual(["add 4", "remove 1", "add 4", "remove 2", "add 4"]);
  });

  it("of memory with nothing left to drop is thrown, and later calls work", async () => {
    await hold([1]);
    device.room = 0;
    await expect(hold([2])).rejects.toMatchObject({ code: "out_of_memory" });
    expect(device.held).toEqual([]);
    device.room = 4;
    await hold([2], [1]);
    expect(device.held).toEqual(["2", "1"]);
  });

  it.each([new LlmError("unsupported_device", "no kernel"), new LlmError("device_lost", "gone"), new Error("ours")])(
    "of another kind leaves all as it was: %s",
    async (failure) => {
      await hold([1], [2]);
      device.failure = failure;
      await expect(hold([3])).rejects.toBe(failure);
      expect(device.held).toEqual(["1", "2"]);
      device.failure = null;
      await hold([1], [2]);
      expect(device.calls).toEqual(["add 1", "add 2", "add 3"]);
    },
  );
});

describe("unloading", () => {
  it("frees every stack that the adapter is in, at once where nothing runs", async () => {
    await hold([1], [2], [2, 1]);
    slots.forget(1, false);
    expect(device.held).toEqual(["2"]);
    slots.forget(9, false);
    expect(device.held).toEqual(["2"]);
  });

  it("waits for the next call where requests run", async () => {
    await hold([1], [2]);
    slots.forget(1, true);
    expect(device.held).toEqual(["1", "2"]);
    await slots.hold(null);
    expect(device.held).toEqual(["2"]);
  });

  it("lets a request that runs bring its stack back", async () => {
    await hold([1], [2]);
    slots.forget(1, true);
    await hold([1]);
    expect(device.held).toEqual(["2", "1"]);
    await hold([2], [1]);
    expect(device.calls.slice(2)).toEqual(["remove 1", "add 1"]);
  });

  it("of several adapters while requests run frees the stacks of all", async () => {
    await hold([1], [2], [3], [4, 2]);
    slots.forget(1, true);
    slots.forget(2, true);
    await hold([3]);
    expect(device.held).toEqual(["3"]);
  });
});
