/**
 * Computes known cases with the kernels that were chosen for this device and says which answers are wrong.
 *
 * Everything runs in one submit and is read back at once; buffers live only here.
 */
import type { Device } from "./device";
import { BUFFER_USAGE, MAP_READ_MODE } from "./gpu_flags";
import { inputBytes, isRight, type KnownAnswer } from "./known_answer";
import type { Pipeline } from "./pipelines";

export interface Trial {
  /** What is tried, for the result. */
  readonly id: string;
  readonly answer: KnownAnswer;
  /** Bytes of the operator's own buffers. */
  readonly scratch: ReadonlyMap<string, number>;
  readonly dispatches: readonly Dispatch[];
}
export interface Dispatch {
  readonly pipeline: Pipeline;
  /** Argument or scratch buffer at storage binding 0, 1, ... */
  readonly bindings: readonly string[];
  /** The uniform struct after the storage bindings; null: none. */
  readonly uniform: Uint8Array<ArrayBuffer> | null;
  readonly grid: readonly [number, number, number];
}

/** The ids of the trials whose answer is wrong. Errors: the device's failure, out_of_memory. */
export async function wrongTrials(device: Device, trials: readonly Trial[]): Promise<ReadonlySet<string>> {
  if (trials.length === 0) return new Set();
  const { gpu } = device;
  const made: GPUBuffer[] = [];
  const buffer = (size: number, usage: number, content?: Uint8Array<ArrayBuffer>): GPUBuffer => {
    const padded = Math.ceil(Math.max(size, 16) / 16) * 16;
    const result = gpu.createBuffer({ size: padded, usage, mappedAtCreation: content !== undefined });
    made.push(result);
    if (content) {
      new Uint8Array(result.getMappedRange()).set(content);
      result.unmap();
    }
    return result;
  };
  try {
    const outputs: { trial: Trial; name: string; offset: number; bytes: number }[] = [];
    const staging = await device.create("the known answers of its kernels", () => {
      const encoder = gpu.createCommandEncoder();
      const copies: { source: GPUBuffer; bytes: number; offset: number }[] = [];
      let offset = 0;
      const pass = encoder.beginComputePass();
      for (const trial of trials) {
        const buffers = new Map<string, GPUBuffer>();
        for (const [name, input] of Object.entries(trial.answer.arrays)) {
          const content = inputBytes(input);
          const source = buffer(content.length, BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_SRC, content);
          buffers.set(name, source);
          if (!Object.hasOwn(trial.answer.expected, name)) continue;
          outputs.push({ trial, name, offset, bytes: content.length });
          copies.push({ source, bytes: content.length, offset });
          offset += content.length;
        }
        for (const [name, bytes] of trial.scratch) buffers.set(name, buffer(bytes, BUFFER_USAGE.STORAGE));
        for (const dispatch of trial.dispatches) encode(pass, dispatch, buffers);
      }
      pass.end();
      const result = buffer(offset, BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST);
      for (const copy of copies) encoder.copyBufferToBuffer(copy.source, 0, result, copy.offset, copy.bytes);
      gpu.queue.submit([encoder.finish()]);
      return result;
    });
    await device.guard(staging.mapAsync(MAP_READ_MODE));
    const bytes = staging.getMappedRange().slice(0);
    const wrong = outputs.filter(
      ({ trial, name, offset, bytes: length }) =>
        !isRight(trial.answer.expected[name]!, bytes.slice(offset, offset + length)),
    );
    return new Set(wrong.map(({ trial }) => trial.id));
  } finally {
    for (const each of made) each.destroy();
  }

  function encode(pass: GPUComputePassEncoder, dispatch: Dispatch, buffers: ReadonlyMap<string, GPUBuffer>): void {
    const { pipeline, bindings, uniform, grid } = dispatch;
    const entries = bindings.map((name, binding) => ({ binding, resource: { buffer: buffers.get(name)! } }));
    if (uniform) {
      const resource = { buffer: buffer(uniform.length, BUFFER_USAGE.UNIFORM, uniform) };
      entries.push({ binding: entries.length, resource });
    }
    pass.setPipeline(pipeline.pipeline);
    pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.layout, entries }));
    pass.dispatchWorkgroups(...grid);
  }
}
