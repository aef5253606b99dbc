// linear_decode_q8s128_g32_float16_512x96_norm_float32_sg4
enable subgroups;

@group(0) @binding(0) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> w_scale_ptr : array<u32>;
@group(0) @binding(4) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  packGridDimX: u32
}
@group(0) @binding(5) var<uniform> podArgs : PODArgs;

@compute @workgroup_size(64, 1, 1)
fn linear_decode_q8s128_g32_float16_512x96_norm_float32_sg4_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(num_workgroups) gridDim : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }
  let v__1 : i32 = i32(blockIdx.z * gridDim.x + blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  var v_2 : array<f32, 1>;
  let v_3 : i32 = (i32(threadIdx.x) & 3i);
  let v_4 : i32 = (((v__1 * 16i) + (i32(threadIdx.x)>>2u)) * 2i);
  v[0i] = 0.000000e+00f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  for (var v_5 : i32 = 0i; v_5 < 2i; v_5++) {
    let v_6 : i32 = ((v_5 * 4i) + v_3);
    if (v_6 < 6i) {
      let v_7 : vec4<f32> = x_ptr[(v_6 * 4i)];
      v_2[0i] = (v_2[0i] + dot(v_7, v_7));
      let v_8 : vec4<f32> = (v_7 * gain_ptr[(v_6 * 4i)]);
      let v_9 : vec4<f32> = x_ptr[((v_6 * 4i) + 1i)];
      v_2[0i] = (v_2[0i] + dot(v_9, v_9));
      let v_10 : vec4<f32> = (v_9 * gain_ptr[((v_6 * 4i) + 1i)]);
      let v_11 : vec4<f32> = x_ptr[((v_6 * 4i) + 2i)];
      v_2[0i] = (v_2[0i] + dot(v_11, v_11));
      let v_12 : vec4<f32> = (v_11 * gain_ptr[((v_6 * 4i) + 2i)]);
      let v_13 : vec4<f32> = x_ptr[((v_6 * 4i) + 3i)];
      v_2[0i] = (v_2[0i] + dot(v_13, v_13));
      let v_14 : vec4<f32> = (v_13 * gain_ptr[((v_6 * 4i) + 3i)]);
      let v_15 : f32 = dot((((v_8 + v_10) + v_12) + v_14), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
      let v_16 : vec4<u32> = w_ptr[((v_4 * 6i) + v_6)];
      let v_17 : vec4<f32> = vec4<f32>(f32((((v_16)[0]>>0u) & 255u)), f32((((v_16)[0]>>8u) & 255u)), f32((((v_16)[0]>>16u) & 255u)), f32((((v_16)[0]>>24u) & 255u)));
      let v_18 : vec4<f32> = vec4<f32>(f32((((v_16)[1]>>0u) & 255u)), f32((((v_16)[1]>>8u) & 255u)), f32((((v_16)[1]>>16u) & 255u)), f32((((v_16)[1]>>24u) & 255u)));
      let v_19 : vec4<f32> = vec4<f32>(f32((((v_16)[2]>>0u) & 255u)), f32((((v_16)[2]>>8u) & 255u)), f32((((v_16)[2]>>16u) & 255u)), f32((((v_16)[2]>>24u) & 255u)));
      let v_20 : vec4<f32> = vec4<f32>(f32((((v_16)[3]>>0u) & 255u)), f32((((v_16)[3]>>8u) & 255u)), f32((((v_16)[3]>>16u) & 255u)), f32((((v_16)[3]>>24u) & 255u)));
      let v_21 : f32 = (unpack2x16float((w_scale_ptr[(((v_4 * 3i) + (v_6>>1u))>>1u)]>>u32(((((v_4 * 3i) + (v_6>>1u)) & 1i) * 16i)))))[0];
      let v_22 : f32 = (v_21 * -1.280000e+02f);
      v[0i] = (v[0i] + fma(v_22, v_15, ((((dot(v_8, v_17) + dot(v_10, v_18)) + dot(v_12, v_19)) + dot(v_14, v_20)) * v_21)));
      let v_23 : vec4<u32> = w_ptr[(((v_4 * 6i) + v_6) + 6i)];
      let v_24 : vec4<f32> = vec4<f32>(f32((((v_23)[0]>>0u) & 255u)), f32((((v_23)[0]>>8u) & 255u)), f32((((v_23)[0]>>16u) & 255u)), f32((((v_23)[0]>>24u) & 255u)));
      let v_25 : vec4<f32> = vec4<f32>(f32((((v_23)[1]>>0u) & 255u)), f32((((v_23)[1]>>8u) & 255u)), f32((((v_23)[1]>>16u) & 255u)), f32((((v_23)[1]>>24u) & 255u)));
      let v_26 : vec4<f32> = vec4<f32>(f32((((v_23)[2]>>0u) & 255u)), f32((((v_23)[2]>>8u) & 255u)), f32((((v_23)[2]>>16u) & 255u)), f32((((v_23)[2]>>24u) & 255u)));
      let v_27 : vec4<f32> = vec4<f32>(f32((((v_23)[3]>>0u) & 255u)), f32((((v_23)[3]>>8u) & 255u)), f32((((v_23)[3]>>16u) & 255u)), f32((((v_23)[3]>>24u) & 255u)));
      let v_28 : f32 = (unpack2x16float((w_scale_ptr[((((v_4 * 3i) + (v_6>>1u)) + 3i)>>1u)]>>u32((((((v_4 + 1i) * 3i) + (v_6>>1u)) & 1i) * 16i)))))[0];
      let v_29 : f32 = (v_28 * -1.280000e+02f);
      v_1[0i] = (v_1[0i] + fma(v_29, v_15, ((((dot(v_8, v_24) + dot(v_10, v_25)) + dot(v_12, v_26)) + dot(v_14, v_27)) * v_28)));
    }
  }
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 2u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 2u));
  v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 2u));
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 1u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 1u));
  v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 1u));
  if (v_3 == 0i) {
    let v_30 : f32 = (1.000000e+00f / sqrt(((v_2[0i] / 9.600000e+01f) + 1.000000e-05f)));
    out_ptr[v_4] = (v[0i] * v_30);
    out_ptr[(v_4 + 1i)] = (v_1[0i] * v_30);
  }
}
