/**
 * Runs WGSL kernels for tests/parity/webgpu_harness.py, which serves this page and drives it.
 *
 * Arrays come and go as raw bytes over HTTP (GET input, POST output), one after another: all arguments of the first
 * dispatch in the order of the bindings, all of the second, and so on. Everything else is JSON.
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
 * bindings, uniform: bytes of the uniform struct as numbers or null, grid: [x, y, z], dispatches: how many sets of
 * arrays there are }. Every dispatch has buffers of its own.
 */
async function run(job) {
  const { device: gpu } = await device();
  gpu.pushErrorScope("validation");
  gpu.pushErrorScope("out-of-memory");
  const buffers = [];
  const thrown = await dispatchAll(gpu, job, buffers).then(
    () => null,
    (error) => error,
  );
  const errors = [await gpu.popErrorScope(), await gpu.popErrorScope()].filter((error) => error !== null);
  for (const buffer of buffers) buffer.destroy();
  // A validation error explains whatever else was thrown on the way, so it wins.
  if (errors.length > 0) throw new Error(errors.map((error) => error.message).join("\n"));
  if (thrown !== null) throw thrown;
}

async function dispatchAll(gpu, job, buffers) {
  const createBuffer = (size, usage) => {
    const buffer = gpu.createBuffer({ size, usage });
    buffers.push(buffer);
    return buffer;
  };
  const pipeline = await pipelineOf(gpu, job);
  let uniform = null;
  if (job.uniform !== null) {
    uniform = createBuffer(job.uniform.length, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    gpu.queue.writeBuffer(uniform, 0, new Uint8Array(job.uniform));
  }
  const sizes = job.arguments.map(({ nbytes }) => Math.max(16, Math.ceil(nbytes / 16) * 16));
  const written = job.arguments.flatMap(({ access }, i) => (access === "read_write" ? [i] : []));
  const stagingBytes = written.reduce((total, i) => total + sizes[i], 0) * job.dispatches;
  const staging = createBuffer(Math.max(16, stagingBytes), GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  const input = await (await fetch("input")).arrayBuffer();
  const encoder = gpu.createCommandEncoder();
  const outputs = []; // { at, nbytes } of each written array in the staging buffer
  let read = 0;
  let at = 0;
  for (let turn = 0; turn < job.dispatches; turn++) {
    const storage = job.arguments.map(({ nbytes }, i) => {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
      const buffer = createBuffer(sizes[i], usage);
      const padded = new Uint8Array(Math.ceil(nbytes / 4) * 4);
      padded.set(new Uint8Array(input, read, nbytes));
      read += nbytes;
      gpu.queue.writeBuffer(buffer, 0, padded);
      return buffer;
    });
    const entries = storage.map((buffer, binding) => ({ binding, resource: { buffer } }));
    if (uniform !== null) entries.push({ binding: storage.length, resource: { buffer: uniform } });
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(...job.grid);
    pass.end();
    for (const i of written) {
      encoder.copyBufferToBuffer(storage[i], 0, staging, at, sizes[i]);
      outputs.push({ at, nbytes: job.arguments[i].nbytes });
      at += sizes[i];
    }
  }
  gpu.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const mapped = staging.getMappedRange();
  const body = new Blob(outputs.map(({ at, nbytes }) => new Uint8Array(mapped, at, nbytes)));
  staging.unmap();
  await fetch("output", { method: "POST", body });
}

globalThis.kernelPage = { describe, run };
