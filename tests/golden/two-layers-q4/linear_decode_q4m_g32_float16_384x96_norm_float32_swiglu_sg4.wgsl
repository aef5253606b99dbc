// linear_decode_q4m_g32_float16_384x96_norm_float32_swiglu_sg4
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
fn linear_decode_q4m_g32_float16_384x96_norm_float32_swiglu_sg4_kernel(
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
  let v_4 : i32 = ((v__1 * 16i) + (i32(threadIdx.x)>>2u));
  v[0i] = 0.000000e+00f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  let v_5 : i32 = ((0i * 4i) + v_3);
  if (v_5 < 3i) {
    let v_6 : vec4<f32> = x_ptr[(v_5 * 8i)];
    v_2[0i] = (v_2[0i] + dot(v_6, v_6));
    let v_7 : vec4<f32> = (v_6 * gain_ptr[(v_5 * 8i)]);
    let v_8 : vec4<f32> = x_ptr[((v_5 * 8i) + 1i)];
    v_2[0i] = (v_2[0i] + dot(v_8, v_8));
    let v_9 : vec4<f32> = (v_8 * gain_ptr[((v_5 * 8i) + 1i)]);
    let v_10 : vec4<f32> = x_ptr[((v_5 * 8i) + 2i)];
    v_2[0i] = (v_2[0i] + dot(v_10, v_10));
    let v_11 : vec4<f32> = (v_10 * gain_ptr[((v_5 * 8i) + 2i)]);
    let v_12 : vec4<f32> = x_ptr[((v_5 * 8i) + 3i)];
    v_2[0i] = (v_2[0i] + dot(v_12, v_12));
    let v_13 : vec4<f32> = (v_12 * gain_ptr[((v_5 * 8i) + 3i)]);
    let v_14 : vec4<f32> = x_ptr[((v_5 * 8i) + 4i)];
    v_2[0i] = (v_2[0i] + dot(v_14, v_14));
    let v_15 : vec4<f32> = (v_14 * gain_ptr[((v_5 * 8i) + 4i)]);
    let v_16 : vec4<f32> = x_ptr[((v_5 * 8i) + 5i)];
    v_2[0i] = (v_2[0i] + dot(v_16, v_16));
    let v_17 : vec4<f32> = (v_16 * gain_ptr[((v_5 * 8i) + 5i)]);
    let v_18 : vec4<f32> = x_ptr[((v_5 * 8i) + 6i)];
    v_2[0i] = (v_2[0i] + dot(v_18, v_18));
    let v_19 : vec4<f32> = (v_18 * gain_ptr[((v_5 * 8i) + 6i)]);
    let v_20 : vec4<f32> = x_ptr[((v_5 * 8i) + 7i)];
    v_2[0i] = (v_2[0i] + dot(v_20, v_20));
    let v_21 : vec4<f32> = (v_20 * gain_ptr[((v_5 * 8i) + 7i)]);
    let v_22 : f32 = dot((((((((v_7 + v_9) + v_11) + v_13) + v_15) + v_17) + v_19) + v_21), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    let v_23 : vec4<u32> = w_ptr[((v_4 * 3i) + v_5)];
    let v_24 : vec4<f32> = vec4<f32>(f32((((v_23)[0]>>0u) & 15u)), f32((((v_23)[0]>>4u) & 15u)), f32((((v_23)[0]>>8u) & 15u)), f32((((v_23)[0]>>12u) & 15u)));
    let v_25 : vec4<f32> = vec4<f32>(f32((((v_23)[0]>>16u) & 15u)), f32((((v_23)[0]>>20u) & 15u)), f32((((v_23)[0]>>24u) & 15u)), f32((((v_23)[0]>>28u) & 15u)));
    let v_26 : vec4<f32> = vec4<f32>(f32((((v_23)[1]>>0u) & 15u)), f32((((v_23)[1]>>4u) & 15u)), f32((((v_23)[1]>>8u) & 15u)), f32((((v_23)[1]>>12u) & 15u)));
    let v_27 : vec4<f32> = vec4<f32>(f32((((v_23)[1]>>16u) & 15u)), f32((((v_23)[1]>>20u) & 15u)), f32((((v_23)[1]>>24u) & 15u)), f32((((v_23)[1]>>28u) & 15u)));
    let v_28 : vec4<f32> = vec4<f32>(f32((((v_23)[2]>>0u) & 15u)), f32((((v_23)[2]>>4u) & 15u)), f32((((v_23)[2]>>8u) & 15u)), f32((((v_23)[2]>>12u) & 15u)));
    let v_29 : vec4<f32> = vec4<f32>(f32((((v_23)[2]>>16u) & 15u)), f32((((v_23)[2]>>20u) & 15u)), f32((((v_23)[2]>>24u) & 15u)), f32((((v_23)[2]>>28u) & 15u)));
    let v_30 : vec4<f32> = vec4<f32>(f32((((v_23)[3]>>0u) & 15u)), f32((((v_23)[3]>>4u) & 15u)), f32((((v_23)[3]>>8u) & 15u)), f32((((v_23)[3]>>12u) & 15u)));
    let v_31 : vec4<f32> = vec4<f32>(f32((((v_23)[3]>>16u) & 15u)), f32((((v_23)[3]>>20u) & 15u)), f32((((v_23)[3]>>24u) & 15u)), f32((((v_23)[3]>>28u) & 15u)));
    let v_32 : u32 = w_scale_ptr[((v_4 * 3i) + v_5)];
    let v_33 : f32 = (unpack2x16float(v_32))[0];
    let v_34 : f32 = (unpack2x16float(v_32))[1];
    v[0i] = (v[0i] + fma(v_34, v_22, ((((((((dot(v_7, v_24) + dot(v_9, v_25)) + dot(v_11, v_26)) + dot(v_13, v_27)) + dot(v_15, v_28)) + dot(v_17, v_29)) + dot(v_19, v_30)) + dot(v_21, v_31)) * v_33)));
    let v_35 : vec4<u32> = w_ptr[(((v_4 * 3i) + v_5) + 576i)];
    let v_36 : vec4<f32> = vec4<f32>(f32((((v_35)[0]>>0u) & 15u)), f32((((v_35)[0]>>4u) & 15u)), f32((((v_35)[0]>>8u) & 15u)), f32((((v_35)[0]>>12u) & 15u)));
    let v_37 : vec4<f32> = vec4<f32>(f32((((v_35)[0]>>16u) & 15u)), f32((((v_35)[0]>>20u) & 15u)), f32((((v_35)[0]>>24u) & 15u)), f32((((v_35)[0]>>28u) & 15u)));
    let v_38 : vec4<f32> = vec4<f32>(f32((((v_35)[1]>>0u) & 15u)), f32((((v_35)[1]>>4u) & 15u)), f32((((v_35)[1]>>8u) & 15u)), f32((((v_35)[1]>>12u) & 15u)));
    let v_39 : vec4<f32> = vec4<f32>(f32((((v_35)[1]>>16u) & 15u)), f32((((v_35)[1]>>20u) & 15u)), f32((((v_35)[1]>>24u) & 15u)), f32((((v_35)[1]>>28u) & 15u)));
    let v_40 : vec4<f32> = vec4<f32>(f32((((v_35)[2]>>0u) & 15u)), f32((((v_35)[2]>>4u) & 15u)), f32((((v_35)[2]>>8u) & 15u)), f32((((v_35)[2]>>12u) & 15u)));
    let v_41 : vec4<f32> = vec4<f32>(f32((((v_35)[2]>>16u) & 15u)), f32((((v_35)[2]>>20u) & 15u)), f32((((v_35)[2]>>24u) & 15u)), f32((((v_35)[2]>>28u) & 15u)));
    let v_42 : vec4<f32> = vec4<f32>(f32((((v_35)[3]>>0u) & 15u)), f32((((v_35)[3]>>4u) & 15u)), f32((((v_35)[3]>>8u) & 15u)), f32((((v_35)[3]>>12u) & 15u)));
    let v_43 : vec4<f32> = vec4<f32>(f32((((v_35)[3]>>16u) & 15u)), f32((((v_35)[3]>>20u) & 15u)), f32((((v_35)[3]>>24u) & 15u)), f32((((v_35)[3]>>28u) & 15u)));
    let v_44 : u32 = w_scale_ptr[(((v_4 * 3i) + v_5) + 576i)];
    let v_45 : f32 = (unpack2x16float(v_44))[0];
    let v_46 : f32 = (unpack2x16float(v_44))[1];
    v_1[0i] = (v_1[0i] + fma(v_46, v_22, ((((((((dot(v_7, v_36) + dot(v_9, v_37)) + dot(v_11, v_38)) + dot(v_13, v_39)) + dot(v_15, v_40)) + dot(v_17, v_41)) + dot(v_19, v_42)) + dot(v_21, v_43)) * v_45)));
  }
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 2u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 2u));
  v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 2u));
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 1u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 1u));
  v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 1u));
  if (v_3 == 0i) {
    let v_47 : f32 = (1.000000e+00f / sqrt(((v_2[0i] / 9.600000e+01f) + 1.000000e-05f)));
    let v_48 : f32 = (v[0i] * v_47);
    let v_49 : f32 = select(v_48, -8.700000e+01f, (v_48 < -8.700000e+01f));
    out_ptr[v_4] = ((v_49 / (1.000000e+00f + exp((0.000000e+00f - v_49)))) * (v_1[0i] * v_47));
  }
}
