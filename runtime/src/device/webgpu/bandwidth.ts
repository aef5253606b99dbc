/**
 * How fast this GPU streams the weights from its memory: a kernel that reads the largest weight buffers and adds them
 * up, in 1e9 bytes per second. Caches help where all weights fit into them, as they help decoding there.
 */
import type { Device } from "./device";
import { BUFFER_USAGE } from "./gpu_flags";

const THREADS = 256;
const MAX_GROUPS = 4096;
/** Small buffers would measure the time of a dispatch. */
const MOST_BUFFERS = 64;
/** Long enough that the wait for the queue, about a millisecond, does not count. */
const RUN_MS = 40;
const MOST_ROUNDS = 1024;
const REPETITIONS = 4;

const KERNEL = `
@group(0) @binding(0) var<storage, read> weights: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * ${THREADS}u;
  let length = arrayLength(&weights);
  var sum = vec4u(0u);
  for (var i = id.x; i < length; i += stride) { sum += weights[i]; }
  sums[id.x] = sum.x + sum.y + sum.z + sum.w;
}`;

/** `buffers`: storage buffers of a multiple of 16 bytes. Errors: the device's failure, out_of_memory, aborted. */
export async function measureBandwidth(
  device: Device,
  buffers: readonly GPUBuffer[],
  signal?: AbortSignal,
): Promise<number> {
  const { gpu } = device;
  const largest = [...buffers].sort((left, right) => right.size - left.size).slice(0, MOST_BUFFERS);
  const bytes = largest.reduce((total, { size }) => total + size, 0);
  const module = gpu.createShaderModule({ label: "bandwidth", code: KERNEL });
  const pipeline = await device.guard(
    gpu.createComputePipelineAsync({ label: "bandwidth", layout: "auto", compute: { module, entryPoint: "main" } }),
  );
  const sums = await device.create("the measurement of the memory", () =>
    gpu.createBuffer({ size: MAX_GROUPS * THREADS * 4, usage: BUFFER_USAGE.STORAGE }),
  );
  try {
    const work = largest.map((buffer) => ({
      groups: Math.min(MAX_GROUPS, Math.ceil(buffer.size / 16 / THREADS)),
      group: gpu.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [
          { binding: 0, resource: { buffer } },
          { binding: 1, resource: { buffer: sums } },
        ],
      }),
    }));
    const run = async (rounds: number): Promise<number> => {
      signal?.throwIfAborted();
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      for (let round = 0; round < rounds; round++) {
        for (const { group, groups } of work) {
          pass.setBindGroup(0, group);
          pass.dispatchWorkgroups(groups);
        }
      }
      pass.end();
      const startedMs = performance.now();
      gpu.queue.submit([encoder.finish()]);
      await device.guard(gpu.queue.onSubmittedWorkDone());
      return performance.now() - startedMs;
    };
    // What the device does already is not measured.
    await device.guard(gpu.queue.onSubmittedWorkDone());
    let rounds = 1;
    let best = bytes / (await run(rounds));
    for (let ms = 0; ms < RUN_MS && rounds < MOST_ROUNDS; ) {
      rounds *= 2;
      ms = await run(rounds);
      best = Math.max(best, (rounds * bytes) / ms);
    }
    for (let i = 1; i < REPETITIONS; i++) best = Math.max(best, (rounds * bytes) / (await run(rounds)));
    return best / 1e6; // bytes per millisecond to 1e9 bytes per second
  } finally {
    sums.destroy();
  }
}
