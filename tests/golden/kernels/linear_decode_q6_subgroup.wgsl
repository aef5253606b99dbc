// linear_decode_q6_subgroup
enable subgroups;

@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(5) var<storage, read> w_ptr : array<vec2<u32>>;
@group(0) @binding(6) var<storage, read> w_scale_ptr : array<u32>;
@group(0) @binding(7) var<storage, read> x_ptr : array<vec4<f32>>;

override all_outputs: i32;
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
override is_gated: i32;
override lanes: i32;
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
override staging_steps: i32;
override steps: i32;
override super_groups: i32;
override supers: i32;
override tails: i32;
override team_outputs: i32;
override teams: i32;
override tiles: i32;
override zero: i32;
override held_quads: i32;
override held_sums: i32;
override activation: i32;
override softcap: f32;

var<workgroup> v_2 : array<vec4<f32>, held_quads>;
var<workgroup> v_3 : array<f32, held_sums>;
@compute @workgroup_size(128, 1, 1)
fn linear_decode_q6_subgroup_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(subgroup_size) subgroupSize : u32,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<vec4<f32>, 1>;
  var v_1 : array<f32, 1>;
  var v_4 : array<vec4<f32>, 1>;
  var v_5 : array<vec4<f32>, 1>;
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
  var v_22 : array<vec4<f32>, 1>;
  var v_23 : array<vec4<f32>, 1>;
  var v_24 : array<vec4<f32>, 1>;
  var v_25 : array<f32, 1>;
  var v_26 : array<f32, 1>;
  var v_27 : array<vec4<f32>, 1>;
  var v_28 : array<f32, 1>;
  var v_29 : array<f32, 1>;
  let v_30 : i32 = i32((u32(i32(threadIdx.x)) % u32(lanes)));
  let v_31 : i32 = i32((u32(i32(threadIdx.x)) / u32(lanes)));
  let v_32 : i32 = (((v__1 * teams) + v_31) * team_outputs);
  let v_33 : i32 = (select((v_32 + select(0i, 0i, (is_gated != 0i))), min((v_32 + select(0i, 0i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(0))));
  let v_34 : i32 = (select((v_32 + select(1i, 0i, (is_gated != 0i))), min((v_32 + select(1i, 0i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(1))));
  let v_35 : i32 = (select((v_32 + select(2i, 1i, (is_gated != 0i))), min((v_32 + select(2i, 1i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(0))));
  let v_36 : i32 = (select((v_32 + select(3i, 1i, (is_gated != 0i))), min((v_32 + select(3i, 1i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(1))));
  v[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_1[0i] = 0.000000e+00f;
  for (var v_37 : i32 = 0i; v_37 < tiles; v_37++) {
    for (var v_38 : i32 = 0i; v_38 < staging_steps; v_38++) {
      let v_39 : i32 = ((v_38 * 128i) + i32(threadIdx.x));
      let v_40 : i32 = (((v_37 * 256i) + v_39) * 2i);
      if ((v_39 < 256i) && (v_40 < (chunks * 8i))) {
        v_4[0i] = select(x_ptr[select(v_40, min(v_40, (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (v_40 >= quads)));
        v_5[0i] = select(x_ptr[select((v_40 + 1i), min((v_40 + 1i), (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && ((v_40 + 1i) >= quads)));
        if (has_norm != 0i) {
          v_1[0i] = (v_1[0i] + dot(v_4[0i], v_4[0i]));
          v_4[0i] = (v_4[0i] * gain_ptr[select(v_40, min(v_40, (quads - 1i)), (padded != 0i))]);
          v_1[0i] = (v_1[0i] + dot(v_5[0i], v_5[0i]));
          v_5[0i] = (v_5[0i] * gain_ptr[select((v_40 + 1i), min((v_40 + 1i), (quads - 1i)), (padded != 0i))]);
        }
        let v_41 : i32 = (v_39 * 2i);
        let v_42 : i32 = (v_41 + (v_41>>3u));
        let v_43 : vec4<f32> = v_4[0i];
        let v_44 : vec4<f32> = v_5[0i];
        v_2[v_42] = v_43;
        v_2[(v_42 + 1i)] = v_44;
        v_3[v_39] = dot((v_43 + v_44), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
      }
    }
    workgroupBarrier();
    for (var v_45 : i32 = 0i; v_45 < steps; v_45++) {
      let v_46 : i32 = ((v_45 * lanes) + v_30);
      let v_47 : i32 = ((v_37 * 64i) + v_46);
      if (select(bool(1), (v_47 < chunks), (ragged != 0i))) {
        let v_48 : vec2<u32> = w_ptr[((v_47 * 3i) + ((v_33 * chunks) * 3i))];
        let v_49 : vec2<u32> = w_ptr[(((v_47 * 3i) + ((v_33 * chunks) * 3i)) + 1i)];
        let v_50 : vec2<u32> = w_ptr[(((v_47 * 3i) + ((v_33 * chunks) * 3i)) + 2i)];
        v_6[0i] = 0.000000e+00f;
        v_7[0i] = 0.000000e+00f;
        let v_51 : i32 = i32((u32((v_47 * 2i)) / u32(group_halves)));
        if (integer_scales != 0i) {
          let v_52 : i32 = i32((u32(v_51) / u32(super_groups)));
          let v_53 : i32 = (v_51 - (v_52 * super_groups));
          let v_54 : i32 = (((v_33 * supers) + v_52) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
          let v_55 : i32 = (v_53 * ((minimum + 1i) * scale_bits));
          let v_56 : u32 = (w_scale_ptr[(((v_54 + minimum) + (v_55>>5u)) + 1i)]>>u32((v_55 & 31i)));
          v_6[0i] = (bitcast<f32>(w_scale_ptr[v_54]) * select(f32((v_56 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_56<<24u))>>24u)), (signed_scales != 0i)));
          if (minimum != 0i) {
            let v_57 : u32 = (v_56>>u32(scale_bits));
            v_7[0i] = (bitcast<f32>(w_scale_ptr[(v_54 + 1i)]) * select(f32((v_57 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_57<<24u))>>24u)), (signed_scales != 0i)));
          }
        } else {
          let v_58 : i32 = (((v_33 * groups) + v_51) * (minimum + 1i));
          if (float32_scales != 0i) {
            v_6[0i] = bitcast<f32>(w_scale_ptr[v_58]);
            if (minimum != 0i) {
              v_7[0i] = bitcast<f32>(w_scale_ptr[(v_58 + 1i)]);
            }
          } else {
            let v_59 : u32 = w_scale_ptr[(v_58>>1u)];
            v_6[0i] = select((unpack2x16float((v_59>>u32(((v_58 & 1i) * 16i)))))[0], bitcast<f32>(((v_59>>u32(((v_58 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
            if (minimum != 0i) {
              v_7[0i] = select((unpack2x16float(v_59))[1], bitcast<f32>((v_59 & 4294901760u)), (bfloat_scales != 0i));
            }
          }
        }
        if (minimum == 0i) {
          v_7[0i] = (v_6[0i] * (0.000000e+00f - f32(zero)));
        }
        let v_60 : f32 = v_6[0i];
        let v_61 : f32 = v_7[0i];
        if (narrow != 0i) {
          let v_62 : i32 = ((v_47 * 2i) + 1i);
          v_8[0i] = 0.000000e+00f;
          v_9[0i] = 0.000000e+00f;
          let v_63 : i32 = v_62;
          if (integer_scales != 0i) {
            let v_64 : i32 = i32((u32(v_63) / u32(super_groups)));
            let v_65 : i32 = (v_63 - (v_64 * super_groups));
            let v_66 : i32 = (((v_33 * supers) + v_64) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
            let v_67 : i32 = (v_65 * ((minimum + 1i) * scale_bits));
            let v_68 : u32 = (w_scale_ptr[(((v_66 + minimum) + (v_67>>5u)) + 1i)]>>u32((v_67 & 31i)));
            v_8[0i] = (bitcast<f32>(w_scale_ptr[v_66]) * select(f32((v_68 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_68<<24u))>>24u)), (signed_scales != 0i)));
            if (minimum != 0i) {
              let v_69 : u32 = (v_68>>u32(scale_bits));
              v_9[0i] = (bitcast<f32>(w_scale_ptr[(v_66 + 1i)]) * select(f32((v_69 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_69<<24u))>>24u)), (signed_scales != 0i)));
            }
          } else {
            let v_70 : i32 = (((v_33 * groups) + v_63) * (minimum + 1i));
            if (float32_scales != 0i) {
              v_8[0i] = bitcast<f32>(w_scale_ptr[v_70]);
              if (minimum != 0i) {
                v_9[0i] = bitcast<f32>(w_scale_ptr[(v_70 + 1i)]);
              }
            } else {
              let v_71 : u32 = w_scale_ptr[(v_70>>1u)];
              v_8[0i] = select((unpack2x16float((v_71>>u32(((v_70 & 1i) * 16i)))))[0], bitcast<f32>(((v_71>>u32(((v_70 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
              if (minimum != 0i) {
                v_9[0i] = select((unpack2x16float(v_71))[1], bitcast<f32>((v_71 & 4294901760u)), (bfloat_scales != 0i));
              }
            }
          }
          if (minimum == 0i) {
            v_9[0i] = (v_8[0i] * (0.000000e+00f - f32(zero)));
          }
          v_6[0i] = v_8[0i];
          v_7[0i] = v_9[0i];
        }
        let v_72 : f32 = v_6[0i];
        let v_73 : f32 = v_7[0i];
        let v_74 : vec2<u32> = w_ptr[((v_47 * 3i) + ((v_34 * chunks) * 3i))];
        let v_75 : vec2<u32> = w_ptr[(((v_47 * 3i) + ((v_34 * chunks) * 3i)) + 1i)];
        let v_76 : vec2<u32> = w_ptr[(((v_47 * 3i) + ((v_34 * chunks) * 3i)) + 2i)];
        v_10[0i] = 0.000000e+00f;
        v_11[0i] = 0.000000e+00f;
        let v_77 : i32 = i32((u32((v_47 * 2i)) / u32(group_halves)));
        if (integer_scales != 0i) {
          let v_78 : i32 = i32((u32(v_77) / u32(super_groups)));
          let v_79 : i32 = (v_77 - (v_78 * super_groups));
          let v_80 : i32 = (((v_34 * supers) + v_78) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
          let v_81 : i32 = (v_79 * ((minimum + 1i) * scale_bits));
          let v_82 : u32 = (w_scale_ptr[(((v_80 + minimum) + (v_81>>5u)) + 1i)]>>u32((v_81 & 31i)));
          v_10[0i] = (bitcast<f32>(w_scale_ptr[v_80]) * select(f32((v_82 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_82<<24u))>>24u)), (signed_scales != 0i)));
          if (minimum != 0i) {
            let v_83 : u32 = (v_82>>u32(scale_bits));
            v_11[0i] = (bitcast<f32>(w_scale_ptr[(v_80 + 1i)]) * select(f32((v_83 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_83<<24u))>>24u)), (signed_scales != 0i)));
          }
        } else {
          let v_84 : i32 = (((v_34 * groups) + v_77) * (minimum + 1i));
          if (float32_scales != 0i) {
            v_10[0i] = bitcast<f32>(w_scale_ptr[v_84]);
            if (minimum != 0i) {
              v_11[0i] = bitcast<f32>(w_scale_ptr[(v_84 + 1i)]);
            }
          } else {
            let v_85 : u32 = w_scale_ptr[(v_84>>1u)];
            v_10[0i] = select((unpack2x16float((v_85>>u32(((v_84 & 1i) * 16i)))))[0], bitcast<f32>(((v_85>>u32(((v_84 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
            if (minimum != 0i) {
              v_11[0i] = select((unpack2x16float(v_85))[1], bitcast<f32>((v_85 & 4294901760u)), (bfloat_scales != 0i));
            }
          }
        }
        if (minimum == 0i) {
          v_11[0i] = (v_10[0i] * (0.000000e+00f - f32(zero)));
        }
        let v_86 : f32 = v_10[0i];
        let v_87 : f32 = v_11[0i];
        if (narrow != 0i) {
          let v_88 : i32 = ((v_47 * 2i) + 1i);
          v_12[0i] = 0.000000e+00f;
          v_13[0i] = 0.000000e+00f;
          let v_89 : i32 = v_88;
          if (integer_scales != 0i) {
            let v_90 : i32 = i32((u32(v_89) / u32(super_groups)));
            let v_91 : i32 = (v_89 - (v_90 * super_groups));
            let v_92 : i32 = (((v_34 * supers) + v_90) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
            let v_93 : i32 = (v_91 * ((minimum + 1i) * scale_bits));
            let v_94 : u32 = (w_scale_ptr[(((v_92 + minimum) + (v_93>>5u)) + 1i)]>>u32((v_93 & 31i)));
            v_12[0i] = (bitcast<f32>(w_scale_ptr[v_92]) * select(f32((v_94 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_94<<24u))>>24u)), (signed_scales != 0i)));
            if (minimum != 0i) {
              let v_95 : u32 = (v_94>>u32(scale_bits));
              v_13[0i] = (bitcast<f32>(w_scale_ptr[(v_92 + 1i)]) * select(f32((v_95 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_95<<24u))>>24u)), (signed_scales != 0i)));
            }
          } else {
            let v_96 : i32 = (((v_34 * groups) + v_89) * (minimum + 1i));
            if (float32_scales != 0i) {
              v_12[0i] = bitcast<f32>(w_scale_ptr[v_96]);
              if (minimum != 0i) {
                v_13[0i] = bitcast<f32>(w_scale_ptr[(v_96 + 1i)]);
              }
            } else {
              let v_97 : u32 = w_scale_ptr[(v_96>>1u)];
              v_12[0i] = select((unpack2x16float((v_97>>u32(((v_96 & 1i) * 16i)))))[0], bitcast<f32>(((v_97>>u32(((v_96 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
              if (minimum != 0i) {
                v_13[0i] = select((unpack2x16float(v_97))[1], bitcast<f32>((v_97 & 4294901760u)), (bfloat_scales != 0i));
              }
            }
          }
          if (minimum == 0i) {
            v_13[0i] = (v_12[0i] * (0.000000e+00f - f32(zero)));
          }
          v_10[0i] = v_12[0i];
          v_11[0i] = v_13[0i];
        }
        let v_98 : f32 = v_10[0i];
        let v_99 : f32 = v_11[0i];
        let v_100 : vec2<u32> = w_ptr[((v_47 * 3i) + ((v_35 * chunks) * 3i))];
        let v_101 : vec2<u32> = w_ptr[(((v_47 * 3i) + ((v_35 * chunks) * 3i)) + 1i)];
        let v_102 : vec2<u32> = w_ptr[(((v_47 * 3i) + ((v_35 * chunks) * 3i)) + 2i)];
        v_14[0i] = 0.000000e+00f;
        v_15[0i] = 0.000000e+00f;
        let v_103 : i32 = i32((u32((v_47 * 2i)) / u32(group_halves)));
        if (integer_scales != 0i) {
          let v_104 : i32 = i32((u32(v_103) / u32(super_groups)));
          let v_105 : i32 = (v_103 - (v_104 * super_groups));
          let v_106 : i32 = (((v_35 * supers) + v_104) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
          let v_107 : i32 = (v_105 * ((minimum + 1i) * scale_bits));
          let v_108 : u32 = (w_scale_ptr[(((v_106 + minimum) + (v_107>>5u)) + 1i)]>>u32((v_107 & 31i)));
          v_14[0i] = (bitcast<f32>(w_scale_ptr[v_106]) * select(f32((v_108 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_108<<24u))>>24u)), (signed_scales != 0i)));
          if (minimum != 0i) {
            let v_109 : u32 = (v_108>>u32(scale_bits));
            v_15[0i] = (bitcast<f32>(w_scale_ptr[(v_106 + 1i)]) * select(f32((v_109 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_109<<24u))>>24u)), (signed_scales != 0i)));
          }
        } else {
          let v_110 : i32 = (((v_35 * groups) + v_103) * (minimum + 1i));
          if (float32_scales != 0i) {
            v_14[0i] = bitcast<f32>(w_scale_ptr[v_110]);
            if (minimum != 0i) {
              v_15[0i] = bitcast<f32>(w_scale_ptr[(v_110 + 1i)]);
            }
          } else {
            let v_111 : u32 = w_scale_ptr[(v_110>>1u)];
            v_14[0i] = select((unpack2x16float((v_111>>u32(((v_110 & 1i) * 16i)))))[0], bitcast<f32>(((v_111>>u32(((v_110 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
            if (minimum != 0i) {
              v_15[0i] = select((unpack2x16float(v_111))[1], bitcast<f32>((v_111 & 4294901760u)), (bfloat_scales != 0i));
            }
          }
        }
        if (minimum == 0i) {
          v_15[0i] = (v_14[0i] * (0.000000e+00f - f32(zero)));
        }
        let v_112 : f32 = v_14[0i];
        let v_113 : f32 = v_15[0i];
        if (narrow != 0i) {
          let v_114 : i32 = ((v_47 * 2i) + 1i);
          v_16[0i] = 0.000000e+00f;
          v_17[0i] = 0.000000e+00f;
          let v_115 : i32 = v_114;
          if (integer_scales != 0i) {
            let v_116 : i32 = i32((u32(v_115) / u32(super_groups)));
            let v_117 : i32 = (v_115 - (v_116 * super_groups));
            let v_118 : i32 = (((v_35 * supers) + v_116) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
            let v_119 : i32 = (v_117 * ((minimum + 1i) * scale_bits));
            let v_120 : u32 = (w_scale_ptr[(((v_118 + minimum) + (v_119>>5u)) + 1i)]>>u32((v_119 & 31i)));
            v_16[0i] = (bitcast<f32>(w_scale_ptr[v_118]) * select(f32((v_120 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_120<<24u))>>24u)), (signed_scales != 0i)));
            if (minimum != 0i) {
              let v_121 : u32 = (v_120>>u32(scale_bits));
              v_17[0i] = (bitcast<f32>(w_scale_ptr[(v_118 + 1i)]) * select(f32((v_121 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_121<<24u))>>24u)), (signed_scales != 0i)));
            }
          } else {
            let v_122 : i32 = (((v_35 * groups) + v_115) * (minimum + 1i));
            if (float32_scales != 0i) {
              v_16[0i] = bitcast<f32>(w_scale_ptr[v_122]);
              if (minimum != 0i) {
                v_17[0i] = bitcast<f32>(w_scale_ptr[(v_122 + 1i)]);
              }
            } else {
              let v_123 : u32 = w_scale_ptr[(v_122>>1u)];
              v_16[0i] = select((unpack2x16float((v_123>>u32(((v_122 & 1i) * 16i)))))[0], bitcast<f32>(((v_123>>u32(((v_122 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
              if (minimum != 0i) {
                v_17[0i] = select((unpack2x16float(v_123))[1], bitcast<f32>((v_123 & 4294901760u)), (bfloat_scales != 0i));
              }
            }
          }
          if (minimum == 0i) {
            v_17[0i] = (v_16[0i] * (0.000000e+00f - f32(zero)));
          }
          v_14[0i] = v_16[0i];
          v_15[0i] = v_17[0i];
        }
        let v_124 : f32 = v_14[0i];
        let v_125 : f32 = v_15[0i];
        let v_126 : vec2<u32> = w_ptr[((v_47 * 3i) + ((v_36 * chunks) * 3i))];
        let v_127 : vec2<u32> = w_ptr[(((v_47 * 3i) + ((v_36 * chunks) * 3i)) + 1i)];
        let v_128 : vec2<u32> = w_ptr[(((v_47 * 3i) + ((v_36 * chunks) * 3i)) + 2i)];
        v_18[0i] = 0.000000e+00f;
        v_19[0i] = 0.000000e+00f;
        let v_129 : i32 = i32((u32((v_47 * 2i)) / u32(group_halves)));
        if (integer_scales != 0i) {
          let v_130 : i32 = i32((u32(v_129) / u32(super_groups)));
          let v_131 : i32 = (v_129 - (v_130 * super_groups));
          let v_132 : i32 = (((v_36 * supers) + v_130) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
          let v_133 : i32 = (v_131 * ((minimum + 1i) * scale_bits));
          let v_134 : u32 = (w_scale_ptr[(((v_132 + minimum) + (v_133>>5u)) + 1i)]>>u32((v_133 & 31i)));
          v_18[0i] = (bitcast<f32>(w_scale_ptr[v_132]) * select(f32((v_134 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_134<<24u))>>24u)), (signed_scales != 0i)));
          if (minimum != 0i) {
            let v_135 : u32 = (v_134>>u32(scale_bits));
            v_19[0i] = (bitcast<f32>(w_scale_ptr[(v_132 + 1i)]) * select(f32((v_135 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_135<<24u))>>24u)), (signed_scales != 0i)));
          }
        } else {
          let v_136 : i32 = (((v_36 * groups) + v_129) * (minimum + 1i));
          if (float32_scales != 0i) {
            v_18[0i] = bitcast<f32>(w_scale_ptr[v_136]);
            if (minimum != 0i) {
              v_19[0i] = bitcast<f32>(w_scale_ptr[(v_136 + 1i)]);
            }
          } else {
            let v_137 : u32 = w_scale_ptr[(v_136>>1u)];
            v_18[0i] = select((unpack2x16float((v_137>>u32(((v_136 & 1i) * 16i)))))[0], bitcast<f32>(((v_137>>u32(((v_136 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
            if (minimum != 0i) {
              v_19[0i] = select((unpack2x16float(v_137))[1], bitcast<f32>((v_137 & 4294901760u)), (bfloat_scales != 0i));
            }
          }
        }
        if (minimum == 0i) {
          v_19[0i] = (v_18[0i] * (0.000000e+00f - f32(zero)));
        }
        let v_138 : f32 = v_18[0i];
        let v_139 : f32 = v_19[0i];
        if (narrow != 0i) {
          let v_140 : i32 = ((v_47 * 2i) + 1i);
          v_20[0i] = 0.000000e+00f;
          v_21[0i] = 0.000000e+00f;
          let v_141 : i32 = v_140;
          if (integer_scales != 0i) {
            let v_142 : i32 = i32((u32(v_141) / u32(super_groups)));
            let v_143 : i32 = (v_141 - (v_142 * super_groups));
            let v_144 : i32 = (((v_36 * supers) + v_142) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
            let v_145 : i32 = (v_143 * ((minimum + 1i) * scale_bits));
            let v_146 : u32 = (w_scale_ptr[(((v_144 + minimum) + (v_145>>5u)) + 1i)]>>u32((v_145 & 31i)));
            v_20[0i] = (bitcast<f32>(w_scale_ptr[v_144]) * select(f32((v_146 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_146<<24u))>>24u)), (signed_scales != 0i)));
            if (minimum != 0i) {
              let v_147 : u32 = (v_146>>u32(scale_bits));
              v_21[0i] = (bitcast<f32>(w_scale_ptr[(v_144 + 1i)]) * select(f32((v_147 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_147<<24u))>>24u)), (signed_scales != 0i)));
            }
          } else {
            let v_148 : i32 = (((v_36 * groups) + v_141) * (minimum + 1i));
            if (float32_scales != 0i) {
              v_20[0i] = bitcast<f32>(w_scale_ptr[v_148]);
              if (minimum != 0i) {
                v_21[0i] = bitcast<f32>(w_scale_ptr[(v_148 + 1i)]);
              }
            } else {
              let v_149 : u32 = w_scale_ptr[(v_148>>1u)];
              v_20[0i] = select((unpack2x16float((v_149>>u32(((v_148 & 1i) * 16i)))))[0], bitcast<f32>(((v_149>>u32(((v_148 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
              if (minimum != 0i) {
                v_21[0i] = select((unpack2x16float(v_149))[1], bitcast<f32>((v_149 & 4294901760u)), (bfloat_scales != 0i));
              }
            }
          }
          if (minimum == 0i) {
            v_21[0i] = (v_20[0i] * (0.000000e+00f - f32(zero)));
          }
          v_18[0i] = v_20[0i];
          v_19[0i] = v_21[0i];
        }
        let v_150 : f32 = v_18[0i];
        let v_151 : f32 = v_19[0i];
        let v_152 : i32 = ((v_46 * 8i) + ((v_46 * 8i)>>3u));
        v_22[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        let v_153 : u32 = ((v_48)[0] & 1061109567u);
        let v_154 : vec4<f32> = bytes(v_153);
        let v_155 : u32 = ((v_74)[0] & 1061109567u);
        let v_156 : vec4<f32> = bytes(v_155);
        let v_157 : u32 = ((v_100)[0] & 1061109567u);
        let v_158 : vec4<f32> = bytes(v_157);
        let v_159 : u32 = ((v_126)[0] & 1061109567u);
        let v_160 : vec4<f32> = bytes(v_159);
        let v_161 : vec4<f32> = v_2[v_152];
        v_22[0i] = rows_add(v_161, v_154, v_156, v_158, v_160, v_22[0i]);
        let v_162 : u32 = ((v_48)[1] & 1061109567u);
        let v_163 : vec4<f32> = bytes(v_162);
        let v_164 : u32 = ((v_74)[1] & 1061109567u);
        let v_165 : vec4<f32> = bytes(v_164);
        let v_166 : u32 = ((v_100)[1] & 1061109567u);
        let v_167 : vec4<f32> = bytes(v_166);
        let v_168 : u32 = ((v_126)[1] & 1061109567u);
        let v_169 : vec4<f32> = bytes(v_168);
        let v_170 : vec4<f32> = v_2[(v_152 + 1i)];
        v_22[0i] = rows_add(v_170, v_163, v_165, v_167, v_169, v_22[0i]);
        let v_171 : u32 = ((v_49)[0] & 1061109567u);
        let v_172 : vec4<f32> = bytes(v_171);
        let v_173 : u32 = ((v_75)[0] & 1061109567u);
        let v_174 : vec4<f32> = bytes(v_173);
        let v_175 : u32 = ((v_101)[0] & 1061109567u);
        let v_176 : vec4<f32> = bytes(v_175);
        let v_177 : u32 = ((v_127)[0] & 1061109567u);
        let v_178 : vec4<f32> = bytes(v_177);
        let v_179 : vec4<f32> = v_2[(v_152 + 2i)];
        v_22[0i] = rows_add(v_179, v_172, v_174, v_176, v_178, v_22[0i]);
        let v_180 : u32 = ((v_49)[1] & 1061109567u);
        let v_181 : vec4<f32> = bytes(v_180);
        let v_182 : u32 = ((v_75)[1] & 1061109567u);
        let v_183 : vec4<f32> = bytes(v_182);
        let v_184 : u32 = ((v_101)[1] & 1061109567u);
        let v_185 : vec4<f32> = bytes(v_184);
        let v_186 : u32 = ((v_127)[1] & 1061109567u);
        let v_187 : vec4<f32> = bytes(v_186);
        let v_188 : vec4<f32> = v_2[(v_152 + 3i)];
        v_22[0i] = rows_add(v_188, v_181, v_183, v_185, v_187, v_22[0i]);
        let v_189 : vec4<f32> = vec4<f32>(v_60, v_86, v_112, v_138);
        let v_190 : vec4<f32> = vec4<f32>(v_61, v_87, v_113, v_139);
        let v_191 : i32 = ((v_46 * 2i) * 2i);
        let v_192 : f32 = (v_3[v_191] + v_3[(v_191 + 1i)]);
        v[0i] = (v[0i] + fma(v_190, vec4<f32>(v_192, v_192, v_192, v_192), (v_22[0i] * v_189)));
        v_23[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        let v_193 : u32 = ((v_50)[0] & 1061109567u);
        let v_194 : vec4<f32> = bytes(v_193);
        let v_195 : u32 = ((v_76)[0] & 1061109567u);
        let v_196 : vec4<f32> = bytes(v_195);
        let v_197 : u32 = ((v_102)[0] & 1061109567u);
        let v_198 : vec4<f32> = bytes(v_197);
        let v_199 : u32 = ((v_128)[0] & 1061109567u);
        let v_200 : vec4<f32> = bytes(v_199);
        let v_201 : vec4<f32> = v_2[(v_152 + 4i)];
        v_23[0i] = rows_add(v_201, v_194, v_196, v_198, v_200, v_23[0i]);
        let v_202 : u32 = ((v_50)[1] & 1061109567u);
        let v_203 : vec4<f32> = bytes(v_202);
        let v_204 : u32 = ((v_76)[1] & 1061109567u);
        let v_205 : vec4<f32> = bytes(v_204);
        let v_206 : u32 = ((v_102)[1] & 1061109567u);
        let v_207 : vec4<f32> = bytes(v_206);
        let v_208 : u32 = ((v_128)[1] & 1061109567u);
        let v_209 : vec4<f32> = bytes(v_208);
        let v_210 : vec4<f32> = v_2[(v_152 + 5i)];
        v_23[0i] = rows_add(v_210, v_203, v_205, v_207, v_209, v_23[0i]);
        let v_211 : u32 = (((((v_48)[0]>>6u) & 50529027u) | (((v_48)[1]>>4u) & 202116108u)) | (((v_49)[0]>>2u) & 808464432u));
        let v_212 : vec4<f32> = bytes(v_211);
        let v_213 : u32 = (((((v_74)[0]>>6u) & 50529027u) | (((v_74)[1]>>4u) & 202116108u)) | (((v_75)[0]>>2u) & 808464432u));
        let v_214 : vec4<f32> = bytes(v_213);
        let v_215 : u32 = (((((v_100)[0]>>6u) & 50529027u) | (((v_100)[1]>>4u) & 202116108u)) | (((v_101)[0]>>2u) & 808464432u));
        let v_216 : vec4<f32> = bytes(v_215);
        let v_217 : u32 = (((((v_126)[0]>>6u) & 50529027u) | (((v_126)[1]>>4u) & 202116108u)) | (((v_127)[0]>>2u) & 808464432u));
        let v_218 : vec4<f32> = bytes(v_217);
        let v_219 : vec4<f32> = v_2[(v_152 + 6i)];
        v_23[0i] = rows_add(v_219, v_212, v_214, v_216, v_218, v_23[0i]);
        let v_220 : u32 = (((((v_49)[1]>>6u) & 50529027u) | (((v_50)[0]>>4u) & 202116108u)) | (((v_50)[1]>>2u) & 808464432u));
        let v_221 : vec4<f32> = bytes(v_220);
        let v_222 : u32 = (((((v_75)[1]>>6u) & 50529027u) | (((v_76)[0]>>4u) & 202116108u)) | (((v_76)[1]>>2u) & 808464432u));
        let v_223 : vec4<f32> = bytes(v_222);
        let v_224 : u32 = (((((v_101)[1]>>6u) & 50529027u) | (((v_102)[0]>>4u) & 202116108u)) | (((v_102)[1]>>2u) & 808464432u));
        let v_225 : vec4<f32> = bytes(v_224);
        let v_226 : u32 = (((((v_127)[1]>>6u) & 50529027u) | (((v_128)[0]>>4u) & 202116108u)) | (((v_128)[1]>>2u) & 808464432u));
        let v_227 : vec4<f32> = bytes(v_226);
        let v_228 : vec4<f32> = v_2[(v_152 + 7i)];
        v_23[0i] = rows_add(v_228, v_221, v_223, v_225, v_227, v_23[0i]);
        let v_229 : vec4<f32> = vec4<f32>(v_72, v_98, v_124, v_150);
        let v_230 : vec4<f32> = vec4<f32>(v_73, v_99, v_125, v_151);
        let v_231 : i32 = (((v_46 * 2i) + 1i) * 2i);
        let v_232 : f32 = (v_3[v_231] + v_3[(v_231 + 1i)]);
        v[0i] = (v[0i] + fma(v_230, vec4<f32>(v_232, v_232, v_232, v_232), (v_23[0i] * v_229)));
      }
    }
    workgroupBarrier();
  }
  let v_233 : i32 = i32(subgroupSize);
  let v_234 : bool = ((v_233 <= lanes) && (v_233 >= 8i));
  if (v_234) {
    v[0i] = subgroupAdd(v[0i]);
    if (i32((u32(v_30) % u32(v_233))) == 0i) {
      v_2[((v_31 * lanes) + i32((u32(v_30) / u32(v_233))))] = v[0i];
    }
  } else {
    v_2[i32(threadIdx.x)] = v[0i];
    if (lanes > 8i) {
      workgroupBarrier();
      if (v_30 < 8i) {
        v_24[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        for (var v_235 : i32 = 0i; v_235 < i32((u32(lanes) / 8u)); v_235++) {
          v_24[0i] = (v_24[0i] + v_2[((v_235 * 8i) + i32(threadIdx.x))]);
        }
        v_2[i32(threadIdx.x)] = v_24[0i];
      }
    }
  }
  workgroupBarrier();
  let v_236 : i32 = select(8i, i32((u32(lanes) / u32(v_233))), v_234);
  v_25[0i] = 1.000000e+00f;
  if (has_norm != 0i) {
    v_26[0i] = 0.000000e+00f;
    let v_237 : i32 = i32(subgroupSize);
    v_1[0i] = subgroupAdd(v_1[0i]);
    if (i32((u32(i32(threadIdx.x)) % u32(v_237))) == 0i) {
      v_3[i32((u32(i32(threadIdx.x)) / u32(v_237)))] = v_1[0i];
    }
    workgroupBarrier();
    for (var v_238 : i32 = 0i; v_238 < i32((u32((v_237 + 127i)) / u32(v_237))); v_238++) {
      v_26[0i] = (v_26[0i] + v_3[v_238]);
    }
    v_25[0i] = (1.000000e+00f / sqrt(((v_26[0i] / f32(columns)) + norm_eps)));
  }
  let v_239 : i32 = (i32(threadIdx.x) & 3i);
  let v_240 : i32 = i32((u32((i32(threadIdx.x)>>2u)) % u32(teams)));
  let v_241 : i32 = i32((u32((i32(threadIdx.x)>>2u)) / u32(teams)));
  let v_242 : i32 = ((((v__1 * teams) + v_240) * team_outputs) + v_239);
  if (((v_241 < 1i) && (v_239 < team_outputs)) && select(bool(1), (v_242 < outputs), (tails != 0i))) {
    v_27[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
    for (var v_243 : i32 = 0i; v_243 < 8i; v_243++) {
      if (v_243 < v_236) {
        v_27[0i] = (v_27[0i] + v_2[(v_243 + (v_240 * lanes))]);
      }
    }
    v_28[0i] = select(select((v_27[0i])[3], (v_27[0i])[2], ((select(v_239, (v_239 * 2i), (is_gated != 0i)) & 1i) == 0i)), select((v_27[0i])[1], (v_27[0i])[0], ((select(v_239, (v_239 * 2i), (is_gated != 0i)) & 1i) == 0i)), (select(v_239, (v_239 * 2i), (is_gated != 0i)) < 2i));
    v_29[0i] = select(select((v_27[0i])[3], (v_27[0i])[2], ((((v_239 * 2i) + 1i) & 1i) == 0i)), select((v_27[0i])[1], (v_27[0i])[0], ((((v_239 * 2i) + 1i) & 1i) == 0i)), (((v_239 * 2i) + 1i) < 2i));
    v_28[0i] = (v_28[0i] * v_25[0i]);
    v_29[0i] = (v_29[0i] * v_25[0i]);
    let v_244 : i32 = (v_242 + first_row);
    if (has_bias != 0i) {
      v_28[0i] = (v_28[0i] + bias_ptr[v_244]);
      if (is_gated != 0i) {
        v_29[0i] = (v_29[0i] + bias_ptr[(v_244 + all_outputs)]);
      }
    }
    if (has_delta != 0i) {
      v_28[0i] = (v_28[0i] + delta_ptr[v_244]);
      if (is_gated != 0i) {
        v_29[0i] = (v_29[0i] + delta_ptr[(v_244 + all_outputs)]);
      }
    }
    v_28[0i] = activated(v_28[0i]);
    if (is_gated != 0i) {
      v_28[0i] = (v_28[0i] * v_29[0i]);
    }
    v_28[0i] = capped((v_28[0i] * scale));
    if (has_residual != 0i) {
      v_28[0i] = (v_28[0i] + residual_ptr[v_244]);
    }
    out_ptr[v_244] = v_28[0i];
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
