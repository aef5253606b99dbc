// rms_norm
@group(0) @binding(0) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> residual_ptr : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> x_ptr : array<vec4<f32>>;

override columns: i32;
override eps: f32;
override has_residual: i32;
override quads: i32;
override steps: i32;

var<workgroup> v_1 : array<f32, 64>;
@compute @workgroup_size(64, 1, 1)
fn rms_norm_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_2 : array<f32, 1>;
  var v_3 : array<vec4<f32>, 1>;
  v[0i] = 0.000000e+00f;
  for (var v_4 : i32 = 0i; v_4 < steps; v_4++) {
    let v_5 : i32 = ((v_4 * 64i) + i32(threadIdx.x));
    if (v_5 < quads) {
      let v_6 : vec4<f32> = x_ptr[((i32(blockIdx.y) * quads) + v_5)];
      v[0i] = (v[0i] + dot(v_6, v_6));
    }
  }
  v_1[i32(threadIdx.x)] = v[0i];
  workgroupBarrier();
  v_2[0i] = 0.000000e+00f;
  for (var v_7 : i32 = 0i; v_7 < 64i; v_7++) {
    v_2[0i] = (v_2[0i] + v_1[v_7]);
  }
  let v_8 : f32 = (1.000000e+00f / sqrt(((v_2[0i] / f32(columns)) + eps)));
  for (var v_9 : i32 = 0i; v_9 < steps; v_9++) {
    let v_10 : i32 = ((v_9 * 64i) + i32(threadIdx.x));
    if (v_10 < quads) {
      v_3[0i] = ((x_ptr[((i32(blockIdx.y) * quads) + v_10)] * gain_ptr[v_10]) * vec4<f32>(v_8, v_8, v_8, v_8));
      if (has_residual != 0i) {
        v_3[0i] = (v_3[0i] + residual_ptr[((i32(blockIdx.y) * quads) + v_10)]);
      }
      out_ptr[((i32(blockIdx.y) * quads) + v_10)] = v_3[0i];
    }
  }
}
