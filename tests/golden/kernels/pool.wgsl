// pool
@group(0) @binding(0) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  n: i32
}
@group(0) @binding(2) var<uniform> podArgs : PODArgs;

override normalizes: i32;
override of_all: i32;
override quads: i32;
override steps: i32;

var<workgroup> v_2 : array<f32, 256>;
@compute @workgroup_size(256, 1, 1)
fn pool_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<vec4<f32>, 1>;
  var v_3 : array<f32, 1>;
  let v_4 : i32 = select(1i, podArgs.n, (of_all != 0i));
  v[0i] = 0.000000e+00f;
  for (var v_5 : i32 = 0i; v_5 < steps; v_5++) {
    let v_6 : i32 = ((v_5 * 256i) + i32(threadIdx.x));
    if (v_6 < quads) {
      v_1[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
      for (var v_7 : i32 = 0i; v_7 < v_4; v_7++) {
        v_1[0i] = (v_1[0i] + x_ptr[((v_7 * quads) + v_6)]);
      }
      let v_8 : vec4<f32> = (v_1[0i] / vec4<f32>(f32(v_4), f32(v_4), f32(v_4), f32(v_4)));
      v[0i] = (v[0i] + dot(v_8, v_8));
      out_ptr[v_6] = v_8;
    }
  }
  if (normalizes != 0i) {
    v_2[i32(threadIdx.x)] = v[0i];
    workgroupBarrier();
    v_3[0i] = 0.000000e+00f;
    for (var v_9 : i32 = 0i; v_9 < 256i; v_9++) {
      v_3[0i] = (v_3[0i] + v_2[v_9]);
    }
    let v_10 : f32 = (1.000000e+00f / max(sqrt(v_3[0i]), 1.000000e-12f));
    for (var v_11 : i32 = 0i; v_11 < steps; v_11++) {
      let v_12 : i32 = ((v_11 * 256i) + i32(threadIdx.x));
      if (v_12 < quads) {
        out_ptr[v_12] = (out_ptr[v_12] * vec4<f32>(v_10, v_10, v_10, v_10));
      }
    }
  }
}
