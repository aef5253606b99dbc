// linear_prefill_q6
@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> w_ptr : array<vec2<u32>>;
@group(0) @binding(5) var<storage, read> w_scale_ptr : array<u32>;
@group(0) @binding(6) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  n: i32
}
@group(0) @binding(7) var<uniform> podArgs : PODArgs;

override all_outputs: i32;
override all_rows: i32;
override bfloat_scales: i32;
override block_outputs: i32;
override chunks: i32;
override ends_within: i32;
override first_row: i32;
override float32_scales: i32;
override group_halves: i32;
override groups: i32;
override has_bias: i32;
override has_delta: i32;
override has_residual: i32;
override integer_scales: i32;
override is_gated: i32;
override minimum: i32;
override narrow: i32;
override outputs: i32;
override quads: i32;
override scale: f32;
override scale_bits: i32;
override signed_scales: i32;
override steps: i32;
override super_groups: i32;
override supers: i32;
override tails: i32;
override zero: i32;
override activation: i32;
override softcap: f32;

var<workgroup> v_8 : array<vec4<f32>, 1024>;
@compute @workgroup_size(128, 1, 1)
fn linear_prefill_q6_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<vec4<f32>, 1>;
  var v_1 : array<vec4<f32>, 1>;
  var v_2 : array<vec4<f32>, 1>;
  var v_3 : array<vec4<f32>, 1>;
  var v_4 : array<vec4<f32>, 1>;
  var v_5 : array<vec4<f32>, 1>;
  var v_6 : array<vec4<f32>, 1>;
  var v_7 : array<vec4<f32>, 1>;
  var v_9 : array<f32, 1>;
  var v_10 : array<f32, 1>;
  var v_11 : array<f32, 1>;
  var v_12 : array<f32, 1>;
  var v_13 : array<f32, 1>;
  var v_14 : array<f32, 1>;
  let v_15 : i32 = (i32(threadIdx.x) & 7i);
  let v_16 : i32 = (i32(threadIdx.x)>>3u);
  let v_17 : i32 = (i32(blockIdx.y) * 64i);
  let v_18 : bool = ((v_17 + 32i) < podArgs.n);
  v[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_1[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_2[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_3[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_4[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_5[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_6[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_7[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  for (var v_19 : i32 = 0i; v_19 < steps; v_19++) {
    let v_20 : i32 = (i32(threadIdx.x) & 63i);
    let v_21 : i32 = v_20;
    let v_22 : i32 = (select(((v__1 * block_outputs) + select(v_21, (v_21 & 31i), (is_gated != 0i))), min(((v__1 * block_outputs) + select(v_21, (v_21 & 31i), (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && (v_21 >= 32i))));
    let v_23 : i32 = v_19;
    let v_24 : vec2<u32> = w_ptr[((v_23 * 3i) + ((v_22 * chunks) * 3i))];
    let v_25 : vec2<u32> = w_ptr[(((v_23 * 3i) + ((v_22 * chunks) * 3i)) + 1i)];
    let v_26 : vec2<u32> = w_ptr[(((v_23 * 3i) + ((v_22 * chunks) * 3i)) + 2i)];
    v_9[0i] = 0.000000e+00f;
    v_10[0i] = 0.000000e+00f;
    let v_27 : i32 = i32((u32((v_23 * 2i)) / u32(group_halves)));
    if (integer_scales != 0i) {
      let v_28 : i32 = i32((u32(v_27) / u32(super_groups)));
      let v_29 : i32 = (v_27 - (v_28 * super_groups));
      let v_30 : i32 = (((v_22 * supers) + v_28) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
      let v_31 : i32 = (v_29 * ((minimum + 1i) * scale_bits));
      let v_32 : u32 = (w_scale_ptr[(((v_30 + minimum) + (v_31>>5u)) + 1i)]>>u32((v_31 & 31i)));
      v_9[0i] = (bitcast<f32>(w_scale_ptr[v_30]) * select(f32((v_32 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_32<<24u))>>24u)), (signed_scales != 0i)));
      if (minimum != 0i) {
        let v_33 : u32 = (v_32>>u32(scale_bits));
        v_10[0i] = (bitcast<f32>(w_scale_ptr[(v_30 + 1i)]) * select(f32((v_33 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_33<<24u))>>24u)), (signed_scales != 0i)));
      }
    } else {
      let v_34 : i32 = (((v_22 * groups) + v_27) * (minimum + 1i));
      if (float32_scales != 0i) {
        v_9[0i] = bitcast<f32>(w_scale_ptr[v_34]);
        if (minimum != 0i) {
          v_10[0i] = bitcast<f32>(w_scale_ptr[(v_34 + 1i)]);
        }
      } else {
        let v_35 : u32 = w_scale_ptr[(v_34>>1u)];
        v_9[0i] = select((unpack2x16float((v_35>>u32(((v_34 & 1i) * 16i)))))[0], bitcast<f32>(((v_35>>u32(((v_34 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
        if (minimum != 0i) {
          v_10[0i] = select((unpack2x16float(v_35))[1], bitcast<f32>((v_35 & 4294901760u)), (bfloat_scales != 0i));
        }
      }
    }
    if (minimum == 0i) {
      v_10[0i] = (v_9[0i] * (0.000000e+00f - f32(zero)));
    }
    let v_36 : f32 = v_9[0i];
    let v_37 : f32 = v_10[0i];
    if (narrow != 0i) {
      let v_38 : i32 = ((v_23 * 2i) + 1i);
      v_11[0i] = 0.000000e+00f;
      v_12[0i] = 0.000000e+00f;
      let v_39 : i32 = v_38;
      if (integer_scales != 0i) {
        let v_40 : i32 = i32((u32(v_39) / u32(super_groups)));
        let v_41 : i32 = (v_39 - (v_40 * super_groups));
        let v_42 : i32 = (((v_22 * supers) + v_40) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
        let v_43 : i32 = (v_41 * ((minimum + 1i) * scale_bits));
        let v_44 : u32 = (w_scale_ptr[(((v_42 + minimum) + (v_43>>5u)) + 1i)]>>u32((v_43 & 31i)));
        v_11[0i] = (bitcast<f32>(w_scale_ptr[v_42]) * select(f32((v_44 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_44<<24u))>>24u)), (signed_scales != 0i)));
        if (minimum != 0i) {
          let v_45 : u32 = (v_44>>u32(scale_bits));
          v_12[0i] = (bitcast<f32>(w_scale_ptr[(v_42 + 1i)]) * select(f32((v_45 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_45<<24u))>>24u)), (signed_scales != 0i)));
        }
      } else {
        let v_46 : i32 = (((v_22 * groups) + v_39) * (minimum + 1i));
        if (float32_scales != 0i) {
          v_11[0i] = bitcast<f32>(w_scale_ptr[v_46]);
          if (minimum != 0i) {
            v_12[0i] = bitcast<f32>(w_scale_ptr[(v_46 + 1i)]);
          }
        } else {
          let v_47 : u32 = w_scale_ptr[(v_46>>1u)];
          v_11[0i] = select((unpack2x16float((v_47>>u32(((v_46 & 1i) * 16i)))))[0], bitcast<f32>(((v_47>>u32(((v_46 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
          if (minimum != 0i) {
            v_12[0i] = select((unpack2x16float(v_47))[1], bitcast<f32>((v_47 & 4294901760u)), (bfloat_scales != 0i));
          }
        }
      }
      if (minimum == 0i) {
        v_12[0i] = (v_11[0i] * (0.000000e+00f - f32(zero)));
      }
      v_9[0i] = v_11[0i];
      v_10[0i] = v_12[0i];
    }
    let v_48 : f32 = v_9[0i];
    let v_49 : f32 = v_10[0i];
    let v_50 : i32 = 0i;
    if (i32(threadIdx.x) < 64i) {
      let v_51 : u32 = ((v_24)[0] & 1061109567u);
      let v_52 : vec4<f32> = bytes(v_51);
      v_8[((v_21 * 8i) + (v_50 ^ (v_21 & 7i)))] = fma(v_52, vec4<f32>(v_36, v_36, v_36, v_36), vec4<f32>(v_37, v_37, v_37, v_37));
      let v_53 : u32 = ((v_24)[1] & 1061109567u);
      let v_54 : vec4<f32> = bytes(v_53);
      v_8[((v_21 * 8i) + ((v_50 + 1i) ^ (v_21 & 7i)))] = fma(v_54, vec4<f32>(v_36, v_36, v_36, v_36), vec4<f32>(v_37, v_37, v_37, v_37));
      let v_55 : u32 = ((v_25)[0] & 1061109567u);
      let v_56 : vec4<f32> = bytes(v_55);
      v_8[((v_21 * 8i) + ((v_50 + 2i) ^ (v_21 & 7i)))] = fma(v_56, vec4<f32>(v_36, v_36, v_36, v_36), vec4<f32>(v_37, v_37, v_37, v_37));
      let v_57 : u32 = ((v_25)[1] & 1061109567u);
      let v_58 : vec4<f32> = bytes(v_57);
      v_8[((v_21 * 8i) + ((v_50 + 3i) ^ (v_21 & 7i)))] = fma(v_58, vec4<f32>(v_36, v_36, v_36, v_36), vec4<f32>(v_37, v_37, v_37, v_37));
    } else {
      let v_59 : u32 = ((v_26)[0] & 1061109567u);
      let v_60 : vec4<f32> = bytes(v_59);
      v_8[((v_21 * 8i) + ((v_50 + 4i) ^ (v_21 & 7i)))] = fma(v_60, vec4<f32>(v_48, v_48, v_48, v_48), vec4<f32>(v_49, v_49, v_49, v_49));
      let v_61 : u32 = ((v_26)[1] & 1061109567u);
      let v_62 : vec4<f32> = bytes(v_61);
      v_8[((v_21 * 8i) + ((v_50 + 5i) ^ (v_21 & 7i)))] = fma(v_62, vec4<f32>(v_48, v_48, v_48, v_48), vec4<f32>(v_49, v_49, v_49, v_49));
      let v_63 : u32 = (((((v_24)[0]>>6u) & 50529027u) | (((v_24)[1]>>4u) & 202116108u)) | (((v_25)[0]>>2u) & 808464432u));
      let v_64 : vec4<f32> = bytes(v_63);
      v_8[((v_21 * 8i) + ((v_50 + 6i) ^ (v_21 & 7i)))] = fma(v_64, vec4<f32>(v_48, v_48, v_48, v_48), vec4<f32>(v_49, v_49, v_49, v_49));
      let v_65 : u32 = (((((v_25)[1]>>6u) & 50529027u) | (((v_26)[0]>>4u) & 202116108u)) | (((v_26)[1]>>2u) & 808464432u));
      let v_66 : vec4<f32> = bytes(v_65);
      v_8[((v_21 * 8i) + ((v_50 + 7i) ^ (v_21 & 7i)))] = fma(v_66, vec4<f32>(v_48, v_48, v_48, v_48), vec4<f32>(v_49, v_49, v_49, v_49));
    }
    for (var v_67 : i32 = 0i; v_67 < 4i; v_67++) {
      let v_68 : i32 = ((v_67 * 128i) + i32(threadIdx.x));
      let v_69 : i32 = (v_68>>3u);
      let v_70 : i32 = (v_68 & 7i);
      if ((v_17 + v_69) < podArgs.n) {
        let v_71 : i32 = ((v_19 * 8i) + v_70);
        let v_72 : vec4<f32> = select(x_ptr[(((v_17 + v_69) * quads) + select(v_71, min(v_71, (quads - 1i)), (ends_within != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((ends_within != 0i) && (v_71 >= quads)));
        v_8[(((v_69 * 8i) + (v_70 ^ (v_69 & 7i))) + 512i)] = v_72;
      }
    }
    workgroupBarrier();
    for (var v_73 : i32 = 0i; v_73 < 8i; v_73++) {
      let v_74 : i32 = (v_73 ^ (v_16 & 7i));
      let v_75 : vec4<f32> = v_8[(((v_16 * 8i) + v_74) + 512i)];
      let v_76 : vec4<f32> = v_8[(((v_16 * 8i) + v_74) + 640i)];
      let v_77 : i32 = (v_73 ^ v_15);
      let v_78 : vec4<f32> = v_8[((v_15 * 8i) + v_77)];
      let v_79 : vec4<f32> = v_8[(((v_15 * 8i) + v_77) + 64i)];
      let v_80 : vec4<f32> = v_8[(((v_15 * 8i) + v_77) + 128i)];
      let v_81 : vec4<f32> = v_8[(((v_15 * 8i) + v_77) + 192i)];
      v[0i] = rows_add(v_75, v_78, v_79, v_80, v_81, v[0i]);
      v_2[0i] = rows_add(v_76, v_78, v_79, v_80, v_81, v_2[0i]);
      let v_82 : vec4<f32> = v_8[(((v_15 * 8i) + v_77) + 256i)];
      let v_83 : vec4<f32> = v_8[(((v_15 * 8i) + v_77) + 320i)];
      let v_84 : vec4<f32> = v_8[(((v_15 * 8i) + v_77) + 384i)];
      let v_85 : vec4<f32> = v_8[(((v_15 * 8i) + v_77) + 448i)];
      v_1[0i] = rows_add(v_75, v_82, v_83, v_84, v_85, v_1[0i]);
      v_3[0i] = rows_add(v_76, v_82, v_83, v_84, v_85, v_3[0i]);
      if (v_18) {
        let v_86 : i32 = (v_73 ^ (v_16 & 7i));
        let v_87 : vec4<f32> = v_8[(((v_16 * 8i) + v_86) + 768i)];
        let v_88 : vec4<f32> = v_8[(((v_16 * 8i) + v_86) + 896i)];
        let v_89 : i32 = (v_73 ^ v_15);
        let v_90 : vec4<f32> = v_8[((v_15 * 8i) + v_89)];
        let v_91 : vec4<f32> = v_8[(((v_15 * 8i) + v_89) + 64i)];
        let v_92 : vec4<f32> = v_8[(((v_15 * 8i) + v_89) + 128i)];
        let v_93 : vec4<f32> = v_8[(((v_15 * 8i) + v_89) + 192i)];
        v_4[0i] = rows_add(v_87, v_90, v_91, v_92, v_93, v_4[0i]);
        v_6[0i] = rows_add(v_88, v_90, v_91, v_92, v_93, v_6[0i]);
        let v_94 : vec4<f32> = v_8[(((v_15 * 8i) + v_89) + 256i)];
        let v_95 : vec4<f32> = v_8[(((v_15 * 8i) + v_89) + 320i)];
        let v_96 : vec4<f32> = v_8[(((v_15 * 8i) + v_89) + 384i)];
        let v_97 : vec4<f32> = v_8[(((v_15 * 8i) + v_89) + 448i)];
        v_5[0i] = rows_add(v_87, v_94, v_95, v_96, v_97, v_5[0i]);
        v_7[0i] = rows_add(v_88, v_94, v_95, v_96, v_97, v_7[0i]);
      }
    }
    workgroupBarrier();
  }
  v_8[((v_16 * 16i) + v_15)] = v[0i];
  v_8[(((v_16 * 16i) + v_15) + 8i)] = v_1[0i];
  v_8[(((v_16 * 16i) + v_15) + 256i)] = v_2[0i];
  v_8[(((v_16 * 16i) + v_15) + 264i)] = v_3[0i];
  v_8[(((v_16 * 16i) + v_15) + 512i)] = v_4[0i];
  v_8[(((v_16 * 16i) + v_15) + 520i)] = v_5[0i];
  v_8[(((v_16 * 16i) + v_15) + 768i)] = v_6[0i];
  v_8[(((v_16 * 16i) + v_15) + 776i)] = v_7[0i];
  workgroupBarrier();
  let v_98 : i32 = (min((podArgs.n - v_17), 64i) * block_outputs);
  for (var v_99 : i32 = 0i; v_99 < ((v_98 + 127i)>>7u); v_99++) {
    let v_100 : i32 = ((v_99 * 128i) + i32(threadIdx.x));
    let v_101 : i32 = i32((u32(v_100) / u32(block_outputs)));
    let v_102 : i32 = i32((u32(v_100) % u32(block_outputs)));
    let v_103 : i32 = ((v__1 * block_outputs) + v_102);
    if ((v_100 < v_98) && select(bool(1), (v_103 < outputs), (tails != 0i))) {
      let v_104 : i32 = (((v_101 * 16i) + ((v_102>>5u) * 8i)) + (v_102 & 7i));
      let v_105 : i32 = ((v_102>>3u) & 3i);
      let v_106 : vec4<f32> = v_8[v_104];
      v_13[0i] = select(select((v_106)[3], (v_106)[2], ((v_105 & 1i) == 0i)), select((v_106)[1], (v_106)[0], ((v_105 & 1i) == 0i)), (v_105 < 2i));
      v_14[0i] = 0.000000e+00f;
      if (is_gated != 0i) {
        let v_107 : vec4<f32> = v_8[(v_104 + 8i)];
        v_14[0i] = select(select((v_107)[3], (v_107)[2], ((v_105 & 1i) == 0i)), select((v_107)[1], (v_107)[0], ((v_105 & 1i) == 0i)), (v_105 < 2i));
      }
      let v_108 : i32 = (v_17 + v_101);
      let v_109 : i32 = (v_103 + first_row);
      if (has_bias != 0i) {
        v_13[0i] = (v_13[0i] + bias_ptr[v_109]);
        if (is_gated != 0i) {
          v_14[0i] = (v_14[0i] + bias_ptr[(v_109 + all_outputs)]);
        }
      }
      if (has_delta != 0i) {
        v_13[0i] = (v_13[0i] + delta_ptr[((v_108 * all_rows) + v_109)]);
        if (is_gated != 0i) {
          v_14[0i] = (v_14[0i] + delta_ptr[(((v_108 * all_rows) + v_109) + all_outputs)]);
        }
      }
      v_13[0i] = activated(v_13[0i]);
      if (is_gated != 0i) {
        v_13[0i] = (v_13[0i] * v_14[0i]);
      }
      v_13[0i] = capped((v_13[0i] * scale));
      if (has_residual != 0i) {
        v_13[0i] = (v_13[0i] + residual_ptr[((v_108 * all_outputs) + v_109)]);
      }
      out_ptr[((v_108 * all_outputs) + v_109)] = v_13[0i];
    }
  }
}
fn bytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}
fn rows_add(x: vec4<f32>, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>, sums: vec4<f32>) -> vec4<f32> {
  return (((sums + x.x * vec4<f32>(a.x, b.x, c.x, d.x)) + x.y * vec4<f32>(a.y, b.y, c.y, d.y))
    + x.z * vec4<f32>(a.z, b.z, c.z, d.z)) + x.w * vec4<f32>(a.w, b.w, c.w, d.w);
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
