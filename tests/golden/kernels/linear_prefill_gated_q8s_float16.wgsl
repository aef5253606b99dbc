// linear_prefill_gated_q8s_float16
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
fn linear_prefill_gated_q8s_float16_kernel(
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
    let v_34 : vec4<f32> = vec4<f32>(f32((((v_33)[0]>>0u) & 255u)), f32((((v_33)[0]>>8u) & 255u)), f32((((v_33)[0]>>16u) & 255u)), f32((((v_33)[0]>>24u) & 255u)));
    let v_35 : vec4<f32> = vec4<f32>(f32((((v_33)[1]>>0u) & 255u)), f32((((v_33)[1]>>8u) & 255u)), f32((((v_33)[1]>>16u) & 255u)), f32((((v_33)[1]>>24u) & 255u)));
    let v_36 : vec4<f32> = vec4<f32>(f32((((v_33)[2]>>0u) & 255u)), f32((((v_33)[2]>>8u) & 255u)), f32((((v_33)[2]>>16u) & 255u)), f32((((v_33)[2]>>24u) & 255u)));
    let v_37 : vec4<f32> = vec4<f32>(f32((((v_33)[3]>>0u) & 255u)), f32((((v_33)[3]>>8u) & 255u)), f32((((v_33)[3]>>16u) & 255u)), f32((((v_33)[3]>>24u) & 255u)));
    let v_38 : i32 = ((v_26 * groups) + i32((u32(v_32) / u32(group_chunks))));
    let v_39 : f32 = (unpack2x16float((w_scale_ptr[(v_38>>1u)]>>u32(((v_38 & 1i) * 16i)))))[0];
    let v_40 : f32 = (v_39 * (0.000000e+00f - f32(zero)));
    let v_41 : vec4<u32> = w_ptr[(v_32 + ((v_26 + outputs) * chunks))];
    let v_42 : vec4<f32> = vec4<f32>(f32((((v_41)[0]>>0u) & 255u)), f32((((v_41)[0]>>8u) & 255u)), f32((((v_41)[0]>>16u) & 255u)), f32((((v_41)[0]>>24u) & 255u)));
    let v_43 : vec4<f32> = vec4<f32>(f32((((v_41)[1]>>0u) & 255u)), f32((((v_41)[1]>>8u) & 255u)), f32((((v_41)[1]>>16u) & 255u)), f32((((v_41)[1]>>24u) & 255u)));
    let v_44 : vec4<f32> = vec4<f32>(f32((((v_41)[2]>>0u) & 255u)), f32((((v_41)[2]>>8u) & 255u)), f32((((v_41)[2]>>16u) & 255u)), f32((((v_41)[2]>>24u) & 255u)));
    let v_45 : vec4<f32> = vec4<f32>(f32((((v_41)[3]>>0u) & 255u)), f32((((v_41)[3]>>8u) & 255u)), f32((((v_41)[3]>>16u) & 255u)), f32((((v_41)[3]>>24u) & 255u)));
    let v_46 : i32 = (((v_26 + outputs) * groups) + i32((u32(v_32) / u32(group_chunks))));
    let v_47 : f32 = (unpack2x16float((w_scale_ptr[(v_46>>1u)]>>u32(((v_46 & 1i) * 16i)))))[0];
    let v_48 : f32 = (v_47 * (0.000000e+00f - f32(zero)));
    let v_49 : vec4<u32> = w_ptr[(v_32 + (v_27 * chunks))];
    let v_50 : vec4<f32> = vec4<f32>(f32((((v_49)[0]>>0u) & 255u)), f32((((v_49)[0]>>8u) & 255u)), f32((((v_49)[0]>>16u) & 255u)), f32((((v_49)[0]>>24u) & 255u)));
    let v_51 : vec4<f32> = vec4<f32>(f32((((v_49)[1]>>0u) & 255u)), f32((((v_49)[1]>>8u) & 255u)), f32((((v_49)[1]>>16u) & 255u)), f32((((v_49)[1]>>24u) & 255u)));
    let v_52 : vec4<f32> = vec4<f32>(f32((((v_49)[2]>>0u) & 255u)), f32((((v_49)[2]>>8u) & 255u)), f32((((v_49)[2]>>16u) & 255u)), f32((((v_49)[2]>>24u) & 255u)));
    let v_53 : vec4<f32> = vec4<f32>(f32((((v_49)[3]>>0u) & 255u)), f32((((v_49)[3]>>8u) & 255u)), f32((((v_49)[3]>>16u) & 255u)), f32((((v_49)[3]>>24u) & 255u)));
    let v_54 : i32 = ((v_27 * groups) + i32((u32(v_32) / u32(group_chunks))));
    let v_55 : f32 = (unpack2x16float((w_scale_ptr[(v_54>>1u)]>>u32(((v_54 & 1i) * 16i)))))[0];
    let v_56 : f32 = (v_55 * (0.000000e+00f - f32(zero)));
    let v_57 : vec4<u32> = w_ptr[(v_32 + ((v_27 + outputs) * chunks))];
    let v_58 : vec4<f32> = vec4<f32>(f32((((v_57)[0]>>0u) & 255u)), f32((((v_57)[0]>>8u) & 255u)), f32((((v_57)[0]>>16u) & 255u)), f32((((v_57)[0]>>24u) & 255u)));
    let v_59 : vec4<f32> = vec4<f32>(f32((((v_57)[1]>>0u) & 255u)), f32((((v_57)[1]>>8u) & 255u)), f32((((v_57)[1]>>16u) & 255u)), f32((((v_57)[1]>>24u) & 255u)));
    let v_60 : vec4<f32> = vec4<f32>(f32((((v_57)[2]>>0u) & 255u)), f32((((v_57)[2]>>8u) & 255u)), f32((((v_57)[2]>>16u) & 255u)), f32((((v_57)[2]>>24u) & 255u)));
    let v_61 : vec4<f32> = vec4<f32>(f32((((v_57)[3]>>0u) & 255u)), f32((((v_57)[3]>>8u) & 255u)), f32((((v_57)[3]>>16u) & 255u)), f32((((v_57)[3]>>24u) & 255u)));
    let v_62 : i32 = (((v_27 + outputs) * groups) + i32((u32(v_32) / u32(group_chunks))));
    let v_63 : f32 = (unpack2x16float((w_scale_ptr[(v_62>>1u)]>>u32(((v_62 & 1i) * 16i)))))[0];
    let v_64 : f32 = (v_63 * (0.000000e+00f - f32(zero)));
    let v_65 : vec4<f32> = x_ptr[((v_32 * 4i) + (v_28 * quads))];
    let v_66 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_28 * quads) + 1i))];
    let v_67 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_28 * quads) + 2i))];
    let v_68 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_28 * quads) + 3i))];
    let v_69 : f32 = dot((((v_65 + v_66) + v_67) + v_68), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v[0i] = (v[0i] + fma(v_40, v_69, ((((dot(v_65, v_34) + dot(v_66, v_35)) + dot(v_67, v_36)) + dot(v_68, v_37)) * v_39)));
    v_1[0i] = (v_1[0i] + fma(v_48, v_69, ((((dot(v_65, v_42) + dot(v_66, v_43)) + dot(v_67, v_44)) + dot(v_68, v_45)) * v_47)));
    v_2[0i] = (v_2[0i] + fma(v_56, v_69, ((((dot(v_65, v_50) + dot(v_66, v_51)) + dot(v_67, v_52)) + dot(v_68, v_53)) * v_55)));
    v_3[0i] = (v_3[0i] + fma(v_64, v_69, ((((dot(v_65, v_58) + dot(v_66, v_59)) + dot(v_67, v_60)) + dot(v_68, v_61)) * v_63)));
    let v_70 : vec4<f32> = x_ptr[((v_32 * 4i) + (v_29 * quads))];
    let v_71 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_29 * quads) + 1i))];
    let v_72 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_29 * quads) + 2i))];
    let v_73 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_29 * quads) + 3i))];
    let v_74 : f32 = dot((((v_70 + v_71) + v_72) + v_73), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_4[0i] = (v_4[0i] + fma(v_40, v_74, ((((dot(v_70, v_34) + dot(v_71, v_35)) + dot(v_72, v_36)) + dot(v_73, v_37)) * v_39)));
    v_5[0i] = (v_5[0i] + fma(v_48, v_74, ((((dot(v_70, v_42) + dot(v_71, v_43)) + dot(v_72, v_44)) + dot(v_73, v_45)) * v_47)));
    v_6[0i] = (v_6[0i] + fma(v_56, v_74, ((((dot(v_70, v_50) + dot(v_71, v_51)) + dot(v_72, v_52)) + dot(v_73, v_53)) * v_55)));
    v_7[0i] = (v_7[0i] + fma(v_64, v_74, ((((dot(v_70, v_58) + dot(v_71, v_59)) + dot(v_72, v_60)) + dot(v_73, v_61)) * v_63)));
    let v_75 : vec4<f32> = x_ptr[((v_32 * 4i) + (v_30 * quads))];
    let v_76 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_30 * quads) + 1i))];
    let v_77 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_30 * quads) + 2i))];
    let v_78 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_30 * quads) + 3i))];
    let v_79 : f32 = dot((((v_75 + v_76) + v_77) + v_78), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_8[0i] = (v_8[0i] + fma(v_40, v_79, ((((dot(v_75, v_34) + dot(v_76, v_35)) + dot(v_77, v_36)) + dot(v_78, v_37)) * v_39)));
    v_9[0i] = (v_9[0i] + fma(v_48, v_79, ((((dot(v_75, v_42) + dot(v_76, v_43)) + dot(v_77, v_44)) + dot(v_78, v_45)) * v_47)));
    v_10[0i] = (v_10[0i] + fma(v_56, v_79, ((((dot(v_75, v_50) + dot(v_76, v_51)) + dot(v_77, v_52)) + dot(v_78, v_53)) * v_55)));
    v_11[0i] = (v_11[0i] + fma(v_64, v_79, ((((dot(v_75, v_58) + dot(v_76, v_59)) + dot(v_77, v_60)) + dot(v_78, v_61)) * v_63)));
    let v_80 : vec4<f32> = x_ptr[((v_32 * 4i) + (v_31 * quads))];
    let v_81 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_31 * quads) + 1i))];
    let v_82 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_31 * quads) + 2i))];
    let v_83 : vec4<f32> = x_ptr[((v_32 * 4i) + ((v_31 * quads) + 3i))];
    let v_84 : f32 = dot((((v_80 + v_81) + v_82) + v_83), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_12[0i] = (v_12[0i] + fma(v_40, v_84, ((((dot(v_80, v_34) + dot(v_81, v_35)) + dot(v_82, v_36)) + dot(v_83, v_37)) * v_39)));
    v_13[0i] = (v_13[0i] + fma(v_48, v_84, ((((dot(v_80, v_42) + dot(v_81, v_43)) + dot(v_82, v_44)) + dot(v_83, v_45)) * v_47)));
    v_14[0i] = (v_14[0i] + fma(v_56, v_84, ((((dot(v_80, v_50) + dot(v_81, v_51)) + dot(v_82, v_52)) + dot(v_83, v_53)) * v_55)));
    v_15[0i] = (v_15[0i] + fma(v_64, v_84, ((((dot(v_80, v_58) + dot(v_81, v_59)) + dot(v_82, v_60)) + dot(v_83, v_61)) * v_63)));
  }
  if ((v_25 < podArgs.n) && select(bool(1), (v_24 < outputs), (tails != 0i))) {
    let v_85 : i32 = (v_24 + first_row);
    if (has_bias != 0i) {
      v[0i] = (v[0i] + bias_ptr[v_85]);
      v_1[0i] = (v_1[0i] + bias_ptr[(v_85 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v[0i] = (v[0i] + delta_ptr[(((v_25 * all_outputs) * 2i) + v_85)]);
      v_1[0i] = (v_1[0i] + delta_ptr[((((v_25 * all_outputs) * 2i) + v_85) + all_outputs)]);
    }
    v_16[0i] = capped(((activated(v[0i]) * v_1[0i]) * scale));
    if (has_residual != 0i) {
      v_16[0i] = (v_16[0i] + residual_ptr[((v_25 * all_outputs) + v_85)]);
    }
    out_ptr[((v_25 * all_outputs) + v_85)] = v_16[0i];
  }
  if ((v_25 < podArgs.n) && select(bool(1), ((v_24 + 1i) < outputs), (tails != 0i))) {
    let v_86 : i32 = ((v_24 + 1i) + first_row);
    if (has_bias != 0i) {
      v_2[0i] = (v_2[0i] + bias_ptr[v_86]);
      v_3[0i] = (v_3[0i] + bias_ptr[(v_86 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_2[0i] = (v_2[0i] + delta_ptr[(((v_25 * all_outputs) * 2i) + v_86)]);
      v_3[0i] = (v_3[0i] + delta_ptr[((((v_25 * all_outputs) * 2i) + v_86) + all_outputs)]);
    }
    v_17[0i] = capped(((activated(v_2[0i]) * v_3[0i]) * scale));
    if (has_residual != 0i) {
      v_17[0i] = (v_17[0i] + residual_ptr[((v_25 * all_outputs) + v_86)]);
    }
    out_ptr[((v_25 * all_outputs) + v_86)] = v_17[0i];
  }
  if (((v_25 + 1i) < podArgs.n) && select(bool(1), (v_24 < outputs), (tails != 0i))) {
    let v_87 : i32 = (v_24 + first_row);
    if (has_bias != 0i) {
      v_4[0i] = (v_4[0i] + bias_ptr[v_87]);
      v_5[0i] = (v_5[0i] + bias_ptr[(v_87 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_4[0i] = (v_4[0i] + delta_ptr[((((v_25 + 1i) * all_outputs) * 2i) + v_87)]);
      v_5[0i] = (v_5[0i] + delta_ptr[(((((v_25 + 1i) * all_outputs) * 2i) + v_87) + all_outputs)]);
    }
    v_18[0i] = capped(((activated(v_4[0i]) * v_5[0i]) * scale));
    if (has_residual != 0i) {
      v_18[0i] = (v_18[0i] + residual_ptr[(((v_25 + 1i) * all_outputs) + v_87)]);
    }
    out_ptr[(((v_25 + 1i) * all_outputs) + v_87)] = v_18[0i];
  }
  if (((v_25 + 1i) < podArgs.n) && select(bool(1), ((v_24 + 1i) < outputs), (tails != 0i))) {
    let v_88 : i32 = ((v_24 + 1i) + first_row);
    if (has_bias != 0i) {
      v_6[0i] = (v_6[0i] + bias_ptr[v_88]);
      v_7[0i] = (v_7[0i] + bias_ptr[(v_88 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_6[0i] = (v_6[0i] + delta_ptr[((((v_25 + 1i) * all_outputs) * 2i) + v_88)]);
      v_7[0i] = (v_7[0i] + delta_ptr[(((((v_25 + 1i) * all_outputs) * 2i) + v_88) + all_outputs)]);
    }
    v_19[0i] = capped(((activated(v_6[0i]) * v_7[0i]) * scale));
    if (has_residual != 0i) {
      v_19[0i] = (v_19[0i] + residual_ptr[(((v_25 + 1i) * all_outputs) + v_88)]);
    }
    out_ptr[(((v_25 + 1i) * all_outputs) + v_88)] = v_19[0i];
  }
  if (((v_25 + 2i) < podArgs.n) && select(bool(1), (v_24 < outputs), (tails != 0i))) {
    let v_89 : i32 = (v_24 + first_row);
    if (has_bias != 0i) {
      v_8[0i] = (v_8[0i] + bias_ptr[v_89]);
      v_9[0i] = (v_9[0i] + bias_ptr[(v_89 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_8[0i] = (v_8[0i] + delta_ptr[((((v_25 + 2i) * all_outputs) * 2i) + v_89)]);
      v_9[0i] = (v_9[0i] + delta_ptr[(((((v_25 + 2i) * all_outputs) * 2i) + v_89) + all_outputs)]);
    }
    v_20[0i] = capped(((activated(v_8[0i]) * v_9[0i]) * scale));
    if (has_residual != 0i) {
      v_20[0i] = (v_20[0i] + residual_ptr[(((v_25 + 2i) * all_outputs) + v_89)]);
    }
    out_ptr[(((v_25 + 2i) * all_outputs) + v_89)] = v_20[0i];
  }
  if (((v_25 + 2i) < podArgs.n) && select(bool(1), ((v_24 + 1i) < outputs), (tails != 0i))) {
    let v_90 : i32 = ((v_24 + 1i) + first_row);
    if (has_bias != 0i) {
      v_10[0i] = (v_10[0i] + bias_ptr[v_90]);
      v_11[0i] = (v_11[0i] + bias_ptr[(v_90 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_10[0i] = (v_10[0i] + delta_ptr[((((v_25 + 2i) * all_outputs) * 2i) + v_90)]);
      v_11[0i] = (v_11[0i] + delta_ptr[(((((v_25 + 2i) * all_outputs) * 2i) + v_90) + all_outputs)]);
    }
    v_21[0i] = capped(((activated(v_10[0i]) * v_11[0i]) * scale));
    if (has_residual != 0i) {
      v_21[0i] = (v_21[0i] + residual_ptr[(((v_25 + 2i) * all_outputs) + v_90)]);
    }
    out_ptr[(((v_25 + 2i) * all_outputs) + v_90)] = v_21[0i];
  }
  if (((v_25 + 3i) < podArgs.n) && select(bool(1), (v_24 < outputs), (tails != 0i))) {
    let v_91 : i32 = (v_24 + first_row);
    if (has_bias != 0i) {
      v_12[0i] = (v_12[0i] + bias_ptr[v_91]);
      v_13[0i] = (v_13[0i] + bias_ptr[(v_91 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_12[0i] = (v_12[0i] + delta_ptr[((((v_25 + 3i) * all_outputs) * 2i) + v_91)]);
      v_13[0i] = (v_13[0i] + delta_ptr[(((((v_25 + 3i) * all_outputs) * 2i) + v_91) + all_outputs)]);
    }
    v_22[0i] = capped(((activated(v_12[0i]) * v_13[0i]) * scale));
    if (has_residual != 0i) {
      v_22[0i] = (v_22[0i] + residual_ptr[(((v_25 + 3i) * all_outputs) + v_91)]);
    }
    out_ptr[(((v_25 + 3i) * all_outputs) + v_91)] = v_22[0i];
  }
  if (((v_25 + 3i) < podArgs.n) && select(bool(1), ((v_24 + 1i) < outputs), (tails != 0i))) {
    let v_92 : i32 = ((v_24 + 1i) + first_row);
    if (has_bias != 0i) {
      v_14[0i] = (v_14[0i] + bias_ptr[v_92]);
      v_15[0i] = (v_15[0i] + bias_ptr[(v_92 + all_outputs)]);
    }
    if (has_delta != 0i) {
      v_14[0i] = (v_14[0i] + delta_ptr[((((v_25 + 3i) * all_outputs) * 2i) + v_92)]);
      v_15[0i] = (v_15[0i] + delta_ptr[(((((v_25 + 3i) * all_outputs) * 2i) + v_92) + all_outputs)]);
    }
    v_23[0i] = capped(((activated(v_14[0i]) * v_15[0i]) * scale));
    if (has_residual != 0i) {
      v_23[0i] = (v_23[0i] + residual_ptr[(((v_25 + 3i) * all_outputs) + v_92)]);
    }
    out_ptr[(((v_25 + 3i) * all_outputs) + v_92)] = v_23[0i];
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
