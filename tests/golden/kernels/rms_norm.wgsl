// rms_norm
@group(0) @binding(0) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x_ptr : array<vec4<f32>>;

override columns: i32;
override eps: f32;
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
  v[0i] = 0.000000e+00f;
  for (var v_3 : i32 = 0i; v_3 < steps; v_3++) {
    let v_4 : i32 = ((v_3 * 64i) + i32(threadIdx.x));
    if (v_4 < quads) {
      let v_5 : vec4<f32> = x_ptr[((i32(blockIdx.y) * quads) + v_4)];
      v[0i] = (v[0i] + dot(v_5, v_5));
    }
  }
  v_1[i32(threadIdx.x)] = v[0i];
  workgroupBarrier();
  v_2[0i] = 0.000000e+00f;
  for (var v_6 : i32 = 0i; v_6 < 64i; v_6++) {
    v_2[0i] = (v_2[0i] + v_1[v_6]);
  }
  let v_7 : f32 = (1.000000e+00f / sqrt(((v_2[0i] / f32(columns)) + eps)));
  for (var v_8 : i32 = 0i; v_8 < steps; v_8++) {
    let v_9 : i32 = ((v_8 * 64i) + i32(threadIdx.x));
    if (v_9 < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + v_9)] = ((x_ptr[((i32(blockIdx.y) * quads) + v_9)] * gain_ptr[v_9]) * vec4<f32>(v_7, v_7, v_7, v_7));
    }
  }
}
