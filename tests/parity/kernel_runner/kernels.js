/**
 * Compiles and dispatches WGSL kernels for tests/parity, one job at a time. Two hosts import it: page.js in Chromium,
 * process.js in Node with Dawn.
 *
 * Arrays come and go as raw bytes, one after another: all arguments of the first dispatch in the order of the
 * bindings, all of the second, and so on.
 */
const OPTIONAL_FEATURES = ["subgroups", "shader-f16"];

/**
 * { adapter, device, pipelines } with the adapter's maximal limits and every optional feature that the program format
 * knows, less what `withheld` (names of features) and `limits` (name → a lower value) take away. What `limits` asks
 * for below WebGPU's guaranteed value becomes that value, as in every browser.
 */
export async function openDevice(gpu, { withheld, limits }) {
  const adapter = await gpu?.requestAdapter();
  if (!adapter) throw new Error("There is no WebGPU adapter.");
  const requiredLimits = {};
  for (const name in adapter.limits) requiredLimits[name] = adapter.limits[name];
  for (const [name, value] of Object.entries(limits)) {
    if (!(value <= requiredLimits[name])) {
      throw new Error(`${name} cannot be lowered to ${value}: the adapter has ${requiredLimits[name]}.`);
    }
    requiredLimits[name] = value;
  }
  const requiredFeatures = OPTIONAL_FEATURES.filter((name) => adapter.features.has(name) && !withheld.includes(name));
  const device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
  return { adapter, device, pipelines: new Map() };
}

/** What the harness needs to know to choose variants. */
export function describe({ adapter, device }) {
  const limits = {};
  for (const name in device.limits) limits[name] = device.limits[name];
  return {
    vendor: adapter.info.vendor,
    architecture: adapter.info.architecture,
    description: adapter.info.description,
    features: [...device.features],
    subgroup_min_size: adapter.info.subgroupMinSize ?? 1,
    subgroup_max_size: adapter.info.subgroupMaxSize ?? 1,
    limits,
  };
}

/**
 * job: { kernel_hash, kernel_name, entry_point, wgsl, constants: name → value of each pipeline-overridable constant
 * (may be missing), arguments: [{ access, nbytes }] in the order of the storage bindings, uniform: bytes of the
 * uniform struct as numbers or null, grid: [x, y, z], dispatches: how many sets of arrays there are }.
 * `input` is an ArrayBuffer with all arrays. The result is a Uint8Array for each array that is bound read_write,
 * dispatch after dispatch. Every dispatch has buffers of its own.
 */
export async function runJob(opened, job, input) {
  const { device } = opened;
  device.pushErrorScope("validation");
  device.pushErrorScope("out-of-memory");
  const buffers = [];
  let outputs = [];
  let thrown = null;
  try {
    outputs = await dispatchAll(opened, job, input, buffers);
  } catch (error) {
    thrown = error;
  }
  const errors = [await device.popErrorScope(), await device.popErrorScope()].filter((error) => error !== null);
  for (const buffer of buffers) buffer.destroy();
  // A validation error explains whatever else was thrown on the way, so it wins.
  if (errors.length > 0) throw new Error(errors.map((error) => error.message).join("\n"));
  if (thrown !== null) throw thrown;
  return outputs;
}

async function pipelineOf({ device, pipelines }, job) {
  const constants = job.constants ?? {};
  const key = `${job.kernel_hash}/${job.entry_point}/${JSON.stringify(Object.entries(constants).sort())}`;
  const known = pipelines.get(key);
  if (known) return known;
  const module = device.createShaderModule({ label: job.kernel_name, code: job.wgsl });
  const messages = (await module.getCompilationInfo()).messages.filter((message) => message.type === "error");
  if (messages.length > 0) {
    const text = messages.map((message) => `line ${message.lineNum}: ${message.message}`).join("\n");
    throw new Error(`WGSL of ${job.kernel_name} does not compile:\n${text}`);
  }
  const pipeline = await device.createComputePipelineAsync({
    label: job.kernel_name,
    layout: "auto",
    compute: { module, entryPoint: job.entry_point, constants },
  });
  pipelines.set(key, pipeline);
  return pipeline;
}

async function dispatchAll(opened, job, input, buffers) {
  const { device } = opened;
  const createBuffer = (size, usage) => {
    const buffer = device.createBuffer({ size, usage });
    buffers.push(buffer);
    return buffer;
  };
  const pipeline = await pipelineOf(opened, job);
  let uniform = null;
  if (job.uniform !== null) {
    uniform = createBuffer(job.uniform.length, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    device.queue.writeBuffer(uniform, 0, new Uint8Array(job.uniform));
  }
  const sizes = job.arguments.map(({ nbytes }) => Math.max(16, Math.ceil(nbytes / 16) * 16));
  const written = job.arguments.flatMap(({ access }, i) => (access === "read_write" ? [i] : []));
  const stagingBytes = written.reduce((total, i) => total + sizes[i], 0) * job.dispatches;
  const staging = createBuffer(Math.max(16, stagingBytes), GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  const encoder = device.createCommandEncoder();
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
      device.queue.writeBuffer(buffer, 0, padded);
      return buffer;
    });
    const entries = storage.map((buffer, binding) => ({ binding, resource: { buffer } }));
    if (uniform !== null) entries.push({ binding: storage.length, resource: { buffer: uniform } });
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(...job.grid);
    pass.end();
    for (const i of written) {
      encoder.copyBufferToBuffer(storage[i], 0, staging, at, sizes[i]);
      outputs.push({ at, nbytes: job.arguments[i].nbytes });
      at += sizes[i];
    }
  }
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const mapped = staging.getMappedRange();
  const copies = outputs.map((output) => new Uint8Array(mapped.slice(output.at, output.at + output.nbytes)));
  staging.unmap();
  return copies;
}
