// linear_decode_q8s128_g32_float16_512x96_norm_float32_wg4
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
fn linear_decode_q8s128_g32_float16_512x96_norm_float32_wg4_kernel(
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
  let v_5 : i32 = (((v__1 * 16i) + (i32(threadIdx.x)>>2u)) * 2i);
  v[0i] = 0.000000e+00f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  for (var v_6 : i32 = 0i; v_6 < 2i; v_6++) {
    let v_7 : i32 = ((v_6 * 4i) + v_4);
    if (v_7 < 6i) {
      let v_8 : vec4<f32> = x_ptr[(v_7 * 4i)];
      v_2[0i] = (v_2[0i] + dot(v_8, v_8));
      let v_9 : vec4<f32> = (v_8 * gain_ptr[(v_7 * 4i)]);
      let v_10 : vec4<f32> = x_ptr[((v_7 * 4i) + 1i)];
      v_2[0i] = (v_2[0i] + dot(v_10, v_10));
      let v_11 : vec4<f32> = (v_10 * gain_ptr[((v_7 * 4i) + 1i)]);
      let v_12 : vec4<f32> = x_ptr[((v_7 * 4i) + 2i)];
      v_2[0i] = (v_2[0i] + dot(v_12, v_12));
      let v_13 : vec4<f32> = (v_12 * gain_ptr[((v_7 * 4i) + 2i)]);
      let v_14 : vec4<f32> = x_ptr[((v_7 * 4i) + 3i)];
      v_2[0i] = (v_2[0i] + dot(v_14, v_14));
      let v_15 : vec4<f32> = (v_14 * gain_ptr[((v_7 * 4i) + 3i)]);
      let v_16 : f32 = dot((((v_9 + v_11) + v_13) + v_15), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
      let v_17 : vec4<u32> = w_ptr[((v_5 * 6i) + v_7)];
      let v_18 : vec4<f32> = vec4<f32>(f32((((v_17)[0]>>0u) & 255u)), f32((((v_17)[0]>>8u) & 255u)), f32((((v_17)[0]>>16u) & 255u)), f32((((v_17)[0]>>24u) & 255u)));
      let v_19 : vec4<f32> = vec4<f32>(f32((((v_17)[1]>>0u) & 255u)), f32((((v_17)[1]>>8u) & 255u)), f32((((v_17)[1]>>16u) & 255u)), f32((((v_17)[1]>>24u) & 255u)));
      let v_20 : vec4<f32> = vec4<f32>(f32((((v_17)[2]>>0u) & 255u)), f32((((v_17)[2]>>8u) & 255u)), f32((((v_17)[2]>>16u) & 255u)), f32((((v_17)[2]>>24u) & 255u)));
      let v_21 : vec4<f32> = vec4<f32>(f32((((v_17)[3]>>0u) & 255u)), f32((((v_17)[3]>>8u) & 255u)), f32((((v_17)[3]>>16u) & 255u)), f32((((v_17)[3]>>24u) & 255u)));
      let v_22 : f32 = (unpack2x16float((w_scale_ptr[(((v_5 * 3i) + (v_7>>1u))>>1u)]>>u32(((((v_5 * 3i) + (v_7>>1u)) & 1i) * 16i)))))[0];
      let v_23 : f32 = (v_22 * -1.280000e+02f);
      v[0i] = (v[0i] + fma(v_23, v_16, ((((dot(v_9, v_18) + dot(v_11, v_19)) + dot(v_13, v_20)) + dot(v_15, v_21)) * v_22)));
      let v_24 : vec4<u32> = w_ptr[(((v_5 * 6i) + v_7) + 6i)];
      let v_25 : vec4<f32> = vec4<f32>(f32((((v_24)[0]>>0u) & 255u)), f32((((v_24)[0]>>8u) & 255u)), f32((((v_24)[0]>>16u) & 255u)), f32((((v_24)[0]>>24u) & 255u)));
      let v_26 : vec4<f32> = vec4<f32>(f32((((v_24)[1]>>0u) & 255u)), f32((((v_24)[1]>>8u) & 255u)), f32((((v_24)[1]>>16u) & 255u)), f32((((v_24)[1]>>24u) & 255u)));
      let v_27 : vec4<f32> = vec4<f32>(f32((((v_24)[2]>>0u) & 255u)), f32((((v_24)[2]>>8u) & 255u)), f32((((v_24)[2]>>16u) & 255u)), f32((((v_24)[2]>>24u) & 255u)));
      let v_28 : vec4<f32> = vec4<f32>(f32((((v_24)[3]>>0u) & 255u)), f32((((v_24)[3]>>8u) & 255u)), f32((((v_24)[3]>>16u) & 255u)), f32((((v_24)[3]>>24u) & 255u)));
      let v_29 : f32 = (unpack2x16float((w_scale_ptr[((((v_5 * 3i) + (v_7>>1u)) + 3i)>>1u)]>>u32((((((v_5 + 1i) * 3i) + (v_7>>1u)) & 1i) * 16i)))))[0];
      let v_30 : f32 = (v_29 * -1.280000e+02f);
      v_1[0i] = (v_1[0i] + fma(v_30, v_16, ((((dot(v_9, v_25) + dot(v_11, v_26)) + dot(v_13, v_27)) + dot(v_15, v_28)) * v_29)));
    }
  }
  v_3[i32(threadIdx.x)] = v[0i];
  v_3[(i32(threadIdx.x) + 64i)] = v_1[0i];
  v_3[(i32(threadIdx.x) + 128i)] = v_2[0i];
  workgroupBarrier();
  if (v_4 == 0i) {
    for (var v_31 : i32 = 0i; v_31 < 3i; v_31++) {
      v[0i] = (v[0i] + v_3[((i32(threadIdx.x) + v_31) + 1i)]);
    }
    for (var v_32 : i32 = 0i; v_32 < 3i; v_32++) {
      v_1[0i] = (v_1[0i] + v_3[((i32(threadIdx.x) + v_32) + 65i)]);
    }
    for (var v_33 : i32 = 0i; v_33 < 3i; v_33++) {
      v_2[0i] = (v_2[0i] + v_3[((i32(threadIdx.x) + v_33) + 129i)]);
    }
  }
  if (v_4 == 0i) {
    let v_34 : f32 = (1.000000e+00f / sqrt(((v_2[0i] / 9.600000e+01f) + 1.000000e-05f)));
    out_ptr[v_5] = (v[0i] * v_34);
    out_ptr[(v_5 + 1i)] = (v_1[0i] * v_34);
  }
}
