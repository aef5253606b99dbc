// linear_prefill_gated_q4s_float16_padded
@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> w_scale_ptr : array<u32>;
@group(0) @binding(6) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  n: i32
}
@group(0) @binding(7) var<uniform> podArgs : PODArgs;

override all_outputs: i32;
override chunks: i32;
override first_row: i32;
override group_chunks: i32;
override groups: i32;
override has_bias: i32;
override has_delta: i32;
override has_residual: i32;
override outputs: i32;
override quads: i32;
override scale: f32;
override tails: i32;
override zero: i32;
override activation: i32;
override softcap: f32;

@compute @workgroup_size(64, 1, 1)
fn linear_prefill_gated_q4s_float16_padded_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  var v_2 : array<f32, 1>;
  var v_3 : array<f32, 1>;
  var v_4 : array<f32, 1>;
  var v_5 : array<f32, 1>;
  var v_6 : array<f32, 1>;
  var v_7 : array<f32, 1>;
  var v_8 : array<f32, 1>;
  var v_9 : array<f32, 1>;
  var v_10 : array<f32, 1>;
  var v_11 : array<f32, 1>;
  var v_12 : array<f32, 1>;
  var v_13 : array<f32, 1>;
  var v_14 : array<f32, 1>;
  var v_15 : array<f32, 1>;
  var v_16 : array<f32, 1>;
  var v_17 : array<f32, 1>;
  var v_18 : array<f32, 1>;
  var v_19 : array<f32, 1>;
  var v_20 : array<f32, 1>;
  var v_21 : array<f32, 1>;
  var v_22 : array<f32, 1>;
  var v_23 : array<f32, 1>;
  let v_24 : i32 = (((v__1 * 16i) + (i32(threadIdx.x) & 15i)) * 2i);
  let v_25 : i32 = ((i32(blockIdx.y) * 16i) + ((i32(threadIdx.x)>>4u) * 4i));
  let v_26 : i32 = select(v_24, min(v_24, (outputs - 1i)), (tails != 0i));
  let v_27 : i32 = select((v_24 + 1i), min((v_24 + 1i), (outputs - 1i)), (tails != 0i));
  let v_28 : i32 = min(v_25, (podArgs.n - 1i));
  let v_29 : i32 = min((v_25 + 1i), (podArgs.n - 1i));
  let v_30 : i32 = min((v_25 + 2i), (podArgs.n - 1i));
  let v_31 : i32 = min((v_25 + 3i), (podArgs.n - 1i));
  v[0i] = 0.000000e+00f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  v_3[0i] = 0.000000e+00f;
  v_4[0i] = 0.000000e+00f;
  v_5[0i] = 0.000000e+00f;
  v_6[0i] = 0.000000e+00f;
  v_7[0i] = 0.000000e+00f;
  v_8[0i] = 0.000000e+00f;
  v_9[0i] = 0.000000e+00f;
  v_10[0i] = 0.000000e+00f;
  v_11[0i] = 0.000000e+00f;
  v_12[0i] = 0.000000e+00f;
  v_13[0i] = 0.000000e+00f;
  v_14[0i] = 0.000000e+00f;
  v_15[0i] = 0.000000e+00f;
  for (var v_32 : i32 = 0i; v_32 < chunks; v_32++) {
    let v_33 : vec4<u32> = w_ptr[(v_32 + (v_26 * chunks))];
    let v_34 : vec4<f32> = vec4<f32>(f32((((v_33)[0]>>0u) & 15u)), f32((((v_33)[0]>>4u) & 15u)), f32((((v_33)[0]>>8u) & 15u)), f32((((v_33)[0]>>12u) & 15u)));
    let v_35 : vec4<f32> = vec4<f32>(f32((((v_33)[0]>>16u) & 15u)), f32((((v_33)[0]>>20u) & 15u)), f32((((v_33)[0]>>24u) & 15u)), f32((((v_33)[0]>>28u) & 15u)));
    let v_36 : vec4<f32> = vec4<f32>(f32((((v_33)[1]>>0u) & 15u)), f32((((v_33)[1]>>4u) & 15u)), f32((((v_33)[1]>>8u) & 15u)), f32((((v_33)[1]>>12u) & 15u)));
    let v_37 : vec4<f32> = vec4<f32>(f32((((v_33)[1]>>16u) & 15u)), f32((((v_33)[1]>>20u) & 15u)), f32((((v_33)[1]>>24u) & 15u)), f32((((v_33)[1]>>28u) & 15u)));
    let v_38 : vec4<f32> = vec4<f32>(f32((((v_33)[2]>>0u) & 15u)), f32((((v_33)[2]>>4u) & 15u)), f32((((v_33)[2]>>8u) & 15u)), f32((((v_33)[2]>>12u) & 15u)));
    let v_39 : vec4<f32> = vec4<f32>(f32((((v_33)[2]>>16u) & 15u)), f32((((v_33)[2]>>20u) & 15u)), f32((((v_33)[2]>>24u) & 15u)), f32((((v_33)[2]>>28u) & 15u)));
    let v_40 : vec4<f32> = vec4<f32>(f32((((v_33)[3]>>0u) & 15u)), f32((((v_33)[3]>>4u) & 15u)), f32((((v_33)[3]>>8u) & 15u)), f32((((v_33)[3]>>12u) & 15u)));
    let v_41 : vec4<f32> = vec4<f32>(f32((((v_33)[3]>>16u) & 15u)), f32((((v_33)[3]>>20u) & 15u)), f32((((v_33)[3]>>24u) & 15u)), f32((((v_33)[3]>>28u) & 15u)));
    let v_42 : i32 = ((v_26 * groups) + i32((u32(v_32) / u32(group_chunks))));
    let v_43 : f32 = (unpack2x16float((w_scale_ptr[(v_42>>1u)]>>u32(((v_42 & 1i) * 16i)))))[0];
    let v_44 : f32 = (v_43 * (0.000000e+00f - f32(zero)));
    let v_45 : vec4<u32> = w_ptr[(v_32 + ((v_26 + outputs) * chunks))];
    let v_46 : vec4<f32> = vec4<f32>(f32((((v_45)[0]>>0u) & 15u)), f32((((v_45)[0]>>4u) & 15u)), f32((((v_45)[0]>>8u) & 15u)), f32((((v_45)[0]>>12u) & 15u)));
    let v_47 : vec4<f32> = vec4<f32>(f32((((v_45)[0]>>16u) & 15u)), f32((((v_45)[0]>>20u) & 15u)), f32((((v_45)[0]>>24u) & 15u)), f32((((v_45)[0]>>28u) & 15u)));
    let v_48 : vec4<f32> = vec4<f32>(f32((((v_45)[1]>>0u) & 15u)), f32((((v_45)[1]>>4u) & 15u)), f32((((v_45)[1]>>8u) & 15u)), f32((((v_45)[1]>>12u) & 15u)));
    let v_49 : vec4<f32> = vec4<f32>(f32((((v_45)[1]>>16u) & 15u)), f32((((v_45)[1]>>20u) & 15u)), f32((((v_45)[1]>>24u) & 15u)), f32((((v_45)[1]>>28u) & 15u)));
    let v_50 : vec4<f32> = vec4<f32>(f32((((v_45)[2]>>0u) & 15u)), f32((((v_45)[2]>>4u) & 15u)), f32((((v_45)[2]>>8u) & 15u)), f32((((v_45)[2]>>12u) & 15u)));
    let v_51 : vec4<f32> = vec4<f32>(f32((((v_45)[2]>>16u) & 15u)), f32((((v_45)[2]>>20u) & 15u)), f32((((v_45)[2]>>24u) & 15u)), f32((((v_45)[2]>>28u) & 15u)));
    let v_52 : vec4<f32> = vec4<f32>(f32((((v_45)[3]>>0u) & 15u)), f32((((v_45)[3]>>4u) & 15u)), f32((((v_45)[3]>>8u) & 15u)), f32((((v_45)[3]>>12u) & 15u)));
    let v_53 : vec4<f32> = vec4<f32>(f32((((v_45)[3]>>16u) & 15u)), f32((((v_45)[3]>>20u) & 15u)), f32((((v_45)[3]>>24u) & 15u)), f32((((v_45)[3]>>28u) & 15u)));
    let v_54 : i32 = (((v_26 + outputs) * groups) + i32((u32(v_32) / u32(group_chunks))));
    let v_55 : f32 = (unpack2x16float((w_scale_ptr[(v_54>>1u)]>>u32(((v_54 & 1i) * 16i)))))[0];
    let v_56 : f32 = (v_55 * (0.000000e+00f - f32(zero)));
    let v_57 : vec4<u32> = w_ptr[(v_32 + (v_27 * chunks))];
    let v_58 : vec4<f32> = vec4<f32>(f32((((v_57)[0]>>0u) & 15u)), f32((((v_57)[0]>>4u) & 15u)), f32((((v_57)[0]>>8u) & 15u)), f32((((v_57)[0]>>12u) & 15u)));
    let v_59 : vec4<f32> = vec4<f32>(f32((((v_57)[0]>>16u) & 15u)), f32((((v_57)[0]>>20u) & 15u)), f32((((v_57)[0]>>24u) & 15u)), f32((((v_57)[0]>>28u) & 15u)));
    let v_60 : vec4<f32> = vec4<f32>(f32((((v_57)[1]>>0u) & 15u)), f32((((v_57)[1]>>4u) & 15u)), f32((((v_57)[1]>>8u) & 15u)), f32((((v_57)[1]>>12u) & 15u)));
    let v_61 : vec4<f32> = vec4<f32>(f32((((v_57)[1]>>16u) & 15u)), f32((((v_57)[1]>>20u) & 15u)), f32((((v_57)[1]>>24u) & 15u)), f32((((v_57)[1]>>28u) & 15u)));
    let v_62 : vec4<f32> = vec4<f32>(f32((((v_57)[2]>>0u) & 15u)), f32((((v_57)[2]>>4u) & 15u)), f32((((v_57)[2]>>8u) & 15u)), f32((((v_57)[2]>>12u) & 15u)));
    let v_63 : vec4<f32> = vec4<f32>(f32((((v_57)[2]>>16u) & 15u)), f32((((v_57)[2]>>20u) & 15u)), f32((((v_57)[2]>>24u) & 15u)), f32((((v_57)[2]>>28u) & 15u)));
    let v_64 : vec4<f32> = vec4<f32>(f32((((v_57)[3]>>0u) & 15u)), f32((((v_57)[3]>>4u) & 15u)), f32((((v_57)[3]>>8u) & 15u)), f32((((v_57)[3]>>12u) & 15u)));
    let v_65 : vec4<f32> = vec4<f32>(f32((((v_57)[3]>>16u) & 15u)), f32((((v_57)[3]>>20u) & 15u)), f32((((v_57)[3]>>24u) & 15u)), f32((((v_57)[3]>>28u) & 15u)));
    let v_66 : i32 = ((v_27 * groups) + i32((u32(v_32) / u32(group_chunks))));
    let v_67 : f32 = (unpack2x16float((w_scale_ptr[(v_66>>1u)]>>u32(((v_66 & 1i) * 16i)))))[0];
    let v_68 : f32 = (v_67 * (0.000000e+00f - f32(zero)));
    let v_69 : vec4<u32> = w_ptr[(v_32 + ((v_27 + outputs) * chunks))];
    let v_70 : vec4<f32> = vec4<f32>(f32((((v_69)[0]>>0u) & 15u)), f32((((v_69)[0]>>4u) & 15u)), f32((((v_69)[0]>>8u) & 15u)), f32((((v_69)[0]>>12u) & 15u)));
    let v_71 : vec4<f32> = vec4<f32>(f32((((v_69)[0]>>16u) & 15u)), f32((((v_69)[0]>>20u) & 15u)), f32((((v_69)[0]>>24u) & 15u)), f32((((v_69)[0]>>28u) & 15u)));
    let v_72 : vec4<f32> = vec4<f32>(f32((((v_69)[1]>>0u) & 15u)), f32((((v_69)[1]>>4u) & 15u)), f32((((v_69)[1]>>8u) & 15u)), f32((((v_69)[1]>>12u) & 15u)));
    let v_73 : vec4<f32> = vec4<f32>(f32((((v_69)[1]>>16u) & 15u)), f32((((v_69)[1]>>20u) & 15u)), f32((((v_69)[1]>>24u) & 15u)), f32((((v_69)[1]>>28u) & 15u)));
    let v_74 : vec4<f32> = vec4<f32>(f32((((v_69)[2]>>0u) & 15u)), f32((((v_69)[2]>>4u) & 15u)), f32((((v_69)[2]>>8u) & 15u)), f32((((v_69)[2]>>12u) & 15u)));
    let v_75 : vec4<f32> = vec4<f32>(f32((((v_69)[2]>>16u) & 15u)), f32((((v_69)[2]>>20u) & 15u)), f32((((v_69)[2]>>24u) & 15u)), f32((((v_69)[2]>>28u) & 15u)));
    let v_76 : vec4<f32> = vec4<f32>(f32((((v_69)[3]>>0u) & 15u)), f32((((v_69)[3]>>4u) & 15u)), f32((((v_69)[3]>>8u) & 15u)), f32((((v_69)[3]>>12u) & 15u)));
    let v_77 : vec4<f32> = vec4<f32>(f32((((v_69)[3]>>16u) & 15u)), f32((((v_69)[3]>>20u) & 15u)), f32((((v_69)[3]>>24u) & 15u)), f32((((v_69)[3]>>28u) & 15u)));
    let v_78 : i32 = (((v_27 + outputs) * groups) + i32((u32(v_32) / u32(group_chunks))));
    let v_79 : f32 = (unpack2x16float((w_scale_ptr[(v_78>>1u)]>>u32(((v_78 & 1i) * 16i)))))[0];
    let v_80 : f32 = (v_79 * (0.000000e+00f - f32(zero)));
    let v_81 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min((v_32 * 8i), (quads - 1i)) + (v_28 * quads))], ((v_32 * 8i) < quads));
    let v_82 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 1i), (quads - 1i)) + (v_28 * quads))], (((v_32 * 8i) + 1i) < quads));
    let v_83 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 2i), (quads - 1i)) + (v_28 * quads))], (((v_32 * 8i) + 2i) < quads));
    let v_84 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 3i), (quads - 1i)) + (v_28 * quads))], (((v_32 * 8i) + 3i) < quads));
    let v_85 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 4i), (quads - 1i)) + (v_28 * quads))], (((v_32 * 8i) + 4i) < quads));
    let v_86 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 5i), (quads - 1i)) + (v_28 * quads))], (((v_32 * 8i) + 5i) < quads));
    let v_87 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 6i), (quads - 1i)) + (v_28 * quads))], (((v_32 * 8i) + 6i) < quads));
    let v_88 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 7i), (quads - 1i)) + (v_28 * quads))], (((v_32 * 8i) + 7i) < quads));
    let v_89 : f32 = dot((((((((v_81 + v_82) + v_83) + v_84) + v_85) + v_86) + v_87) + v_88), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v[0i] = (v[0i] + fma(v_44, v_89, ((((((((dot(v_81, v_34) + dot(v_82, v_35)) + dot(v_83, v_36)) + dot(v_84, v_37)) + dot(v_85, v_38)) + dot(v_86, v_39)) + dot(v_87, v_40)) + dot(v_88, v_41)) * v_43)));
    v_1[0i] = (v_1[0i] + fma(v_56, v_89, ((((((((dot(v_81, v_46) + dot(v_82, v_47)) + dot(v_83, v_48)) + dot(v_84, v_49)) + dot(v_85, v_50)) + dot(v_86, v_51)) + dot(v_87, v_52)) + dot(v_88, v_53)) * v_55)));
    v_2[0i] = (v_2[0i] + fma(v_68, v_89, ((((((((dot(v_81, v_58) + dot(v_82, v_59)) + dot(v_83, v_60)) + dot(v_84, v_61)) + dot(v_85, v_62)) + dot(v_86, v_63)) + dot(v_87, v_64)) + dot(v_88, v_65)) * v_67)));
    v_3[0i] = (v_3[0i] + fma(v_80, v_89, ((((((((dot(v_81, v_70) + dot(v_82, v_71)) + dot(v_83, v_72)) + dot(v_84, v_73)) + dot(v_85, v_74)) + dot(v_86, v_75)) + dot(v_87, v_76)) + dot(v_88, v_77)) * v_79)));
    let v_90 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min((v_32 * 8i), (quads - 1i)) + (v_29 * quads))], ((v_32 * 8i) < quads));
    let v_91 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 1i), (quads - 1i)) + (v_29 * quads))], (((v_32 * 8i) + 1i) < quads));
    let v_92 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 2i), (quads - 1i)) + (v_29 * quads))], (((v_32 * 8i) + 2i) < quads));
    let v_93 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 3i), (quads - 1i)) + (v_29 * quads))], (((v_32 * 8i) + 3i) < quads));
    let v_94 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 4i), (quads - 1i)) + (v_29 * quads))], (((v_32 * 8i) + 4i) < quads));
    let v_95 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 5i), (quads - 1i)) + (v_29 * quads))], (((v_32 * 8i) + 5i) < quads));
    let v_96 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 6i), (quads - 1i)) + (v_29 * quads))], (((v_32 * 8i) + 6i) < quads));
    let v_97 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 7i), (quads - 1i)) + (v_29 * quads))], (((v_32 * 8i) + 7i) < quads));
    let v_98 : f32 = dot((((((((v_90 + v_91) + v_92) + v_93) + v_94) + v_95) + v_96) + v_97), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_4[0i] = (v_4[0i] + fma(v_44, v_98, ((((((((dot(v_90, v_34) + dot(v_91, v_35)) + dot(v_92, v_36)) + dot(v_93, v_37)) + dot(v_94, v_38)) + dot(v_95, v_39)) + dot(v_96, v_40)) + dot(v_97, v_41)) * v_43)));
    v_5[0i] = (v_5[0i] + fma(v_56, v_98, ((((((((dot(v_90, v_46) + dot(v_91, v_47)) + dot(v_92, v_48)) + dot(v_93, v_49)) + dot(v_94, v_50)) + dot(v_95, v_51)) + dot(v_96, v_52)) + dot(v_97, v_53)) * v_55)));
    v_6[0i] = (v_6[0i] + fma(v_68, v_98, ((((((((dot(v_90, v_58) + dot(v_91, v_59)) + dot(v_92, v_60)) + dot(v_93, v_61)) + dot(v_94, v_62)) + dot(v_95, v_63)) + dot(v_96, v_64)) + dot(v_97, v_65)) * v_67)));
    v_7[0i] = (v_7[0i] + fma(v_80, v_98, ((((((((dot(v_90, v_70) + dot(v_91, v_71)) + dot(v_92, v_72)) + dot(v_93, v_73)) + dot(v_94, v_74)) + dot(v_95, v_75)) + dot(v_96, v_76)) + dot(v_97, v_77)) * v_79)));
    let v_99 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min((v_32 * 8i), (quads - 1i)) + (v_30 * quads))], ((v_32 * 8i) < quads));
    let v_100 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 1i), (quads - 1i)) + (v_30 * quads))], (((v_32 * 8i) + 1i) < quads));
    let v_101 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 2i), (quads - 1i)) + (v_30 * quads))], (((v_32 * 8i) + 2i) < quads));
    let v_102 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 3i), (quads - 1i)) + (v_30 * quads))], (((v_32 * 8i) + 3i) < quads));
    let v_103 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 4i), (quads - 1i)) + (v_30 * quads))], (((v_32 * 8i) + 4i) < quads));
    let v_104 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 5i), (quads - 1i)) + (v_30 * quads))], (((v_32 * 8i) + 5i) < quads));
    let v_105 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 6i), (quads - 1i)) + (v_30 * quads))], (((v_32 * 8i) + 6i) < quads));
    let v_106 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 7i), (quads - 1i)) + (v_30 * quads))], (((v_32 * 8i) + 7i) < quads));
    let v_107 : f32 = dot((((((((v_99 + v_100) + v_101) + v_102) + v_103) + v_104) + v_105) + v_106), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_8[0i] = (v_8[0i] + fma(v_44, v_107, ((((((((dot(v_99, v_34) + dot(v_100, v_35)) + dot(v_101, v_36)) + dot(v_102, v_37)) + dot(v_103, v_38)) + dot(v_104, v_39)) + dot(v_105, v_40)) + dot(v_106, v_41)) * v_43)));
    v_9[0i] = (v_9[0i] + fma(v_56, v_107, ((((((((dot(v_99, v_46) + dot(v_100, v_47)) + dot(v_101, v_48)) + dot(v_102, v_49)) + dot(v_103, v_50)) + dot(v_104, v_51)) + dot(v_105, v_52)) + dot(v_106, v_53)) * v_55)));
    v_10[0i] = (v_10[0i] + fma(v_68, v_107, ((((((((dot(v_99, v_58) + dot(v_100, v_59)) + dot(v_101, v_60)) + dot(v_102, v_61)) + dot(v_103, v_62)) + dot(v_104, v_63)) + dot(v_105, v_64)) + dot(v_106, v_65)) * v_67)));
    v_11[0i] = (v_11[0i] + fma(v_80, v_107, ((((((((dot(v_99, v_70) + dot(v_100, v_71)) + dot(v_101, v_72)) + dot(v_102, v_73)) + dot(v_103, v_74)) + dot(v_104, v_75)) + dot(v_105, v_76)) + dot(v_106, v_77)) * v_79)));
    let v_108 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min((v_32 * 8i), (quads - 1i)) + (v_31 * quads))], ((v_32 * 8i) < quads));
    let v_109 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 1i), (quads - 1i)) + (v_31 * quads))], (((v_32 * 8i) + 1i) < quads));
    let v_110 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 2i), (quads - 1i)) + (v_31 * quads))], (((v_32 * 8i) + 2i) < quads));
    let v_111 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 3i), (quads - 1i)) + (v_31 * quads))], (((v_32 * 8i) + 3i) < quads));
    let v_112 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 4i), (quads - 1i)) + (v_31 * quads))], (((v_32 * 8i) + 4i) < quads));
    let v_113 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 5i), (quads - 1i)) + (v_31 * quads))], (((v_32 * 8i) + 5i) < quads));
    let v_114 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 6i), (quads - 1i)) + (v_31 * quads))], (((v_32 * 8i) + 6i) < quads));
    let v_115 : vec4<f32> = select(vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), x_ptr[(min(((v_32 * 8i) + 7i), (quads - 1i)) + (v_31 * quads))], (((v_32 * 8i) + 7i) < quads));
    let v_116 : f32 = dot((((((((v_108 + v_109) + v_110) + v_111) + v_112) + v_113) + v_114) + v_115), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_12[0i] = (v_12[0i] + fma(v_44, v_116, ((((((((dot(v_108, v_34) + dot(v_109, v_35)) + dot(v_110, v_36)) + dot(v_111, v_37)) + dot(v_112, v_38)) + dot(v_113, v_39)) + dot(v_114, v_40)) + dot(v_115, v_41)) * v_43)));
    v_13[0i] = (v_13[0i] + fma(v_56, v_116, ((((((((dot(v_108, v_46) + dot(v_109, v_47)) + dot(v_110, v_48)) + dot(v_111, v_49)) + dot(v_112, v_50)) + dot(v_113, v_51)) + dot(v_114, v_52)) + dot(v_115, v_53)) * v_55)));
    v_14[0i] = (v_14[0i] + fma(v_68, v_116, ((((((((dot(v_108, v_58) + dot(v_109, v_59)) + dot(v_110, v_60)) + dot(v_111, v_61)) + dot(v_112, v_62)) + dot(v_113, v_63)) + dot(v_114, v_64)) + dot(v_115, v_65)) * v_67)));
    v_15[0i] = (v_15[0i] + fma(v_80, v_116, ((((((((dot(v_108, v_70) + dot(v_109, v_71)) + dot(v_110, v_72)) + dot(v_111, v_73)) + dot(v_112, v_74)) + dot(v_113, v_75)) + dot(v_114, v_76)) + dot(v_115, v_77)) * v_79)));
  }
  if ((v_25 < podArgs.n) && select(bool(1), (v_24 < outputs), (tails != 0i))) {
    let v_117 : i32 = (v_24 + first_row);
    if (has_bias != 0i) {
      v[0i] = (v[0i] + bias_ptr[v_117]);
      v_1[0i] = (v_1[0i] + bias_ptr[(v_117 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v[0i] = (v[0i] + delta_ptr[(((v_25 * all_outputs) * 2i) + v_117)]);
      v_1[0i] = (v_1[0i] + delta_ptr[((((v_25 * all_outputs) * 2i) + v_117) + all_outputs)]);
    }
    v_16[0i] = capped(((activated(v[0i]) * v_1[0i]) * scale));
    if (has_residual != 0i) {
      v_16[0i] = (v_16[0i] + residual_ptr[((v_25 * all_outputs) + v_117)]);
    }
    out_ptr[((v_25 * all_outputs) + v_117)] = v_16[0i];
  }
  if ((v_25 < podArgs.n) && select(bool(1), ((v_24 + 1i) < outputs), (tails != 0i))) {
    let v_118 : i32 = ((v_24 + 1i) + first_row);
    if (has_bias != 0i) {
      v_2[0i] = (v_2[0i] + bias_ptr[v_118]);
      v_3[0i] = (v_3[0i] + bias_ptr[(v_118 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_2[0i] = (v_2[0i] + delta_ptr[(((v_25 * all_outputs) * 2i) + v_118)]);
      v_3[0i] = (v_3[0i] + delta_ptr[((((v_25 * all_outputs) * 2i) + v_118) + all_outputs)]);
    }
    v_17[0i] = capped(((activated(v_2[0i]) * v_3[0i]) * scale));
    if (has_residual != 0i) {
      v_17[0i] = (v_17[0i] + residual_ptr[((v_25 * all_outputs) + v_118)]);
    }
    out_ptr[((v_25 * all_outputs) + v_118)] = v_17[0i];
  }
  if (((v_25 + 1i) < podArgs.n) && select(bool(1), (v_24 < outputs), (tails != 0i))) {
    let v_119 : i32 = (v_24 + first_row);
    if (has_bias != 0i) {
      v_4[0i] = (v_4[0i] + bias_ptr[v_119]);
      v_5[0i] = (v_5[0i] + bias_ptr[(v_119 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_4[0i] = (v_4[0i] + delta_ptr[((((v_25 + 1i) * all_outputs) * 2i) + v_119)]);
      v_5[0i] = (v_5[0i] + delta_ptr[(((((v_25 + 1i) * all_outputs) * 2i) + v_119) + all_outputs)]);
    }
    v_18[0i] = capped(((activated(v_4[0i]) * v_5[0i]) * scale));
    if (has_residual != 0i) {
      v_18[0i] = (v_18[0i] + residual_ptr[(((v_25 + 1i) * all_outputs) + v_119)]);
    }
    out_ptr[(((v_25 + 1i) * all_outputs) + v_119)] = v_18[0i];
  }
  if (((v_25 + 1i) < podArgs.n) && select(bool(1), ((v_24 + 1i) < outputs), (tails != 0i))) {
    let v_120 : i32 = ((v_24 + 1i) + first_row);
    if (has_bias != 0i) {
      v_6[0i] = (v_6[0i] + bias_ptr[v_120]);
      v_7[0i] = (v_7[0i] + bias_ptr[(v_120 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_6[0i] = (v_6[0i] + delta_ptr[((((v_25 + 1i) * all_outputs) * 2i) + v_120)]);
      v_7[0i] = (v_7[0i] + delta_ptr[(((((v_25 + 1i) * all_outputs) * 2i) + v_120) + all_outputs)]);
    }
    v_19[0i] = capped(((activated(v_6[0i]) * v_7[0i]) * scale));
    if (has_residual != 0i) {
      v_19[0i] = (v_19[0i] + residual_ptr[(((v_25 + 1i) * all_outputs) + v_120)]);
    }
    out_ptr[(((v_25 + 1i) * all_outputs) + v_120)] = v_19[0i];
  }
  if (((v_25 + 2i) < podArgs.n) && select(bool(1), (v_24 < outputs), (tails != 0i))) {
    let v_121 : i32 = (v_24 + first_row);
    if (has_bias != 0i) {
      v_8[0i] = (v_8[0i] + bias_ptr[v_121]);
      v_9[0i] = (v_9[0i] + bias_ptr[(v_121 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_8[0i] = (v_8[0i] + delta_ptr[((((v_25 + 2i) * all_outputs) * 2i) + v_121)]);
      v_9[0i] = (v_9[0i] + delta_ptr[(((((v_25 + 2i) * all_outputs) * 2i) + v_121) + all_outputs)]);
    }
    v_20[0i] = capped(((activated(v_8[0i]) * v_9[0i]) * scale));
    if (has_residual != 0i) {
      v_20[0i] = (v_20[0i] + residual_ptr[(((v_25 + 2i) * all_outputs) + v_121)]);
    }
    out_ptr[(((v_25 + 2i) * all_outputs) + v_121)] = v_20[0i];
  }
  if (((v_25 + 2i) < podArgs.n) && select(bool(1), ((v_24 + 1i) < outputs), (tails != 0i))) {
    let v_122 : i32 = ((v_24 + 1i) + first_row);
    if (has_bias != 0i) {
      v_10[0i] = (v_10[0i] + bias_ptr[v_122]);
      v_11[0i] = (v_11[0i] + bias_ptr[(v_122 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_10[0i] = (v_10[0i] + delta_ptr[((((v_25 + 2i) * all_outputs) * 2i) + v_122)]);
      v_11[0i] = (v_11[0i] + delta_ptr[(((((v_25 + 2i) * all_outputs) * 2i) + v_122) + all_outputs)]);
    }
    v_21[0i] = capped(((activated(v_10[0i]) * v_11[0i]) * scale));
    if (has_residual != 0i) {
      v_21[0i] = (v_21[0i] + residual_ptr[(((v_25 + 2i) * all_outputs) + v_122)]);
    }
    out_ptr[(((v_25 + 2i) * all_outputs) + v_122)] = v_21[0i];
  }
  if (((v_25 + 3i) < podArgs.n) && select(bool(1), (v_24 < outputs), (tails != 0i))) {
    let v_123 : i32 = (v_24 + first_row);
    if (has_bias != 0i) {
      v_12[0i] = (v_12[0i] + bias_ptr[v_123]);
      v_13[0i] = (v_13[0i] + bias_ptr[(v_123 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_12[0i] = (v_12[0i] + delta_ptr[((((v_25 + 3i) * all_outputs) * 2i) + v_123)]);
      v_13[0i] = (v_13[0i] + delta_ptr[(((((v_25 + 3i) * all_outputs) * 2i) + v_123) + all_outputs)]);
    }
    v_22[0i] = capped(((activated(v_12[0i]) * v_13[0i]) * scale));
    if (has_residual != 0i) {
      v_22[0i] = (v_22[0i] + residual_ptr[(((v_25 + 3i) * all_outputs) + v_123)]);
    }
    out_ptr[(((v_25 + 3i) * all_outputs) + v_123)] = v_22[0i];
  }
  if (((v_25 + 3i) < podArgs.n) && select(bool(1), ((v_24 + 1i) < outputs), (tails != 0i))) {
    let v_124 : i32 = ((v_24 + 1i) + first_row);
    if (has_bias != 0i) {
      v_14[0i] = (v_14[0i] + bias_ptr[v_124]);
      v_15[0i] = (v_15[0i] + bias_ptr[(v_124 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_14[0i] = (v_14[0i] + delta_ptr[((((v_25 + 3i) * all_outputs) * 2i) + v_124)]);
      v_15[0i] = (v_15[0i] + delta_ptr[(((((v_25 + 3i) * all_outputs) * 2i) + v_124) + all_outputs)]);
    }
    v_23[0i] = capped(((activated(v_14[0i]) * v_15[0i]) * scale));
    if (has_residual != 0i) {
      v_23[0i] = (v_23[0i] + residual_ptr[(((v_25 + 3i) * all_outputs) + v_124)]);
    }
    out_ptr[(((v_25 + 3i) * all_outputs) + v_124)] = v_23[0i];
  }
}
fn activated(y: f32) -> f32 {
  if (activation == 1i) {
    let x = select(y, -87.0f, y < -87.0f);
    return x / (1.0f + exp(-x));
  }
  if (activation == 2i) {
    let x = select(y, -10.0f, y < -10.0f);
    let z = min(abs(x), 10.0f) * 0.707106781f;
    let t = 1.0f / (1.0f + 0.3275911f * z);
    let p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    let tail = 0.5f * p * exp(-z * z);
    return x * select(1.0f - tail, tail, x < 0.0f);
  }
  if (activation == 3i) {
    let x = select(y, -10.0f, y < -10.0f);
    let g = min(x, 10.0f);
    return x / (1.0f + exp(-1.595769122f * (g + 0.044715f * g * g * g)));
  }
  if (activation == 4i) {
    return select(y, 0.0f, y < 0.0f);
  }
  return y;
}
fn capped(z: f32) -> f32 {
  if (softcap == 0.0f) { return z; }
  let x = z / max(softcap, 1e-30f);
  let a = select(abs(x), 15.0f, abs(x) > 15.0f);
  let s = a * a;
  if (a < 0.4f) {
    let p = -0.333333333f + s * (0.133333333f + s * (-0.053968254f + s * (0.021869489f + s * -0.008863236f)));
    return softcap * (x + x * s * p);
  }
  let e = exp(-2.0f * a);
  let t = softcap * (1.0f - e) / (1.0f + e);
  return select(t, -t, x < 0.0f);
}
