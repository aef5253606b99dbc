/**
 * Whether this device reads float16 below 2^-14, subnormal ones, as they are. WGSL lets unpack2x16float take them for
 * zero; a group of weights with such a scale would then vanish (docs/decisions/0087).
 */
import type { Device } from "./device";
import { BUFFER_USAGE, MAP_READ_MODE } from "./gpu_flags";

// The smallest and the largest subnormal number, one in the middle with a sign, and a normal one: by the bits.
const HALVES = Uint32Array.of(0x03ff_0001, 0x0400_8200);
const VALUES = Float32Array.of(2 ** -24, 1023 * 2 ** -24, -(2 ** -15), 2 ** -14);
const KERNEL = `
@group(0) @binding(0) var<storage, read> halves: array<u32>;
@group(0) @binding(1) var<storage, read_write> values: array<vec2f>;
@compute @workgroup_size(2)
fn main(@builtin(local_invocation_index) i: u32) { values[i] = unpack2x16float(halves[i]); }`;

/** Errors: the device's failure, out_of_memory. */
export async function readsSubnormalHalves(device: Device): Promise<boolean> {
  const { gpu } = device;
  const size = VALUES.byteLength;
  const [input, output, staging] = await device.create("the probe of float16", () => {
    const halves = gpu.createBuffer({ size: HALVES.byteLength, usage: BUFFER_USAGE.STORAGE, mappedAtCreation: true });
    new Uint32Array(halves.getMappedRange()).set(HALVES);
    halves.unmap();
    return [
      halves,
      gpu.createBuffer({ size, usage: BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_SRC }),
      gpu.createBuffer({ size, usage: BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST }),
    ];
  });
  try {
    const module = gpu.createShaderModule({ label: "halves", code: KERNEL });
    const pipeline = await device.guard(
      gpu.createComputePipelineAsync({ label: "halves", layout: "auto", compute: { module } }),
    );
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    const entries = [input!, output!].map((buffer, binding) => ({ binding, resource: { buffer } }));
    pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(output!, 0, staging!, 0, size);
    gpu.queue.submit([encoder.finish()]);
    await device.guard(staging!.mapAsync(MAP_READ_MODE));
    return judge(new Float32Array(staging!.getMappedRange().slice(0)));
  } finally {
    for (const buffer of [input!, output!, staging!]) buffer.destroy();
  }
}

/** Whether these are what the probe's bits stand for. */
export function judge(values: Float32Array): boolean {
  return VALUES.every((value, i) => values[i] === value);
}
