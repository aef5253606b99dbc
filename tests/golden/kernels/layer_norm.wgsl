// layer_norm
@group(0) @binding(0) var<storage, read> bias_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> x_ptr : array<vec4<f32>>;

override columns: i32;
override eps: f32;
override has_bias: i32;
override quads: i32;
override steps: i32;

var<workgroup> v_1 : array<f32, 128>;
@compute @workgroup_size(64, 1, 1)
fn layer_norm_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_2 : array<f32, 1>;
  var v_3 : array<f32, 1>;
  var v_4 : array<f32, 1>;
  var v_5 : array<vec4<f32>, 1>;
  v[0i] = 0.000000e+00f;
  for (var v_6 : i32 = 0i; v_6 < steps; v_6++) {
    let v_7 : i32 = ((v_6 * 64i) + i32(threadIdx.x));
    if (v_7 < quads) {
      v[0i] = (v[0i] + dot(x_ptr[((i32(blockIdx.y) * quads) + v_7)], vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f)));
    }
  }
  v_1[i32(threadIdx.x)] = v[0i];
  workgroupBarrier();
  v_2[0i] = 0.000000e+00f;
  for (var v_8 : i32 = 0i; v_8 < 64i; v_8++) {
    v_2[0i] = (v_2[0i] + v_1[v_8]);
  }
  let v_9 : f32 = (v_2[0i] / f32(columns));
  v_3[0i] = 0.000000e+00f;
  for (var v_10 : i32 = 0i; v_10 < steps; v_10++) {
    let v_11 : i32 = ((v_10 * 64i) + i32(threadIdx.x));
    if (v_11 < quads) {
      let v_12 : vec4<f32> = (x_ptr[((i32(blockIdx.y) * quads) + v_11)] - vec4<f32>(v_9, v_9, v_9, v_9));
      v_3[0i] = (v_3[0i] + dot(v_12, v_12));
    }
  }
  v_1[(i32(threadIdx.x) + 64i)] = v_3[0i];
  workgroupBarrier();
  v_4[0i] = 0.000000e+00f;
  for (var v_13 : i32 = 0i; v_13 < 64i; v_13++) {
    v_4[0i] = (v_4[0i] + v_1[(v_13 + 64i)]);
  }
  let v_14 : f32 = (v_4[0i] / f32(columns));
  let v_15 : f32 = (1.000000e+00f / sqrt((v_14 + eps)));
  for (var v_16 : i32 = 0i; v_16 < steps; v_16++) {
    let v_17 : i32 = ((v_16 * 64i) + i32(threadIdx.x));
    if (v_17 < quads) {
      v_5[0i] = (((x_ptr[((i32(blockIdx.y) * quads) + v_17)] - vec4<f32>(v_9, v_9, v_9, v_9)) * vec4<f32>(v_15, v_15, v_15, v_15)) * gain_ptr[v_17]);
      if (has_bias != 0i) {
        v_5[0i] = (v_5[0i] + bias_ptr[v_17]);
      }
      out_ptr[((i32(blockIdx.y) * quads) + v_17)] = v_5[0i];
    }
  }
}
