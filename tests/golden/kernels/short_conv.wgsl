// short_conv
@group(0) @binding(0) var<storage, read> bcx_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> memory_ptr : array<f32>;
@group(0) @binding(3) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> state_ptr : array<i32>;
@group(0) @binding(5) var<storage, read> w_ptr : array<f32>;

struct PODArgs {
  n: i32
}
@group(0) @binding(6) var<uniform> podArgs : PODArgs;

override channels: i32;
override has_bias: i32;
override kept: i32;
override taps: i32;

@compute @workgroup_size(64, 1, 1)
fn short_conv_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  var v_2 : array<f32, 1>;
  let v_3 : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  if (v_3 < channels) {
    for (var v_4 : i32 = 0i; v_4 < podArgs.n; v_4++) {
      v[0i] = 0.000000e+00f;
      for (var v_5 : i32 = 0i; v_5 < taps; v_5++) {
        let v_6 : i32 = ((v_4 - kept) + v_5);
        v_1[0i] = 0.000000e+00f;
        if (v_6 >= 0i) {
          v_1[0i] = (bcx_ptr[(((v_6 * channels) * 3i) + v_3)] * bcx_ptr[((((v_6 * 3i) + 2i) * channels) + v_3)]);
        } else {
          if (state_ptr[1i] > 0i) {
            v_1[0i] = memory_ptr[(((((state_ptr[4i] * channels) + v_3) + 1i) * kept) + v_6)];
          }
        }
        let v_7 : f32 = v_1[0i];
        v[0i] = fma(w_ptr[(v_5 + (v_3 * taps))], v_7, v[0i]);
      }
      if (has_bias != 0i) {
        v[0i] = (v[0i] + bias_ptr[v_3]);
      }
      out_ptr[((v_4 * channels) + v_3)] = (bcx_ptr[((v_4 * (3i * channels)) + (channels + v_3))] * v[0i]);
    }
    for (var v_8 : i32 = 0i; v_8 < kept; v_8++) {
      let v_9 : i32 = ((podArgs.n - kept) + v_8);
      v_2[0i] = 0.000000e+00f;
      if (v_9 >= 0i) {
        v_2[0i] = (bcx_ptr[(((v_9 * channels) * 3i) + v_3)] * bcx_ptr[((((v_9 * 3i) + 2i) * channels) + v_3)]);
      } else {
        if (state_ptr[1i] > 0i) {
          v_2[0i] = memory_ptr[(((((state_ptr[4i] * channels) + v_3) + 1i) * kept) + v_9)];
        }
      }
      let v_10 : f32 = v_2[0i];
      memory_ptr[(v_8 + (((state_ptr[4i] * channels) + v_3) * kept))] = v_10;
    }
  }
}
