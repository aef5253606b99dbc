// linear_decode_q4m_g32_float16_96x96_residual_sg4
enable subgroups;

@group(0) @binding(0) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> w_scale_ptr : array<u32>;
@group(0) @binding(4) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  packGridDimX: u32
}
@group(0) @binding(5) var<uniform> podArgs : PODArgs;

@compute @workgroup_size(64, 1, 1)
fn linear_decode_q4m_g32_float16_96x96_residual_sg4_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(num_workgroups) gridDim : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }
  let v__1 : i32 = i32(blockIdx.z * gridDim.x + blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  let v_2 : i32 = (i32(threadIdx.x) & 3i);
  let v_3 : i32 = (((v__1 * 16i) + (i32(threadIdx.x)>>2u)) * 2i);
  v[0i] = 0.000000e+00f;
  v_1[0i] = 0.000000e+00f;
  let v_4 : i32 = ((0i * 4i) + v_2);
  if (v_4 < 3i) {
    let v_5 : vec4<f32> = x_ptr[(v_4 * 8i)];
    let v_6 : vec4<f32> = x_ptr[((v_4 * 8i) + 1i)];
    let v_7 : vec4<f32> = x_ptr[((v_4 * 8i) + 2i)];
    let v_8 : vec4<f32> = x_ptr[((v_4 * 8i) + 3i)];
    let v_9 : vec4<f32> = x_ptr[((v_4 * 8i) + 4i)];
    let v_10 : vec4<f32> = x_ptr[((v_4 * 8i) + 5i)];
    let v_11 : vec4<f32> = x_ptr[((v_4 * 8i) + 6i)];
    let v_12 : vec4<f32> = x_ptr[((v_4 * 8i) + 7i)];
    let v_13 : f32 = dot((((((((v_5 + v_6) + v_7) + v_8) + v_9) + v_10) + v_11) + v_12), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    let v_14 : vec4<u32> = w_ptr[((v_3 * 3i) + v_4)];
    let v_15 : vec4<f32> = vec4<f32>(f32((((v_14)[0]>>0u) & 15u)), f32((((v_14)[0]>>4u) & 15u)), f32((((v_14)[0]>>8u) & 15u)), f32((((v_14)[0]>>12u) & 15u)));
    let v_16 : vec4<f32> = vec4<f32>(f32((((v_14)[0]>>16u) & 15u)), f32((((v_14)[0]>>20u) & 15u)), f32((((v_14)[0]>>24u) & 15u)), f32((((v_14)[0]>>28u) & 15u)));
    let v_17 : vec4<f32> = vec4<f32>(f32((((v_14)[1]>>0u) & 15u)), f32((((v_14)[1]>>4u) & 15u)), f32((((v_14)[1]>>8u) & 15u)), f32((((v_14)[1]>>12u) & 15u)));
    let v_18 : vec4<f32> = vec4<f32>(f32((((v_14)[1]>>16u) & 15u)), f32((((v_14)[1]>>20u) & 15u)), f32((((v_14)[1]>>24u) & 15u)), f32((((v_14)[1]>>28u) & 15u)));
    let v_19 : vec4<f32> = vec4<f32>(f32((((v_14)[2]>>0u) & 15u)), f32((((v_14)[2]>>4u) & 15u)), f32((((v_14)[2]>>8u) & 15u)), f32((((v_14)[2]>>12u) & 15u)));
    let v_20 : vec4<f32> = vec4<f32>(f32((((v_14)[2]>>16u) & 15u)), f32((((v_14)[2]>>20u) & 15u)), f32((((v_14)[2]>>24u) & 15u)), f32((((v_14)[2]>>28u) & 15u)));
    let v_21 : vec4<f32> = vec4<f32>(f32((((v_14)[3]>>0u) & 15u)), f32((((v_14)[3]>>4u) & 15u)), f32((((v_14)[3]>>8u) & 15u)), f32((((v_14)[3]>>12u) & 15u)));
    let v_22 : vec4<f32> = vec4<f32>(f32((((v_14)[3]>>16u) & 15u)), f32((((v_14)[3]>>20u) & 15u)), f32((((v_14)[3]>>24u) & 15u)), f32((((v_14)[3]>>28u) & 15u)));
    let v_23 : u32 = w_scale_ptr[((v_3 * 3i) + v_4)];
    let v_24 : f32 = (unpack2x16float(v_23))[0];
    let v_25 : f32 = (unpack2x16float(v_23))[1];
    v[0i] = (v[0i] + fma(v_25, v_13, ((((((((dot(v_5, v_15) + dot(v_6, v_16)) + dot(v_7, v_17)) + dot(v_8, v_18)) + dot(v_9, v_19)) + dot(v_10, v_20)) + dot(v_11, v_21)) + dot(v_12, v_22)) * v_24)));
    let v_26 : vec4<u32> = w_ptr[(((v_3 * 3i) + v_4) + 3i)];
    let v_27 : vec4<f32> = vec4<f32>(f32((((v_26)[0]>>0u) & 15u)), f32((((v_26)[0]>>4u) & 15u)), f32((((v_26)[0]>>8u) & 15u)), f32((((v_26)[0]>>12u) & 15u)));
    let v_28 : vec4<f32> = vec4<f32>(f32((((v_26)[0]>>16u) & 15u)), f32((((v_26)[0]>>20u) & 15u)), f32((((v_26)[0]>>24u) & 15u)), f32((((v_26)[0]>>28u) & 15u)));
    let v_29 : vec4<f32> = vec4<f32>(f32((((v_26)[1]>>0u) & 15u)), f32((((v_26)[1]>>4u) & 15u)), f32((((v_26)[1]>>8u) & 15u)), f32((((v_26)[1]>>12u) & 15u)));
    let v_30 : vec4<f32> = vec4<f32>(f32((((v_26)[1]>>16u) & 15u)), f32((((v_26)[1]>>20u) & 15u)), f32((((v_26)[1]>>24u) & 15u)), f32((((v_26)[1]>>28u) & 15u)));
    let v_31 : vec4<f32> = vec4<f32>(f32((((v_26)[2]>>0u) & 15u)), f32((((v_26)[2]>>4u) & 15u)), f32((((v_26)[2]>>8u) & 15u)), f32((((v_26)[2]>>12u) & 15u)));
    let v_32 : vec4<f32> = vec4<f32>(f32((((v_26)[2]>>16u) & 15u)), f32((((v_26)[2]>>20u) & 15u)), f32((((v_26)[2]>>24u) & 15u)), f32((((v_26)[2]>>28u) & 15u)));
    let v_33 : vec4<f32> = vec4<f32>(f32((((v_26)[3]>>0u) & 15u)), f32((((v_26)[3]>>4u) & 15u)), f32((((v_26)[3]>>8u) & 15u)), f32((((v_26)[3]>>12u) & 15u)));
    let v_34 : vec4<f32> = vec4<f32>(f32((((v_26)[3]>>16u) & 15u)), f32((((v_26)[3]>>20u) & 15u)), f32((((v_26)[3]>>24u) & 15u)), f32((((v_26)[3]>>28u) & 15u)));
    let v_35 : u32 = w_scale_ptr[(((v_3 * 3i) + v_4) + 3i)];
    let v_36 : f32 = (unpack2x16float(v_35))[0];
    let v_37 : f32 = (unpack2x16float(v_35))[1];
    v_1[0i] = (v_1[0i] + fma(v_37, v_13, ((((((((dot(v_5, v_27) + dot(v_6, v_28)) + dot(v_7, v_29)) + dot(v_8, v_30)) + dot(v_9, v_31)) + dot(v_10, v_32)) + dot(v_11, v_33)) + dot(v_12, v_34)) * v_36)));
  }
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 2u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 2u));
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 1u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 1u));
  if (v_2 == 0i) {
    out_ptr[v_3] = (v[0i] + residual_ptr[v_3]);
    out_ptr[(v_3 + 1i)] = (v_1[0i] + residual_ptr[(v_3 + 1i)]);
  }
}
