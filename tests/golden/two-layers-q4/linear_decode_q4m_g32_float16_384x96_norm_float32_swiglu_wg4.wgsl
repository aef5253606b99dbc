// linear_decode_q4m_g32_float16_384x96_norm_float32_swiglu_wg4
@group(0) @binding(0) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> w_scale_ptr : array<u32>;
@group(0) @binding(4) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  packGridDimX: u32
}
@group(0) @binding(5) var<uniform> podArgs : PODArgs;

var<workgroup> v_3 : array<f32, 192>;
@compute @workgroup_size(64, 1, 1)
fn linear_decode_q4m_g32_float16_384x96_norm_float32_swiglu_wg4_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(num_workgroups) gridDim : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }
  let v__1 : i32 = i32(blockIdx.z * gridDim.x + blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  var v_2 : array<f32, 1>;
  let v_4 : i32 = (i32(threadIdx.x) & 3i);
  let v_5 : i32 = ((v__1 * 16i) + (i32(threadIdx.x)>>2u));
  v[0i] = 0.000000e+00f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  let v_6 : i32 = ((0i * 4i) + v_4);
  if (v_6 < 3i) {
    let v_7 : vec4<f32> = x_ptr[(v_6 * 8i)];
    v_2[0i] = (v_2[0i] + dot(v_7, v_7));
    let v_8 : vec4<f32> = (v_7 * gain_ptr[(v_6 * 8i)]);
    let v_9 : vec4<f32> = x_ptr[((v_6 * 8i) + 1i)];
    v_2[0i] = (v_2[0i] + dot(v_9, v_9));
    let v_10 : vec4<f32> = (v_9 * gain_ptr[((v_6 * 8i) + 1i)]);
    let v_11 : vec4<f32> = x_ptr[((v_6 * 8i) + 2i)];
    v_2[0i] = (v_2[0i] + dot(v_11, v_11));
    let v_12 : vec4<f32> = (v_11 * gain_ptr[((v_6 * 8i) + 2i)]);
    let v_13 : vec4<f32> = x_ptr[((v_6 * 8i) + 3i)];
    v_2[0i] = (v_2[0i] + dot(v_13, v_13));
    let v_14 : vec4<f32> = (v_13 * gain_ptr[((v_6 * 8i) + 3i)]);
    let v_15 : vec4<f32> = x_ptr[((v_6 * 8i) + 4i)];
    v_2[0i] = (v_2[0i] + dot(v_15, v_15));
    let v_16 : vec4<f32> = (v_15 * gain_ptr[((v_6 * 8i) + 4i)]);
    let v_17 : vec4<f32> = x_ptr[((v_6 * 8i) + 5i)];
    v_2[0i] = (v_2[0i] + dot(v_17, v_17));
    let v_18 : vec4<f32> = (v_17 * gain_ptr[((v_6 * 8i) + 5i)]);
    let v_19 : vec4<f32> = x_ptr[((v_6 * 8i) + 6i)];
    v_2[0i] = (v_2[0i] + dot(v_19, v_19));
    let v_20 : vec4<f32> = (v_19 * gain_ptr[((v_6 * 8i) + 6i)]);
    let v_21 : vec4<f32> = x_ptr[((v_6 * 8i) + 7i)];
    v_2[0i] = (v_2[0i] + dot(v_21, v_21));
    let v_22 : vec4<f32> = (v_21 * gain_ptr[((v_6 * 8i) + 7i)]);
    let v_23 : f32 = dot((((((((v_8 + v_10) + v_12) + v_14) + v_16) + v_18) + v_20) + v_22), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    let v_24 : vec4<u32> = w_ptr[((v_5 * 3i) + v_6)];
    let v_25 : vec4<f32> = vec4<f32>(f32((((v_24)[0]>>0u) & 15u)), f32((((v_24)[0]>>4u) & 15u)), f32((((v_24)[0]>>8u) & 15u)), f32((((v_24)[0]>>12u) & 15u)));
    let v_26 : vec4<f32> = vec4<f32>(f32((((v_24)[0]>>16u) & 15u)), f32((((v_24)[0]>>20u) & 15u)), f32((((v_24)[0]>>24u) & 15u)), f32((((v_24)[0]>>28u) & 15u)));
    let v_27 : vec4<f32> = vec4<f32>(f32((((v_24)[1]>>0u) & 15u)), f32((((v_24)[1]>>4u) & 15u)), f32((((v_24)[1]>>8u) & 15u)), f32((((v_24)[1]>>12u) & 15u)));
    let v_28 : vec4<f32> = vec4<f32>(f32((((v_24)[1]>>16u) & 15u)), f32((((v_24)[1]>>20u) & 15u)), f32((((v_24)[1]>>24u) & 15u)), f32((((v_24)[1]>>28u) & 15u)));
    let v_29 : vec4<f32> = vec4<f32>(f32((((v_24)[2]>>0u) & 15u)), f32((((v_24)[2]>>4u) & 15u)), f32((((v_24)[2]>>8u) & 15u)), f32((((v_24)[2]>>12u) & 15u)));
    let v_30 : vec4<f32> = vec4<f32>(f32((((v_24)[2]>>16u) & 15u)), f32((((v_24)[2]>>20u) & 15u)), f32((((v_24)[2]>>24u) & 15u)), f32((((v_24)[2]>>28u) & 15u)));
    let v_31 : vec4<f32> = vec4<f32>(f32((((v_24)[3]>>0u) & 15u)), f32((((v_24)[3]>>4u) & 15u)), f32((((v_24)[3]>>8u) & 15u)), f32((((v_24)[3]>>12u) & 15u)));
    let v_32 : vec4<f32> = vec4<f32>(f32((((v_24)[3]>>16u) & 15u)), f32((((v_24)[3]>>20u) & 15u)), f32((((v_24)[3]>>24u) & 15u)), f32((((v_24)[3]>>28u) & 15u)));
    let v_33 : u32 = w_scale_ptr[((v_5 * 3i) + v_6)];
    let v_34 : f32 = (unpack2x16float(v_33))[0];
    let v_35 : f32 = (unpack2x16float(v_33))[1];
    v[0i] = (v[0i] + fma(v_35, v_23, ((((((((dot(v_8, v_25) + dot(v_10, v_26)) + dot(v_12, v_27)) + dot(v_14, v_28)) + dot(v_16, v_29)) + dot(v_18, v_30)) + dot(v_20, v_31)) + dot(v_22, v_32)) * v_34)));
    let v_36 : vec4<u32> = w_ptr[(((v_5 * 3i) + v_6) + 576i)];
    let v_37 : vec4<f32> = vec4<f32>(f32((((v_36)[0]>>0u) & 15u)), f32((((v_36)[0]>>4u) & 15u)), f32((((v_36)[0]>>8u) & 15u)), f32((((v_36)[0]>>12u) & 15u)));
    let v_38 : vec4<f32> = vec4<f32>(f32((((v_36)[0]>>16u) & 15u)), f32((((v_36)[0]>>20u) & 15u)), f32((((v_36)[0]>>24u) & 15u)), f32((((v_36)[0]>>28u) & 15u)));
    let v_39 : vec4<f32> = vec4<f32>(f32((((v_36)[1]>>0u) & 15u)), f32((((v_36)[1]>>4u) & 15u)), f32((((v_36)[1]>>8u) & 15u)), f32((((v_36)[1]>>12u) & 15u)));
    let v_40 : vec4<f32> = vec4<f32>(f32((((v_36)[1]>>16u) & 15u)), f32((((v_36)[1]>>20u) & 15u)), f32((((v_36)[1]>>24u) & 15u)), f32((((v_36)[1]>>28u) & 15u)));
    let v_41 : vec4<f32> = vec4<f32>(f32((((v_36)[2]>>0u) & 15u)), f32((((v_36)[2]>>4u) & 15u)), f32((((v_36)[2]>>8u) & 15u)), f32((((v_36)[2]>>12u) & 15u)));
    let v_42 : vec4<f32> = vec4<f32>(f32((((v_36)[2]>>16u) & 15u)), f32((((v_36)[2]>>20u) & 15u)), f32((((v_36)[2]>>24u) & 15u)), f32((((v_36)[2]>>28u) & 15u)));
    let v_43 : vec4<f32> = vec4<f32>(f32((((v_36)[3]>>0u) & 15u)), f32((((v_36)[3]>>4u) & 15u)), f32((((v_36)[3]>>8u) & 15u)), f32((((v_36)[3]>>12u) & 15u)));
    let v_44 : vec4<f32> = vec4<f32>(f32((((v_36)[3]>>16u) & 15u)), f32((((v_36)[3]>>20u) & 15u)), f32((((v_36)[3]>>24u) & 15u)), f32((((v_36)[3]>>28u) & 15u)));
    let v_45 : u32 = w_scale_ptr[(((v_5 * 3i) + v_6) + 576i)];
    let v_46 : f32 = (unpack2x16float(v_45))[0];
    let v_47 : f32 = (unpack2x16float(v_45))[1];
    v_1[0i] = (v_1[0i] + fma(v_47, v_23, ((((((((dot(v_8, v_37) + dot(v_10, v_38)) + dot(v_12, v_39)) + dot(v_14, v_40)) + dot(v_16, v_41)) + dot(v_18, v_42)) + dot(v_20, v_43)) + dot(v_22, v_44)) * v_46)));
  }
  v_3[i32(threadIdx.x)] = v[0i];
  v_3[(i32(threadIdx.x) + 64i)] = v_1[0i];
  v_3[(i32(threadIdx.x) + 128i)] = v_2[0i];
  workgroupBarrier();
  if (v_4 == 0i) {
    for (var v_48 : i32 = 0i; v_48 < 3i; v_48++) {
      v[0i] = (v[0i] + v_3[((i32(threadIdx.x) + v_48) + 1i)]);
    }
    for (var v_49 : i32 = 0i; v_49 < 3i; v_49++) {
      v_1[0i] = (v_1[0i] + v_3[((i32(threadIdx.x) + v_49) + 65i)]);
    }
    for (var v_50 : i32 = 0i; v_50 < 3i; v_50++) {
      v_2[0i] = (v_2[0i] + v_3[((i32(threadIdx.x) + v_50) + 129i)]);
    }
  }
  if (v_4 == 0i) {
    let v_51 : f32 = (1.000000e+00f / sqrt(((v_2[0i] / 9.600000e+01f) + 1.000000e-05f)));
    let v_52 : f32 = (v[0i] * v_51);
    let v_53 : f32 = select(v_52, -8.700000e+01f, (v_52 < -8.700000e+01f));
    out_ptr[v_5] = ((v_53 / (1.000000e+00f + exp((0.000000e+00f - v_53)))) * (v_1[0i] * v_51));
  }
}
