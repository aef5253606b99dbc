/**
 * What this device's subgroups really are: their size, and whether neighbouring invocations of a one-dimensional
 * workgroup are neighbouring lanes. WGSL promises neither, and kernels that shuffle rely on both.
 */
import type { Device } from "./device";
import { BUFFER_USAGE, MAP_READ_MODE } from "./gpu_flags";

const THREADS = 64;
const KERNEL = `
enable subgroups;
@group(0) @binding(0) var<storage, read_write> seen: array<vec4u>;
@compute @workgroup_size(${THREADS})
fn main(
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) lane: u32,
  @builtin(subgroup_size) size: u32,
) {
  seen[index] = vec4u(lane, size, subgroupShuffleDown(index, 1u), 0u);
}`;

export interface Subgroups {
  /** Lanes of a subgroup, as a kernel sees it; 0 where the device has no subgroups. */
  readonly size: number;
  /** Invocation i of a workgroup is lane i modulo size, and a shuffle reads its neighbour. */
  readonly ordered: boolean;
}

/** Errors: the device's failure, out_of_memory. A device that cannot compile the probe has no usable subgroups. */
export async function probeSubgroups(device: Device): Promise<Subgroups> {
  if (!device.capabilities.features.has("subgroups")) return { size: 0, ordered: false };
  const { gpu } = device;
  gpu.pushErrorScope("validation");
  const module = gpu.createShaderModule({ label: "subgroups", code: KERNEL });
  const compiling = gpu.createComputePipelineAsync({ label: "subgroups", layout: "auto", compute: { module } });
  const scope = gpu.popErrorScope();
  let pipeline: GPUComputePipeline;
  try {
    [pipeline] = await device.guard(Promise.all([compiling, scope]));
  } catch {
    if (device.failure) throw device.failure;
    return { size: 0, ordered: false };
  }
  const size = THREADS * 16;
  const [seen, staging] = await device.create("the probe of subgroups", () => [
    gpu.createBuffer({ size, usage: BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_SRC }),
    gpu.createBuffer({ size, usage: BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST }),
  ]);
  try {
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      gpu.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer: seen! } }],
      }),
    );
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(seen!, 0, staging!, 0, size);
    gpu.queue.submit([encoder.finish()]);
    await device.guard(staging!.mapAsync(MAP_READ_MODE));
    return judge(new Uint32Array(staging!.getMappedRange().slice(0)));
  } finally {
    seen!.destroy();
    staging!.destroy();
  }
}

/** `seen`: lane, size and the right neighbour's index for each invocation. */
export function judge(seen: Uint32Array): Subgroups {
  const size = seen[1]!;
  let ordered = size > 0;
  for (let index = 0; index < THREADS && ordered; index++) {
    const [lane, own, neighbour] = seen.subarray(4 * index, 4 * index + 3);
    // Past the last lane a shuffle reads nothing that is defined.
    const shuffled = index % size === size - 1 || index === THREADS - 1 || neighbour === index + 1;
    ordered = own === size && lane === index % size && shuffled;
  }
  return { size, ordered };
}
