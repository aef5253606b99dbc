// linear_decode_q5_sg8
enable subgroups;

@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(5) var<storage, read> w_ptr : array<u32>;
@group(0) @binding(6) var<storage, read> w_scale_ptr : array<u32>;
@group(0) @binding(7) var<storage, read> x_ptr : array<vec4<f32>>;

override bfloat_scales: i32;
override chunks: i32;
override columns: i32;
override first_row: i32;
override float32_scales: i32;
override group_halves: i32;
override groups: i32;
override has_bias: i32;
override has_delta: i32;
override has_norm: i32;
override has_residual: i32;
override integer_scales: i32;
override minimum: i32;
override narrow: i32;
override norm_eps: f32;
override outputs: i32;
override padded: i32;
override quads: i32;
override ragged: i32;
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

@compute @workgroup_size(64, 1, 1)
fn linear_decode_q5_sg8_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  var v_2 : array<f32, 1>;
  var v_3 : array<vec4<f32>, 1>;
  var v_4 : array<vec4<f32>, 1>;
  var v_5 : array<vec4<f32>, 1>;
  var v_6 : array<vec4<f32>, 1>;
  var v_7 : array<vec4<f32>, 1>;
  var v_8 : array<vec4<f32>, 1>;
  var v_9 : array<vec4<f32>, 1>;
  var v_10 : array<vec4<f32>, 1>;
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
  let v_22 : i32 = (i32(threadIdx.x) & 7i);
  let v_23 : i32 = (((v__1 * 8i) + (i32(threadIdx.x)>>3u)) * 2i);
  let v_24 : i32 = select(v_23, min(v_23, (outputs - 1i)), (tails != 0i));
  let v_25 : i32 = select((v_23 + 1i), min((v_23 + 1i), (outputs - 1i)), (tails != 0i));
  v[0i] = 0.000000e+00f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  for (var v_26 : i32 = 0i; v_26 < steps; v_26++) {
    let v_27 : i32 = ((v_26 * 8i) + v_22);
    if (select(bool(1), (v_27 < chunks), (ragged != 0i))) {
      v_3[0i] = select(x_ptr[select((v_27 * 8i), min((v_27 * 8i), (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && ((v_27 * 8i) >= quads)));
      v_4[0i] = select(x_ptr[select(((v_27 * 8i) + 1i), min(((v_27 * 8i) + 1i), (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_27 * 8i) + 1i) >= quads)));
      v_5[0i] = select(x_ptr[select(((v_27 * 8i) + 2i), min(((v_27 * 8i) + 2i), (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_27 * 8i) + 2i) >= quads)));
      v_6[0i] = select(x_ptr[select(((v_27 * 8i) + 3i), min(((v_27 * 8i) + 3i), (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_27 * 8i) + 3i) >= quads)));
      v_7[0i] = select(x_ptr[select(((v_27 * 8i) + 4i), min(((v_27 * 8i) + 4i), (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_27 * 8i) + 4i) >= quads)));
      v_8[0i] = select(x_ptr[select(((v_27 * 8i) + 5i), min(((v_27 * 8i) + 5i), (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_27 * 8i) + 5i) >= quads)));
      v_9[0i] = select(x_ptr[select(((v_27 * 8i) + 6i), min(((v_27 * 8i) + 6i), (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_27 * 8i) + 6i) >= quads)));
      v_10[0i] = select(x_ptr[select(((v_27 * 8i) + 7i), min(((v_27 * 8i) + 7i), (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_27 * 8i) + 7i) >= quads)));
      if (has_norm != 0i) {
        v_2[0i] = (v_2[0i] + dot(v_3[0i], v_3[0i]));
        v_3[0i] = (v_3[0i] * gain_ptr[select((v_27 * 8i), min((v_27 * 8i), (quads - 1i)), (padded != 0i))]);
        v_2[0i] = (v_2[0i] + dot(v_4[0i], v_4[0i]));
        v_4[0i] = (v_4[0i] * gain_ptr[select(((v_27 * 8i) + 1i), min(((v_27 * 8i) + 1i), (quads - 1i)), (padded != 0i))]);
        v_2[0i] = (v_2[0i] + dot(v_5[0i], v_5[0i]));
        v_5[0i] = (v_5[0i] * gain_ptr[select(((v_27 * 8i) + 2i), min(((v_27 * 8i) + 2i), (quads - 1i)), (padded != 0i))]);
        v_2[0i] = (v_2[0i] + dot(v_6[0i], v_6[0i]));
        v_6[0i] = (v_6[0i] * gain_ptr[select(((v_27 * 8i) + 3i), min(((v_27 * 8i) + 3i), (quads - 1i)), (padded != 0i))]);
        v_2[0i] = (v_2[0i] + dot(v_7[0i], v_7[0i]));
        v_7[0i] = (v_7[0i] * gain_ptr[select(((v_27 * 8i) + 4i), min(((v_27 * 8i) + 4i), (quads - 1i)), (padded != 0i))]);
        v_2[0i] = (v_2[0i] + dot(v_8[0i], v_8[0i]));
        v_8[0i] = (v_8[0i] * gain_ptr[select(((v_27 * 8i) + 5i), min(((v_27 * 8i) + 5i), (quads - 1i)), (padded != 0i))]);
        v_2[0i] = (v_2[0i] + dot(v_9[0i], v_9[0i]));
        v_9[0i] = (v_9[0i] * gain_ptr[select(((v_27 * 8i) + 6i), min(((v_27 * 8i) + 6i), (quads - 1i)), (padded != 0i))]);
        v_2[0i] = (v_2[0i] + dot(v_10[0i], v_10[0i]));
        v_10[0i] = (v_10[0i] * gain_ptr[select(((v_27 * 8i) + 7i), min(((v_27 * 8i) + 7i), (quads - 1i)), (padded != 0i))]);
      }
      let v_28 : f32 = dot((((v_3[0i] + v_4[0i]) + v_5[0i]) + v_6[0i]), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
      let v_29 : f32 = dot((((v_7[0i] + v_8[0i]) + v_9[0i]) + v_10[0i]), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
      let v_30 : u32 = w_ptr[((v_27 * 5i) + ((v_24 * chunks) * 5i))];
      let v_31 : u32 = w_ptr[(((v_27 * 5i) + ((v_24 * chunks) * 5i)) + 1i)];
      let v_32 : u32 = w_ptr[(((v_27 * 5i) + ((v_24 * chunks) * 5i)) + 2i)];
      let v_33 : u32 = w_ptr[(((v_27 * 5i) + ((v_24 * chunks) * 5i)) + 3i)];
      let v_34 : u32 = w_ptr[(((v_27 * 5i) + ((v_24 * chunks) * 5i)) + 4i)];
      let v_35 : u32 = (v_30 & 522133279u);
      let v_36 : vec4<f32> = vec4<f32>(f32(((v_35>>0u) & 255u)), f32(((v_35>>8u) & 255u)), f32(((v_35>>16u) & 255u)), f32((v_35>>24u)));
      let v_37 : u32 = (v_31 & 522133279u);
      let v_38 : vec4<f32> = vec4<f32>(f32(((v_37>>0u) & 255u)), f32(((v_37>>8u) & 255u)), f32(((v_37>>16u) & 255u)), f32((v_37>>24u)));
      let v_39 : u32 = (v_32 & 522133279u);
      let v_40 : vec4<f32> = vec4<f32>(f32(((v_39>>0u) & 255u)), f32(((v_39>>8u) & 255u)), f32(((v_39>>16u) & 255u)), f32((v_39>>24u)));
      let v_41 : u32 = (v_33 & 522133279u);
      let v_42 : vec4<f32> = vec4<f32>(f32(((v_41>>0u) & 255u)), f32(((v_41>>8u) & 255u)), f32(((v_41>>16u) & 255u)), f32((v_41>>24u)));
      let v_43 : u32 = (v_34 & 522133279u);
      let v_44 : vec4<f32> = vec4<f32>(f32(((v_43>>0u) & 255u)), f32(((v_43>>8u) & 255u)), f32(((v_43>>16u) & 255u)), f32((v_43>>24u)));
      let v_45 : u32 = (((v_30>>5u) & 117901063u) | ((v_31>>2u) & 404232216u));
      let v_46 : vec4<f32> = vec4<f32>(f32(((v_45>>0u) & 255u)), f32(((v_45>>8u) & 255u)), f32(((v_45>>16u) & 255u)), f32((v_45>>24u)));
      let v_47 : u32 = (((v_32>>5u) & 117901063u) | ((v_33>>2u) & 404232216u));
      let v_48 : vec4<f32> = vec4<f32>(f32(((v_47>>0u) & 255u)), f32(((v_47>>8u) & 255u)), f32(((v_47>>16u) & 255u)), f32((v_47>>24u)));
      let v_49 : u32 = ((((v_34>>5u) & 117901063u) | ((v_31>>4u) & 134744072u)) | ((v_33>>3u) & 269488144u));
      let v_50 : vec4<f32> = vec4<f32>(f32(((v_49>>0u) & 255u)), f32(((v_49>>8u) & 255u)), f32(((v_49>>16u) & 255u)), f32((v_49>>24u)));
      v_11[0i] = 0.000000e+00f;
      v_12[0i] = 0.000000e+00f;
      let v_51 : i32 = i32((u32((v_27 * 2i)) / u32(group_halves)));
      if (integer_scales != 0i) {
        let v_52 : i32 = i32((u32(v_51) / u32(super_groups)));
        let v_53 : i32 = (v_51 - (v_52 * super_groups));
        let v_54 : i32 = (((v_24 * supers) + v_52) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
        let v_55 : i32 = (v_53 * ((minimum + 1i) * scale_bits));
        let v_56 : u32 = (w_scale_ptr[(((v_54 + minimum) + (v_55>>5u)) + 1i)]>>u32((v_55 & 31i)));
        v_11[0i] = (bitcast<f32>(w_scale_ptr[v_54]) * select(f32((v_56 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_56<<24u))>>24u)), (signed_scales != 0i)));
        if (minimum != 0i) {
          let v_57 : u32 = (v_56>>u32(scale_bits));
          v_12[0i] = (bitcast<f32>(w_scale_ptr[(v_54 + 1i)]) * select(f32((v_57 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_57<<24u))>>24u)), (signed_scales != 0i)));
        }
      } else {
        let v_58 : i32 = (((v_24 * groups) + v_51) * (minimum + 1i));
        if (float32_scales != 0i) {
          v_11[0i] = bitcast<f32>(w_scale_ptr[v_58]);
          if (minimum != 0i) {
            v_12[0i] = bitcast<f32>(w_scale_ptr[(v_58 + 1i)]);
          }
        } else {
          let v_59 : u32 = w_scale_ptr[(v_58>>1u)];
          v_11[0i] = select((unpack2x16float((v_59>>u32(((v_58 & 1i) * 16i)))))[0], bitcast<f32>(((v_59>>u32(((v_58 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
          if (minimum != 0i) {
            v_12[0i] = select((unpack2x16float(v_59))[1], bitcast<f32>((v_59 & 4294901760u)), (bfloat_scales != 0i));
          }
        }
      }
      if (minimum == 0i) {
        v_12[0i] = (v_11[0i] * (0.000000e+00f - f32(zero)));
      }
      let v_60 : f32 = v_11[0i];
      let v_61 : f32 = v_12[0i];
      if (narrow != 0i) {
        let v_62 : i32 = ((v_27 * 2i) + 1i);
        v_13[0i] = 0.000000e+00f;
        v_14[0i] = 0.000000e+00f;
        let v_63 : i32 = v_62;
        if (integer_scales != 0i) {
          let v_64 : i32 = i32((u32(v_63) / u32(super_groups)));
          let v_65 : i32 = (v_63 - (v_64 * super_groups));
          let v_66 : i32 = (((v_24 * supers) + v_64) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
          let v_67 : i32 = (v_65 * ((minimum + 1i) * scale_bits));
          let v_68 : u32 = (w_scale_ptr[(((v_66 + minimum) + (v_67>>5u)) + 1i)]>>u32((v_67 & 31i)));
          v_13[0i] = (bitcast<f32>(w_scale_ptr[v_66]) * select(f32((v_68 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_68<<24u))>>24u)), (signed_scales != 0i)));
          if (minimum != 0i) {
            let v_69 : u32 = (v_68>>u32(scale_bits));
            v_14[0i] = (bitcast<f32>(w_scale_ptr[(v_66 + 1i)]) * select(f32((v_69 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_69<<24u))>>24u)), (signed_scales != 0i)));
          }
        } else {
          let v_70 : i32 = (((v_24 * groups) + v_63) * (minimum + 1i));
          if (float32_scales != 0i) {
            v_13[0i] = bitcast<f32>(w_scale_ptr[v_70]);
            if (minimum != 0i) {
              v_14[0i] = bitcast<f32>(w_scale_ptr[(v_70 + 1i)]);
            }
          } else {
            let v_71 : u32 = w_scale_ptr[(v_70>>1u)];
            v_13[0i] = select((unpack2x16float((v_71>>u32(((v_70 & 1i) * 16i)))))[0], bitcast<f32>(((v_71>>u32(((v_70 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
            if (minimum != 0i) {
              v_14[0i] = select((unpack2x16float(v_71))[1], bitcast<f32>((v_71 & 4294901760u)), (bfloat_scales != 0i));
            }
          }
        }
        if (minimum == 0i) {
          v_14[0i] = (v_13[0i] * (0.000000e+00f - f32(zero)));
        }
        v_11[0i] = v_13[0i];
        v_12[0i] = v_14[0i];
      }
      let v_72 : f32 = v_11[0i];
      let v_73 : f32 = v_12[0i];
      v[0i] = (v[0i] + (fma(v_61, v_28, ((((dot(v_3[0i], v_36) + dot(v_4[0i], v_38)) + dot(v_5[0i], v_40)) + dot(v_6[0i], v_42)) * v_60)) + fma(v_73, v_29, ((((dot(v_7[0i], v_44) + dot(v_8[0i], v_46)) + dot(v_9[0i], v_48)) + dot(v_10[0i], v_50)) * v_72))));
      let v_74 : u32 = w_ptr[((v_27 * 5i) + ((v_25 * chunks) * 5i))];
      let v_75 : u32 = w_ptr[(((v_27 * 5i) + ((v_25 * chunks) * 5i)) + 1i)];
      let v_76 : u32 = w_ptr[(((v_27 * 5i) + ((v_25 * chunks) * 5i)) + 2i)];
      let v_77 : u32 = w_ptr[(((v_27 * 5i) + ((v_25 * chunks) * 5i)) + 3i)];
      let v_78 : u32 = w_ptr[(((v_27 * 5i) + ((v_25 * chunks) * 5i)) + 4i)];
      let v_79 : u32 = (v_74 & 522133279u);
      let v_80 : vec4<f32> = vec4<f32>(f32(((v_79>>0u) & 255u)), f32(((v_79>>8u) & 255u)), f32(((v_79>>16u) & 255u)), f32((v_79>>24u)));
      let v_81 : u32 = (v_75 & 522133279u);
      let v_82 : vec4<f32> = vec4<f32>(f32(((v_81>>0u) & 255u)), f32(((v_81>>8u) & 255u)), f32(((v_81>>16u) & 255u)), f32((v_81>>24u)));
      let v_83 : u32 = (v_76 & 522133279u);
      let v_84 : vec4<f32> = vec4<f32>(f32(((v_83>>0u) & 255u)), f32(((v_83>>8u) & 255u)), f32(((v_83>>16u) & 255u)), f32((v_83>>24u)));
      let v_85 : u32 = (v_77 & 522133279u);
      let v_86 : vec4<f32> = vec4<f32>(f32(((v_85>>0u) & 255u)), f32(((v_85>>8u) & 255u)), f32(((v_85>>16u) & 255u)), f32((v_85>>24u)));
      let v_87 : u32 = (v_78 & 522133279u);
      let v_88 : vec4<f32> = vec4<f32>(f32(((v_87>>0u) & 255u)), f32(((v_87>>8u) & 255u)), f32(((v_87>>16u) & 255u)), f32((v_87>>24u)));
      let v_89 : u32 = (((v_74>>5u) & 117901063u) | ((v_75>>2u) & 404232216u));
      let v_90 : vec4<f32> = vec4<f32>(f32(((v_89>>0u) & 255u)), f32(((v_89>>8u) & 255u)), f32(((v_89>>16u) & 255u)), f32((v_89>>24u)));
      let v_91 : u32 = (((v_76>>5u) & 117901063u) | ((v_77>>2u) & 404232216u));
      let v_92 : vec4<f32> = vec4<f32>(f32(((v_91>>0u) & 255u)), f32(((v_91>>8u) & 255u)), f32(((v_91>>16u) & 255u)), f32((v_91>>24u)));
      let v_93 : u32 = ((((v_78>>5u) & 117901063u) | ((v_75>>4u) & 134744072u)) | ((v_77>>3u) & 269488144u));
      let v_94 : vec4<f32> = vec4<f32>(f32(((v_93>>0u) & 255u)), f32(((v_93>>8u) & 255u)), f32(((v_93>>16u) & 255u)), f32((v_93>>24u)));
      v_15[0i] = 0.000000e+00f;
      v_16[0i] = 0.000000e+00f;
      let v_95 : i32 = i32((u32((v_27 * 2i)) / u32(group_halves)));
      if (integer_scales != 0i) {
        let v_96 : i32 = i32((u32(v_95) / u32(super_groups)));
        let v_97 : i32 = (v_95 - (v_96 * super_groups));
        let v_98 : i32 = (((v_25 * supers) + v_96) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
        let v_99 : i32 = (v_97 * ((minimum + 1i) * scale_bits));
        let v_100 : u32 = (w_scale_ptr[(((v_98 + minimum) + (v_99>>5u)) + 1i)]>>u32((v_99 & 31i)));
        v_15[0i] = (bitcast<f32>(w_scale_ptr[v_98]) * select(f32((v_100 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_100<<24u))>>24u)), (signed_scales != 0i)));
        if (minimum != 0i) {
          let v_101 : u32 = (v_100>>u32(scale_bits));
          v_16[0i] = (bitcast<f32>(w_scale_ptr[(v_98 + 1i)]) * select(f32((v_101 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_101<<24u))>>24u)), (signed_scales != 0i)));
        }
      } else {
        let v_102 : i32 = (((v_25 * groups) + v_95) * (minimum + 1i));
        if (float32_scales != 0i) {
          v_15[0i] = bitcast<f32>(w_scale_ptr[v_102]);
          if (minimum != 0i) {
            v_16[0i] = bitcast<f32>(w_scale_ptr[(v_102 + 1i)]);
          }
        } else {
          let v_103 : u32 = w_scale_ptr[(v_102>>1u)];
          v_15[0i] = select((unpack2x16float((v_103>>u32(((v_102 & 1i) * 16i)))))[0], bitcast<f32>(((v_103>>u32(((v_102 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
          if (minimum != 0i) {
            v_16[0i] = select((unpack2x16float(v_103))[1], bitcast<f32>((v_103 & 4294901760u)), (bfloat_scales != 0i));
          }
        }
      }
      if (minimum == 0i) {
        v_16[0i] = (v_15[0i] * (0.000000e+00f - f32(zero)));
      }
      let v_104 : f32 = v_15[0i];
      let v_105 : f32 = v_16[0i];
      if (narrow != 0i) {
        let v_106 : i32 = ((v_27 * 2i) + 1i);
        v_17[0i] = 0.000000e+00f;
        v_18[0i] = 0.000000e+00f;
        let v_107 : i32 = v_106;
        if (integer_scales != 0i) {
          let v_108 : i32 = i32((u32(v_107) / u32(super_groups)));
          let v_109 : i32 = (v_107 - (v_108 * super_groups));
          let v_110 : i32 = (((v_25 * supers) + v_108) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
          let v_111 : i32 = (v_109 * ((minimum + 1i) * scale_bits));
          let v_112 : u32 = (w_scale_ptr[(((v_110 + minimum) + (v_111>>5u)) + 1i)]>>u32((v_111 & 31i)));
          v_17[0i] = (bitcast<f32>(w_scale_ptr[v_110]) * select(f32((v_112 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_112<<24u))>>24u)), (signed_scales != 0i)));
          if (minimum != 0i) {
            let v_113 : u32 = (v_112>>u32(scale_bits));
            v_18[0i] = (bitcast<f32>(w_scale_ptr[(v_110 + 1i)]) * select(f32((v_113 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_113<<24u))>>24u)), (signed_scales != 0i)));
          }
        } else {
          let v_114 : i32 = (((v_25 * groups) + v_107) * (minimum + 1i));
          if (float32_scales != 0i) {
            v_17[0i] = bitcast<f32>(w_scale_ptr[v_114]);
            if (minimum != 0i) {
              v_18[0i] = bitcast<f32>(w_scale_ptr[(v_114 + 1i)]);
            }
          } else {
            let v_115 : u32 = w_scale_ptr[(v_114>>1u)];
            v_17[0i] = select((unpack2x16float((v_115>>u32(((v_114 & 1i) * 16i)))))[0], bitcast<f32>(((v_115>>u32(((v_114 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
            if (minimum != 0i) {
              v_18[0i] = select((unpack2x16float(v_115))[1], bitcast<f32>((v_115 & 4294901760u)), (bfloat_scales != 0i));
            }
          }
        }
        if (minimum == 0i) {
          v_18[0i] = (v_17[0i] * (0.000000e+00f - f32(zero)));
        }
        v_15[0i] = v_17[0i];
        v_16[0i] = v_18[0i];
      }
      let v_116 : f32 = v_15[0i];
      let v_117 : f32 = v_16[0i];
      v_1[0i] = (v_1[0i] + (fma(v_105, v_28, ((((dot(v_3[0i], v_80) + dot(v_4[0i], v_82)) + dot(v_5[0i], v_84)) + dot(v_6[0i], v_86)) * v_104)) + fma(v_117, v_29, ((((dot(v_7[0i], v_88) + dot(v_8[0i], v_90)) + dot(v_9[0i], v_92)) + dot(v_10[0i], v_94)) * v_116))));
    }
  }
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 4u));
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 2u));
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 1u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 4u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 2u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 1u));
  if (has_norm != 0i) {
    v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 4u));
    v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 2u));
    v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 1u));
  }
  v_19[0i] = 1.000000e+00f;
  if (has_norm != 0i) {
    v_19[0i] = (1.000000e+00f / sqrt(((v_2[0i] / f32(columns)) + norm_eps)));
  }
  if (v_22 == 0i) {
    if (select(bool(1), (v_23 < outputs), (tails != 0i))) {
      let v_118 : f32 = v_19[0i];
      let v_119 : i32 = (v_23 + first_row);
      v[0i] = (v[0i] * v_118);
      if (has_bias != 0i) {
        v[0i] = (v[0i] + bias_ptr[v_119]);
      }
      if (has_delta != 0i) {
        v[0i] = (v[0i] + delta_ptr[v_119]);
      }
      v_20[0i] = capped((activated(v[0i]) * scale));
      if (has_residual != 0i) {
        v_20[0i] = (v_20[0i] + residual_ptr[v_119]);
      }
      out_ptr[v_119] = v_20[0i];
    }
    if (select(bool(1), ((v_23 + 1i) < outputs), (tails != 0i))) {
      let v_120 : f32 = v_19[0i];
      let v_121 : i32 = ((v_23 + 1i) + first_row);
      v_1[0i] = (v_1[0i] * v_120);
      if (has_bias != 0i) {
        v_1[0i] = (v_1[0i] + bias_ptr[v_121]);
      }
      if (has_delta != 0i) {
        v_1[0i] = (v_1[0i] + delta_ptr[v_121]);
      }
      v_21[0i] = capped((activated(v_1[0i]) * scale));
      if (has_residual != 0i) {
        v_21[0i] = (v_21[0i] + residual_ptr[v_121]);
      }
      out_ptr[v_121] = v_21[0i];
    }
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
