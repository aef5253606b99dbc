/**
 * Runs WGSL kernels for tests/parity/webgpu_harness.py, which serves this page and drives it.
 *
 * Arrays come and go as raw bytes over HTTP (GET input/<i>, POST output/<i>); everything else is JSON.
 * The device asks for the adapter's maximal limits and for every optional feature the program format knows.
 */
const OPTIONAL_FEATURES = ["subgroups", "shader-f16"];

let opened; // Promise of { adapter, device }: one device for the whole life of the page.
const pipelines = new Map(); // kernel hash + entry point → GPUComputePipeline

async function open() {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error("This browser gives no WebGPU adapter.");
  const requiredLimits = {};
  for (const name in adapter.limits) requiredLimits[name] = adapter.limits[name];
  const requiredFeatures = OPTIONAL_FEATURES.filter((name) => adapter.features.has(name));
  const device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
  return { adapter, device };
}

function device() {
  opened ??= open();
  return opened;
}

/** What the harness needs to know to choose variants. */
async function describe() {
  const { adapter, device: gpu } = await device();
  const limits = {};
  for (const name in gpu.limits) limits[name] = gpu.limits[name];
  return {
    vendor: adapter.info.vendor,
    architecture: adapter.info.architecture,
    features: [...gpu.features],
    subgroup_min_size: adapter.info.subgroupMinSize ?? 1,
    subgroup_max_size: adapter.info.subgroupMaxSize ?? 1,
    limits,
  };
}

async function pipelineOf(gpu, job) {
  const key = `${job.kernel_hash}/${job.entry_point}`;
  const known = pipelines.get(key);
  if (known) return known;
  const module = gpu.createShaderModule({ label: job.kernel_name, code: job.wgsl });
  const messages = (await module.getCompilationInfo()).messages.filter((message) => message.type === "error");
  if (messages.length > 0) {
    const text = messages.map((message) => `line ${message.lineNum}: ${message.message}`).join("\n");
    throw new Error(`WGSL of ${job.kernel_name} does not compile:\n${text}`);
  }
  const pipeline = await gpu.createComputePipelineAsync({
    label: job.kernel_name,
    layout: "auto",
    compute: { module, entryPoint: job.entry_point },
  });
  pipelines.set(key, pipeline);
  return pipeline;
}

/**
 * job: { kernel_hash, kernel_name, entry_point, wgsl, arguments: [{ access, nbytes }] in the order of the storage
 * bindings, uniform: bytes of the uniform struct as numbers or null, grid: [x, y, z] }.
 */
async function run(job) {
  const { device: gpu } = await device();
  gpu.pushErrorScope("validation");
  gpu.pushErrorScope("out-of-memory");
  const buffers = [];
  const thrown = await dispatch(gpu, job, buffers).then(
    () => null,
    (error) => error,
  );
  const errors = [await gpu.popErrorScope(), await gpu.popErrorScope()].filter((error) => error !== null);
  for (const buffer of buffers) buffer.destroy();
  // A validation error explains whatever else was thrown on the way, so it wins.
  if (errors.length > 0) throw new Error(errors.map((error) => error.message).join("\n"));
  if (thrown !== null) throw thrown;
}

async function dispatch(gpu, job, buffers) {
  const own = (buffer) => {
    buffers.push(buffer);
    return buffer;
  };
  const pipeline = await pipelineOf(gpu, job);
  const storage = [];
  for (let i = 0; i < job.arguments.length; i++) {
    const size = Math.max(16, Math.ceil(job.arguments[i].nbytes / 16) * 16);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const buffer = own(gpu.createBuffer({ size, usage }));
    const bytes = new Uint8Array(await (await fetch(`input/${i}`)).arrayBuffer());
    const padded = new Uint8Array(Math.ceil(bytes.byteLength / 4) * 4);
    padded.set(bytes);
    gpu.queue.writeBuffer(buffer, 0, padded);
    storage.push(buffer);
  }
  const entries = storage.map((buffer, binding) => ({ binding, resource: { buffer } }));
  if (job.uniform !== null) {
    const uniform = own(
      gpu.createBuffer({ size: job.uniform.length, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST }),
    );
    gpu.queue.writeBuffer(uniform, 0, new Uint8Array(job.uniform));
    entries.push({ binding: storage.length, resource: { buffer: uniform } });
  }
  const bindGroup = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...job.grid);
  pass.end();
  gpu.queue.submit([encoder.finish()]);
  for (let i = 0; i < storage.length; i++) {
    if (job.arguments[i].access !== "read_write") continue;
    const staging = own(
      gpu.createBuffer({ size: storage[i].size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
    );
    const copy = gpu.createCommandEncoder();
    copy.copyBufferToBuffer(storage[i], 0, staging, 0, storage[i].size);
    gpu.queue.submit([copy.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const bytes = new Uint8Array(staging.getMappedRange()).slice(0, job.arguments[i].nbytes);
    staging.unmap();
    await fetch(`output/${i}`, { method: "POST", body: bytes });
  }
}

globalThis.kernelPage = { describe, run };
