// rms_norm_96_float32
@group(0) @binding(0) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  n: i32,
  packGridDimX: u32
}
@group(0) @binding(3) var<uniform> podArgs : PODArgs;

var<workgroup> v_1 : array<f32, 64>;
@compute @workgroup_size(64, 1, 1)
fn rms_norm_96_float32_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(num_workgroups) gridDim : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }
  let v__1 : i32 = i32(blockIdx.z * gridDim.x + blockIdx.x);
  var v : array<f32, 1>;
  var v_2 : array<f32, 1>;
  v[0i] = 0.000000e+00f;
  let v_3 : i32 = ((0i * 64i) + i32(threadIdx.x));
  if (v_3 < 24i) {
    let v_4 : vec4<f32> = x_ptr[((i32(blockIdx.y) * 24i) + v_3)];
    v[0i] = (v[0i] + dot(v_4, v_4));
  }
  v_1[i32(threadIdx.x)] = v[0i];
  workgroupBarrier();
  v_2[0i] = 0.000000e+00f;
  for (var v_5 : i32 = 0i; v_5 < 64i; v_5++) {
    v_2[0i] = (v_2[0i] + v_1[v_5]);
  }
  let v_6 : f32 = (1.000000e+00f / sqrt(((v_2[0i] / 9.600000e+01f) + 1.000000e-05f)));
  let v_7 : i32 = ((0i * 64i) + i32(threadIdx.x));
  if (v_7 < 24i) {
    out_ptr[((i32(blockIdx.y) * 24i) + v_7)] = ((x_ptr[((i32(blockIdx.y) * 24i) + v_7)] * gain_ptr[v_7]) * vec4<f32>(v_6, v_6, v_6, v_6));
  }
}
