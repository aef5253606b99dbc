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
override bfloat_scales: i32;
override chunks: i32;
override first_row: i32;
override float32_scales: i32;
override group_halves: i32;
override groups: i32;
override has_bias: i32;
override has_delta: i32;
override has_residual: i32;
override integer_scales: i32;
override minimum: i32;
override narrow: i32;
override outputs: i32;
override padded: i32;
override quads: i32;
override scale: f32;
override scale_bits: i32;
override signed_scales: i32;
override super_groups: i32;
override supers: i32;
override tails: i32;
override zero: i32;
override activation: i32;
override softcap: f32;

@compute @workgroup_size(64, 1, 1)
fn linear_prefill_q6_kernel(
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
  var v_24 : array<f32, 1>;
  var v_25 : array<f32, 1>;
  var v_26 : array<f32, 1>;
  var v_27 : array<f32, 1>;
  var v_28 : array<f32, 1>;
  var v_29 : array<f32, 1>;
  var v_30 : array<f32, 1>;
  var v_31 : array<f32, 1>;
  var v_32 : array<f32, 1>;
  var v_33 : array<f32, 1>;
  var v_34 : array<f32, 1>;
  var v_35 : array<f32, 1>;
  var v_36 : array<f32, 1>;
  var v_37 : array<f32, 1>;
  var v_38 : array<f32, 1>;
  var v_39 : array<f32, 1>;
  var v_40 : array<f32, 1>;
  var v_41 : array<f32, 1>;
  var v_42 : array<f32, 1>;
  var v_43 : array<f32, 1>;
  var v_44 : array<f32, 1>;
  var v_45 : array<f32, 1>;
  var v_46 : array<f32, 1>;
  var v_47 : array<f32, 1>;
  let v_48 : i32 = (((v__1 * 16i) + (i32(threadIdx.x) & 15i)) * 4i);
  let v_49 : i32 = ((i32(blockIdx.y) * 16i) + ((i32(threadIdx.x)>>4u) * 4i));
  let v_50 : i32 = select(v_48, min(v_48, (outputs - 1i)), (tails != 0i));
  let v_51 : i32 = select((v_48 + 1i), min((v_48 + 1i), (outputs - 1i)), (tails != 0i));
  let v_52 : i32 = select((v_48 + 2i), min((v_48 + 2i), (outputs - 1i)), (tails != 0i));
  let v_53 : i32 = select((v_48 + 3i), min((v_48 + 3i), (outputs - 1i)), (tails != 0i));
  let v_54 : i32 = min(v_49, (podArgs.n - 1i));
  let v_55 : i32 = min((v_49 + 1i), (podArgs.n - 1i));
  let v_56 : i32 = min((v_49 + 2i), (podArgs.n - 1i));
  let v_57 : i32 = min((v_49 + 3i), (podArgs.n - 1i));
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
  for (var v_58 : i32 = 0i; v_58 < chunks; v_58++) {
    let v_59 : vec2<u32> = w_ptr[((v_58 * 3i) + ((v_50 * chunks) * 3i))];
    let v_60 : vec2<u32> = w_ptr[((v_58 * 3i) + (((v_50 * chunks) * 3i) + 1i))];
    let v_61 : vec2<u32> = w_ptr[((v_58 * 3i) + (((v_50 * chunks) * 3i) + 2i))];
    let v_62 : u32 = ((v_59)[0] & 1061109567u);
    let v_63 : vec4<f32> = vec4<f32>(f32(((v_62>>0u) & 255u)), f32(((v_62>>8u) & 255u)), f32(((v_62>>16u) & 255u)), f32((v_62>>24u)));
    let v_64 : u32 = ((v_59)[1] & 1061109567u);
    let v_65 : vec4<f32> = vec4<f32>(f32(((v_64>>0u) & 255u)), f32(((v_64>>8u) & 255u)), f32(((v_64>>16u) & 255u)), f32((v_64>>24u)));
    let v_66 : u32 = ((v_60)[0] & 1061109567u);
    let v_67 : vec4<f32> = vec4<f32>(f32(((v_66>>0u) & 255u)), f32(((v_66>>8u) & 255u)), f32(((v_66>>16u) & 255u)), f32((v_66>>24u)));
    let v_68 : u32 = ((v_60)[1] & 1061109567u);
    let v_69 : vec4<f32> = vec4<f32>(f32(((v_68>>0u) & 255u)), f32(((v_68>>8u) & 255u)), f32(((v_68>>16u) & 255u)), f32((v_68>>24u)));
    let v_70 : u32 = ((v_61)[0] & 1061109567u);
    let v_71 : vec4<f32> = vec4<f32>(f32(((v_70>>0u) & 255u)), f32(((v_70>>8u) & 255u)), f32(((v_70>>16u) & 255u)), f32((v_70>>24u)));
    let v_72 : u32 = ((v_61)[1] & 1061109567u);
    let v_73 : vec4<f32> = vec4<f32>(f32(((v_72>>0u) & 255u)), f32(((v_72>>8u) & 255u)), f32(((v_72>>16u) & 255u)), f32((v_72>>24u)));
    let v_74 : u32 = (((((v_59)[0]>>6u) & 50529027u) | (((v_59)[1]>>4u) & 202116108u)) | (((v_60)[0]>>2u) & 808464432u));
    let v_75 : vec4<f32> = vec4<f32>(f32(((v_74>>0u) & 255u)), f32(((v_74>>8u) & 255u)), f32(((v_74>>16u) & 255u)), f32((v_74>>24u)));
    let v_76 : u32 = (((((v_60)[1]>>6u) & 50529027u) | (((v_61)[0]>>4u) & 202116108u)) | (((v_61)[1]>>2u) & 808464432u));
    let v_77 : vec4<f32> = vec4<f32>(f32(((v_76>>0u) & 255u)), f32(((v_76>>8u) & 255u)), f32(((v_76>>16u) & 255u)), f32((v_76>>24u)));
    v_16[0i] = 0.000000e+00f;
    v_17[0i] = 0.000000e+00f;
    let v_78 : i32 = i32((u32((v_58 * 2i)) / u32(group_halves)));
    if (integer_scales != 0i) {
      let v_79 : i32 = i32((u32(v_78) / u32(super_groups)));
      let v_80 : i32 = (v_78 - (v_79 * super_groups));
      let v_81 : i32 = (((v_50 * supers) + v_79) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
      let v_82 : i32 = (v_80 * ((minimum + 1i) * scale_bits));
      let v_83 : u32 = (w_scale_ptr[(((v_81 + minimum) + (v_82>>5u)) + 1i)]>>u32((v_82 & 31i)));
      v_16[0i] = (bitcast<f32>(w_scale_ptr[v_81]) * select(f32((v_83 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_83<<24u))>>24u)), (signed_scales != 0i)));
      if (minimum != 0i) {
        let v_84 : u32 = (v_83>>u32(scale_bits));
        v_17[0i] = (bitcast<f32>(w_scale_ptr[(v_81 + 1i)]) * select(f32((v_84 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_84<<24u))>>24u)), (signed_scales != 0i)));
      }
    } else {
      let v_85 : i32 = (((v_50 * groups) + v_78) * (minimum + 1i));
      if (float32_scales != 0i) {
        v_16[0i] = bitcast<f32>(w_scale_ptr[v_85]);
        if (minimum != 0i) {
          v_17[0i] = bitcast<f32>(w_scale_ptr[(v_85 + 1i)]);
        }
      } else {
        let v_86 : u32 = w_scale_ptr[(v_85>>1u)];
        v_16[0i] = select((unpack2x16float((v_86>>u32(((v_85 & 1i) * 16i)))))[0], bitcast<f32>(((v_86>>u32(((v_85 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
        if (minimum != 0i) {
          v_17[0i] = select((unpack2x16float(v_86))[1], bitcast<f32>((v_86 & 4294901760u)), (bfloat_scales != 0i));
        }
      }
    }
    if (minimum == 0i) {
      v_17[0i] = (v_16[0i] * (0.000000e+00f - f32(zero)));
    }
    let v_87 : f32 = v_16[0i];
    let v_88 : f32 = v_17[0i];
    if (narrow != 0i) {
      let v_89 : i32 = ((v_58 * 2i) + 1i);
      v_18[0i] = 0.000000e+00f;
      v_19[0i] = 0.000000e+00f;
      let v_90 : i32 = v_89;
      if (integer_scales != 0i) {
        let v_91 : i32 = i32((u32(v_90) / u32(super_groups)));
        let v_92 : i32 = (v_90 - (v_91 * super_groups));
        let v_93 : i32 = (((v_50 * supers) + v_91) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
        let v_94 : i32 = (v_92 * ((minimum + 1i) * scale_bits));
        let v_95 : u32 = (w_scale_ptr[(((v_93 + minimum) + (v_94>>5u)) + 1i)]>>u32((v_94 & 31i)));
        v_18[0i] = (bitcast<f32>(w_scale_ptr[v_93]) * select(f32((v_95 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_95<<24u))>>24u)), (signed_scales != 0i)));
        if (minimum != 0i) {
          let v_96 : u32 = (v_95>>u32(scale_bits));
          v_19[0i] = (bitcast<f32>(w_scale_ptr[(v_93 + 1i)]) * select(f32((v_96 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_96<<24u))>>24u)), (signed_scales != 0i)));
        }
      } else {
        let v_97 : i32 = (((v_50 * groups) + v_90) * (minimum + 1i));
        if (float32_scales != 0i) {
          v_18[0i] = bitcast<f32>(w_scale_ptr[v_97]);
          if (minimum != 0i) {
            v_19[0i] = bitcast<f32>(w_scale_ptr[(v_97 + 1i)]);
          }
        } else {
          let v_98 : u32 = w_scale_ptr[(v_97>>1u)];
          v_18[0i] = select((unpack2x16float((v_98>>u32(((v_97 & 1i) * 16i)))))[0], bitcast<f32>(((v_98>>u32(((v_97 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
          if (minimum != 0i) {
            v_19[0i] = select((unpack2x16float(v_98))[1], bitcast<f32>((v_98 & 4294901760u)), (bfloat_scales != 0i));
          }
        }
      }
      if (minimum == 0i) {
        v_19[0i] = (v_18[0i] * (0.000000e+00f - f32(zero)));
      }
      v_16[0i] = v_18[0i];
      v_17[0i] = v_19[0i];
    }
    let v_99 : f32 = v_16[0i];
    let v_100 : f32 = v_17[0i];
    let v_101 : vec2<u32> = w_ptr[((v_58 * 3i) + ((v_51 * chunks) * 3i))];
    let v_102 : vec2<u32> = w_ptr[((v_58 * 3i) + (((v_51 * chunks) * 3i) + 1i))];
    let v_103 : vec2<u32> = w_ptr[((v_58 * 3i) + (((v_51 * chunks) * 3i) + 2i))];
    let v_104 : u32 = ((v_101)[0] & 1061109567u);
    let v_105 : vec4<f32> = vec4<f32>(f32(((v_104>>0u) & 255u)), f32(((v_104>>8u) & 255u)), f32(((v_104>>16u) & 255u)), f32((v_104>>24u)));
    let v_106 : u32 = ((v_101)[1] & 1061109567u);
    let v_107 : vec4<f32> = vec4<f32>(f32(((v_106>>0u) & 255u)), f32(((v_106>>8u) & 255u)), f32(((v_106>>16u) & 255u)), f32((v_106>>24u)));
    let v_108 : u32 = ((v_102)[0] & 1061109567u);
    let v_109 : vec4<f32> = vec4<f32>(f32(((v_108>>0u) & 255u)), f32(((v_108>>8u) & 255u)), f32(((v_108>>16u) & 255u)), f32((v_108>>24u)));
    let v_110 : u32 = ((v_102)[1] & 1061109567u);
    let v_111 : vec4<f32> = vec4<f32>(f32(((v_110>>0u) & 255u)), f32(((v_110>>8u) & 255u)), f32(((v_110>>16u) & 255u)), f32((v_110>>24u)));
    let v_112 : u32 = ((v_103)[0] & 1061109567u);
    let v_113 : vec4<f32> = vec4<f32>(f32(((v_112>>0u) & 255u)), f32(((v_112>>8u) & 255u)), f32(((v_112>>16u) & 255u)), f32((v_112>>24u)));
    let v_114 : u32 = ((v_103)[1] & 1061109567u);
    let v_115 : vec4<f32> = vec4<f32>(f32(((v_114>>0u) & 255u)), f32(((v_114>>8u) & 255u)), f32(((v_114>>16u) & 255u)), f32((v_114>>24u)));
    let v_116 : u32 = (((((v_101)[0]>>6u) & 50529027u) | (((v_101)[1]>>4u) & 202116108u)) | (((v_102)[0]>>2u) & 808464432u));
    let v_117 : vec4<f32> = vec4<f32>(f32(((v_116>>0u) & 255u)), f32(((v_116>>8u) & 255u)), f32(((v_116>>16u) & 255u)), f32((v_116>>24u)));
    let v_118 : u32 = (((((v_102)[1]>>6u) & 50529027u) | (((v_103)[0]>>4u) & 202116108u)) | (((v_103)[1]>>2u) & 808464432u));
    let v_119 : vec4<f32> = vec4<f32>(f32(((v_118>>0u) & 255u)), f32(((v_118>>8u) & 255u)), f32(((v_118>>16u) & 255u)), f32((v_118>>24u)));
    v_20[0i] = 0.000000e+00f;
    v_21[0i] = 0.000000e+00f;
    let v_120 : i32 = i32((u32((v_58 * 2i)) / u32(group_halves)));
    if (integer_scales != 0i) {
      let v_121 : i32 = i32((u32(v_120) / u32(super_groups)));
      let v_122 : i32 = (v_120 - (v_121 * super_groups));
      let v_123 : i32 = (((v_51 * supers) + v_121) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
      let v_124 : i32 = (v_122 * ((minimum + 1i) * scale_bits));
      let v_125 : u32 = (w_scale_ptr[(((v_123 + minimum) + (v_124>>5u)) + 1i)]>>u32((v_124 & 31i)));
      v_20[0i] = (bitcast<f32>(w_scale_ptr[v_123]) * select(f32((v_125 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_125<<24u))>>24u)), (signed_scales != 0i)));
      if (minimum != 0i) {
        let v_126 : u32 = (v_125>>u32(scale_bits));
        v_21[0i] = (bitcast<f32>(w_scale_ptr[(v_123 + 1i)]) * select(f32((v_126 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_126<<24u))>>24u)), (signed_scales != 0i)));
      }
    } else {
      let v_127 : i32 = (((v_51 * groups) + v_120) * (minimum + 1i));
      if (float32_scales != 0i) {
        v_20[0i] = bitcast<f32>(w_scale_ptr[v_127]);
        if (minimum != 0i) {
          v_21[0i] = bitcast<f32>(w_scale_ptr[(v_127 + 1i)]);
        }
      } else {
        let v_128 : u32 = w_scale_ptr[(v_127>>1u)];
        v_20[0i] = select((unpack2x16float((v_128>>u32(((v_127 & 1i) * 16i)))))[0], bitcast<f32>(((v_128>>u32(((v_127 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
        if (minimum != 0i) {
          v_21[0i] = select((unpack2x16float(v_128))[1], bitcast<f32>((v_128 & 4294901760u)), (bfloat_scales != 0i));
        }
      }
    }
    if (minimum == 0i) {
      v_21[0i] = (v_20[0i] * (0.000000e+00f - f32(zero)));
    }
    let v_129 : f32 = v_20[0i];
    let v_130 : f32 = v_21[0i];
    if (narrow != 0i) {
      let v_131 : i32 = ((v_58 * 2i) + 1i);
      v_22[0i] = 0.000000e+00f;
      v_23[0i] = 0.000000e+00f;
      let v_132 : i32 = v_131;
      if (integer_scales != 0i) {
        let v_133 : i32 = i32((u32(v_132) / u32(super_groups)));
        let v_134 : i32 = (v_132 - (v_133 * super_groups));
        let v_135 : i32 = (((v_51 * supers) + v_133) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
        let v_136 : i32 = (v_134 * ((minimum + 1i) * scale_bits));
        let v_137 : u32 = (w_scale_ptr[(((v_135 + minimum) + (v_136>>5u)) + 1i)]>>u32((v_136 & 31i)));
        v_22[0i] = (bitcast<f32>(w_scale_ptr[v_135]) * select(f32((v_137 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_137<<24u))>>24u)), (signed_scales != 0i)));
        if (minimum != 0i) {
          let v_138 : u32 = (v_137>>u32(scale_bits));
          v_23[0i] = (bitcast<f32>(w_scale_ptr[(v_135 + 1i)]) * select(f32((v_138 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_138<<24u))>>24u)), (signed_scales != 0i)));
        }
      } else {
        let v_139 : i32 = (((v_51 * groups) + v_132) * (minimum + 1i));
        if (float32_scales != 0i) {
          v_22[0i] = bitcast<f32>(w_scale_ptr[v_139]);
          if (minimum != 0i) {
            v_23[0i] = bitcast<f32>(w_scale_ptr[(v_139 + 1i)]);
          }
        } else {
          let v_140 : u32 = w_scale_ptr[(v_139>>1u)];
          v_22[0i] = select((unpack2x16float((v_140>>u32(((v_139 & 1i) * 16i)))))[0], bitcast<f32>(((v_140>>u32(((v_139 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
          if (minimum != 0i) {
            v_23[0i] = select((unpack2x16float(v_140))[1], bitcast<f32>((v_140 & 4294901760u)), (bfloat_scales != 0i));
          }
        }
      }
      if (minimum == 0i) {
        v_23[0i] = (v_22[0i] * (0.000000e+00f - f32(zero)));
      }
      v_20[0i] = v_22[0i];
      v_21[0i] = v_23[0i];
    }
    let v_141 : f32 = v_20[0i];
    let v_142 : f32 = v_21[0i];
    let v_143 : vec2<u32> = w_ptr[((v_58 * 3i) + ((v_52 * chunks) * 3i))];
    let v_144 : vec2<u32> = w_ptr[((v_58 * 3i) + (((v_52 * chunks) * 3i) + 1i))];
    let v_145 : vec2<u32> = w_ptr[((v_58 * 3i) + (((v_52 * chunks) * 3i) + 2i))];
    let v_146 : u32 = ((v_143)[0] & 1061109567u);
    let v_147 : vec4<f32> = vec4<f32>(f32(((v_146>>0u) & 255u)), f32(((v_146>>8u) & 255u)), f32(((v_146>>16u) & 255u)), f32((v_146>>24u)));
    let v_148 : u32 = ((v_143)[1] & 1061109567u);
    let v_149 : vec4<f32> = vec4<f32>(f32(((v_148>>0u) & 255u)), f32(((v_148>>8u) & 255u)), f32(((v_148>>16u) & 255u)), f32((v_148>>24u)));
    let v_150 : u32 = ((v_144)[0] & 1061109567u);
    let v_151 : vec4<f32> = vec4<f32>(f32(((v_150>>0u) & 255u)), f32(((v_150>>8u) & 255u)), f32(((v_150>>16u) & 255u)), f32((v_150>>24u)));
    let v_152 : u32 = ((v_144)[1] & 1061109567u);
    let v_153 : vec4<f32> = vec4<f32>(f32(((v_152>>0u) & 255u)), f32(((v_152>>8u) & 255u)), f32(((v_152>>16u) & 255u)), f32((v_152>>24u)));
    let v_154 : u32 = ((v_145)[0] & 1061109567u);
    let v_155 : vec4<f32> = vec4<f32>(f32(((v_154>>0u) & 255u)), f32(((v_154>>8u) & 255u)), f32(((v_154>>16u) & 255u)), f32((v_154>>24u)));
    let v_156 : u32 = ((v_145)[1] & 1061109567u);
    let v_157 : vec4<f32> = vec4<f32>(f32(((v_156>>0u) & 255u)), f32(((v_156>>8u) & 255u)), f32(((v_156>>16u) & 255u)), f32((v_156>>24u)));
    let v_158 : u32 = (((((v_143)[0]>>6u) & 50529027u) | (((v_143)[1]>>4u) & 202116108u)) | (((v_144)[0]>>2u) & 808464432u));
    let v_159 : vec4<f32> = vec4<f32>(f32(((v_158>>0u) & 255u)), f32(((v_158>>8u) & 255u)), f32(((v_158>>16u) & 255u)), f32((v_158>>24u)));
    let v_160 : u32 = (((((v_144)[1]>>6u) & 50529027u) | (((v_145)[0]>>4u) & 202116108u)) | (((v_145)[1]>>2u) & 808464432u));
    let v_161 : vec4<f32> = vec4<f32>(f32(((v_160>>0u) & 255u)), f32(((v_160>>8u) & 255u)), f32(((v_160>>16u) & 255u)), f32((v_160>>24u)));
    v_24[0i] = 0.000000e+00f;
    v_25[0i] = 0.000000e+00f;
    let v_162 : i32 = i32((u32((v_58 * 2i)) / u32(group_halves)));
    if (integer_scales != 0i) {
      let v_163 : i32 = i32((u32(v_162) / u32(super_groups)));
      let v_164 : i32 = (v_162 - (v_163 * super_groups));
      let v_165 : i32 = (((v_52 * supers) + v_163) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
      let v_166 : i32 = (v_164 * ((minimum + 1i) * scale_bits));
      let v_167 : u32 = (w_scale_ptr[(((v_165 + minimum) + (v_166>>5u)) + 1i)]>>u32((v_166 & 31i)));
      v_24[0i] = (bitcast<f32>(w_scale_ptr[v_165]) * select(f32((v_167 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_167<<24u))>>24u)), (signed_scales != 0i)));
      if (minimum != 0i) {
        let v_168 : u32 = (v_167>>u32(scale_bits));
        v_25[0i] = (bitcast<f32>(w_scale_ptr[(v_165 + 1i)]) * select(f32((v_168 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_168<<24u))>>24u)), (signed_scales != 0i)));
      }
    } else {
      let v_169 : i32 = (((v_52 * groups) + v_162) * (minimum + 1i));
      if (float32_scales != 0i) {
        v_24[0i] = bitcast<f32>(w_scale_ptr[v_169]);
        if (minimum != 0i) {
          v_25[0i] = bitcast<f32>(w_scale_ptr[(v_169 + 1i)]);
        }
      } else {
        let v_170 : u32 = w_scale_ptr[(v_169>>1u)];
        v_24[0i] = select((unpack2x16float((v_170>>u32(((v_169 & 1i) * 16i)))))[0], bitcast<f32>(((v_170>>u32(((v_169 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
        if (minimum != 0i) {
          v_25[0i] = select((unpack2x16float(v_170))[1], bitcast<f32>((v_170 & 4294901760u)), (bfloat_scales != 0i));
        }
      }
    }
    if (minimum == 0i) {
      v_25[0i] = (v_24[0i] * (0.000000e+00f - f32(zero)));
    }
    let v_171 : f32 = v_24[0i];
    let v_172 : f32 = v_25[0i];
    if (narrow != 0i) {
      let v_173 : i32 = ((v_58 * 2i) + 1i);
      v_26[0i] = 0.000000e+00f;
      v_27[0i] = 0.000000e+00f;
      let v_174 : i32 = v_173;
      if (integer_scales != 0i) {
        let v_175 : i32 = i32((u32(v_174) / u32(super_groups)));
        let v_176 : i32 = (v_174 - (v_175 * super_groups));
        let v_177 : i32 = (((v_52 * supers) + v_175) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
        let v_178 : i32 = (v_176 * ((minimum + 1i) * scale_bits));
        let v_179 : u32 = (w_scale_ptr[(((v_177 + minimum) + (v_178>>5u)) + 1i)]>>u32((v_178 & 31i)));
        v_26[0i] = (bitcast<f32>(w_scale_ptr[v_177]) * select(f32((v_179 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_179<<24u))>>24u)), (signed_scales != 0i)));
        if (minimum != 0i) {
          let v_180 : u32 = (v_179>>u32(scale_bits));
          v_27[0i] = (bitcast<f32>(w_scale_ptr[(v_177 + 1i)]) * select(f32((v_180 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_180<<24u))>>24u)), (signed_scales != 0i)));
        }
      } else {
        let v_181 : i32 = (((v_52 * groups) + v_174) * (minimum + 1i));
        if (float32_scales != 0i) {
          v_26[0i] = bitcast<f32>(w_scale_ptr[v_181]);
          if (minimum != 0i) {
            v_27[0i] = bitcast<f32>(w_scale_ptr[(v_181 + 1i)]);
          }
        } else {
          let v_182 : u32 = w_scale_ptr[(v_181>>1u)];
          v_26[0i] = select((unpack2x16float((v_182>>u32(((v_181 & 1i) * 16i)))))[0], bitcast<f32>(((v_182>>u32(((v_181 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
          if (minimum != 0i) {
            v_27[0i] = select((unpack2x16float(v_182))[1], bitcast<f32>((v_182 & 4294901760u)), (bfloat_scales != 0i));
          }
        }
      }
      if (minimum == 0i) {
        v_27[0i] = (v_26[0i] * (0.000000e+00f - f32(zero)));
      }
      v_24[0i] = v_26[0i];
      v_25[0i] = v_27[0i];
    }
    let v_183 : f32 = v_24[0i];
    let v_184 : f32 = v_25[0i];
    let v_185 : vec2<u32> = w_ptr[((v_58 * 3i) + ((v_53 * chunks) * 3i))];
    let v_186 : vec2<u32> = w_ptr[((v_58 * 3i) + (((v_53 * chunks) * 3i) + 1i))];
    let v_187 : vec2<u32> = w_ptr[((v_58 * 3i) + (((v_53 * chunks) * 3i) + 2i))];
    let v_188 : u32 = ((v_185)[0] & 1061109567u);
    let v_189 : vec4<f32> = vec4<f32>(f32(((v_188>>0u) & 255u)), f32(((v_188>>8u) & 255u)), f32(((v_188>>16u) & 255u)), f32((v_188>>24u)));
    let v_190 : u32 = ((v_185)[1] & 1061109567u);
    let v_191 : vec4<f32> = vec4<f32>(f32(((v_190>>0u) & 255u)), f32(((v_190>>8u) & 255u)), f32(((v_190>>16u) & 255u)), f32((v_190>>24u)));
    let v_192 : u32 = ((v_186)[0] & 1061109567u);
    let v_193 : vec4<f32> = vec4<f32>(f32(((v_192>>0u) & 255u)), f32(((v_192>>8u) & 255u)), f32(((v_192>>16u) & 255u)), f32((v_192>>24u)));
    let v_194 : u32 = ((v_186)[1] & 1061109567u);
    let v_195 : vec4<f32> = vec4<f32>(f32(((v_194>>0u) & 255u)), f32(((v_194>>8u) & 255u)), f32(((v_194>>16u) & 255u)), f32((v_194>>24u)));
    let v_196 : u32 = ((v_187)[0] & 1061109567u);
    let v_197 : vec4<f32> = vec4<f32>(f32(((v_196>>0u) & 255u)), f32(((v_196>>8u) & 255u)), f32(((v_196>>16u) & 255u)), f32((v_196>>24u)));
    let v_198 : u32 = ((v_187)[1] & 1061109567u);
    let v_199 : vec4<f32> = vec4<f32>(f32(((v_198>>0u) & 255u)), f32(((v_198>>8u) & 255u)), f32(((v_198>>16u) & 255u)), f32((v_198>>24u)));
    let v_200 : u32 = (((((v_185)[0]>>6u) & 50529027u) | (((v_185)[1]>>4u) & 202116108u)) | (((v_186)[0]>>2u) & 808464432u));
    let v_201 : vec4<f32> = vec4<f32>(f32(((v_200>>0u) & 255u)), f32(((v_200>>8u) & 255u)), f32(((v_200>>16u) & 255u)), f32((v_200>>24u)));
    let v_202 : u32 = (((((v_186)[1]>>6u) & 50529027u) | (((v_187)[0]>>4u) & 202116108u)) | (((v_187)[1]>>2u) & 808464432u));
    let v_203 : vec4<f32> = vec4<f32>(f32(((v_202>>0u) & 255u)), f32(((v_202>>8u) & 255u)), f32(((v_202>>16u) & 255u)), f32((v_202>>24u)));
    v_28[0i] = 0.000000e+00f;
    v_29[0i] = 0.000000e+00f;
    let v_204 : i32 = i32((u32((v_58 * 2i)) / u32(group_halves)));
    if (integer_scales != 0i) {
      let v_205 : i32 = i32((u32(v_204) / u32(super_groups)));
      let v_206 : i32 = (v_204 - (v_205 * super_groups));
      let v_207 : i32 = (((v_53 * supers) + v_205) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
      let v_208 : i32 = (v_206 * ((minimum + 1i) * scale_bits));
      let v_209 : u32 = (w_scale_ptr[(((v_207 + minimum) + (v_208>>5u)) + 1i)]>>u32((v_208 & 31i)));
      v_28[0i] = (bitcast<f32>(w_scale_ptr[v_207]) * select(f32((v_209 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_209<<24u))>>24u)), (signed_scales != 0i)));
      if (minimum != 0i) {
        let v_210 : u32 = (v_209>>u32(scale_bits));
        v_29[0i] = (bitcast<f32>(w_scale_ptr[(v_207 + 1i)]) * select(f32((v_210 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_210<<24u))>>24u)), (signed_scales != 0i)));
      }
    } else {
      let v_211 : i32 = (((v_53 * groups) + v_204) * (minimum + 1i));
      if (float32_scales != 0i) {
        v_28[0i] = bitcast<f32>(w_scale_ptr[v_211]);
        if (minimum != 0i) {
          v_29[0i] = bitcast<f32>(w_scale_ptr[(v_211 + 1i)]);
        }
      } else {
        let v_212 : u32 = w_scale_ptr[(v_211>>1u)];
        v_28[0i] = select((unpack2x16float((v_212>>u32(((v_211 & 1i) * 16i)))))[0], bitcast<f32>(((v_212>>u32(((v_211 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
        if (minimum != 0i) {
          v_29[0i] = select((unpack2x16float(v_212))[1], bitcast<f32>((v_212 & 4294901760u)), (bfloat_scales != 0i));
        }
      }
    }
    if (minimum == 0i) {
      v_29[0i] = (v_28[0i] * (0.000000e+00f - f32(zero)));
    }
    let v_213 : f32 = v_28[0i];
    let v_214 : f32 = v_29[0i];
    if (narrow != 0i) {
      let v_215 : i32 = ((v_58 * 2i) + 1i);
      v_30[0i] = 0.000000e+00f;
      v_31[0i] = 0.000000e+00f;
      let v_216 : i32 = v_215;
      if (integer_scales != 0i) {
        let v_217 : i32 = i32((u32(v_216) / u32(super_groups)));
        let v_218 : i32 = (v_216 - (v_217 * super_groups));
        let v_219 : i32 = (((v_53 * supers) + v_217) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
        let v_220 : i32 = (v_218 * ((minimum + 1i) * scale_bits));
        let v_221 : u32 = (w_scale_ptr[(((v_219 + minimum) + (v_220>>5u)) + 1i)]>>u32((v_220 & 31i)));
        v_30[0i] = (bitcast<f32>(w_scale_ptr[v_219]) * select(f32((v_221 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_221<<24u))>>24u)), (signed_scales != 0i)));
        if (minimum != 0i) {
          let v_222 : u32 = (v_221>>u32(scale_bits));
          v_31[0i] = (bitcast<f32>(w_scale_ptr[(v_219 + 1i)]) * select(f32((v_222 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_222<<24u))>>24u)), (signed_scales != 0i)));
        }
      } else {
        let v_223 : i32 = (((v_53 * groups) + v_216) * (minimum + 1i));
        if (float32_scales != 0i) {
          v_30[0i] = bitcast<f32>(w_scale_ptr[v_223]);
          if (minimum != 0i) {
            v_31[0i] = bitcast<f32>(w_scale_ptr[(v_223 + 1i)]);
          }
        } else {
          let v_224 : u32 = w_scale_ptr[(v_223>>1u)];
          v_30[0i] = select((unpack2x16float((v_224>>u32(((v_223 & 1i) * 16i)))))[0], bitcast<f32>(((v_224>>u32(((v_223 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
          if (minimum != 0i) {
            v_31[0i] = select((unpack2x16float(v_224))[1], bitcast<f32>((v_224 & 4294901760u)), (bfloat_scales != 0i));
          }
        }
      }
      if (minimum == 0i) {
        v_31[0i] = (v_30[0i] * (0.000000e+00f - f32(zero)));
      }
      v_28[0i] = v_30[0i];
      v_29[0i] = v_31[0i];
    }
    let v_225 : f32 = v_28[0i];
    let v_226 : f32 = v_29[0i];
    let v_227 : vec4<f32> = select(x_ptr[((v_54 * quads) + select((v_58 * 8i), min((v_58 * 8i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && ((v_58 * 8i) >= quads)));
    let v_228 : vec4<f32> = select(x_ptr[((v_54 * quads) + select(((v_58 * 8i) + 1i), min(((v_58 * 8i) + 1i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 1i) >= quads)));
    let v_229 : vec4<f32> = select(x_ptr[((v_54 * quads) + select(((v_58 * 8i) + 2i), min(((v_58 * 8i) + 2i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 2i) >= quads)));
    let v_230 : vec4<f32> = select(x_ptr[((v_54 * quads) + select(((v_58 * 8i) + 3i), min(((v_58 * 8i) + 3i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 3i) >= quads)));
    let v_231 : vec4<f32> = select(x_ptr[((v_54 * quads) + select(((v_58 * 8i) + 4i), min(((v_58 * 8i) + 4i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 4i) >= quads)));
    let v_232 : vec4<f32> = select(x_ptr[((v_54 * quads) + select(((v_58 * 8i) + 5i), min(((v_58 * 8i) + 5i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 5i) >= quads)));
    let v_233 : vec4<f32> = select(x_ptr[((v_54 * quads) + select(((v_58 * 8i) + 6i), min(((v_58 * 8i) + 6i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 6i) >= quads)));
    let v_234 : vec4<f32> = select(x_ptr[((v_54 * quads) + select(((v_58 * 8i) + 7i), min(((v_58 * 8i) + 7i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 7i) >= quads)));
    let v_235 : f32 = dot((((v_227 + v_228) + v_229) + v_230), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    let v_236 : f32 = dot((((v_231 + v_232) + v_233) + v_234), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v[0i] = (v[0i] + (fma(v_88, v_235, ((((dot(v_227, v_63) + dot(v_228, v_65)) + dot(v_229, v_67)) + dot(v_230, v_69)) * v_87)) + fma(v_100, v_236, ((((dot(v_231, v_71) + dot(v_232, v_73)) + dot(v_233, v_75)) + dot(v_234, v_77)) * v_99))));
    v_1[0i] = (v_1[0i] + (fma(v_130, v_235, ((((dot(v_227, v_105) + dot(v_228, v_107)) + dot(v_229, v_109)) + dot(v_230, v_111)) * v_129)) + fma(v_142, v_236, ((((dot(v_231, v_113) + dot(v_232, v_115)) + dot(v_233, v_117)) + dot(v_234, v_119)) * v_141))));
    v_2[0i] = (v_2[0i] + (fma(v_172, v_235, ((((dot(v_227, v_147) + dot(v_228, v_149)) + dot(v_229, v_151)) + dot(v_230, v_153)) * v_171)) + fma(v_184, v_236, ((((dot(v_231, v_155) + dot(v_232, v_157)) + dot(v_233, v_159)) + dot(v_234, v_161)) * v_183))));
    v_3[0i] = (v_3[0i] + (fma(v_214, v_235, ((((dot(v_227, v_189) + dot(v_228, v_191)) + dot(v_229, v_193)) + dot(v_230, v_195)) * v_213)) + fma(v_226, v_236, ((((dot(v_231, v_197) + dot(v_232, v_199)) + dot(v_233, v_201)) + dot(v_234, v_203)) * v_225))));
    let v_237 : vec4<f32> = select(x_ptr[((v_55 * quads) + select((v_58 * 8i), min((v_58 * 8i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && ((v_58 * 8i) >= quads)));
    let v_238 : vec4<f32> = select(x_ptr[((v_55 * quads) + select(((v_58 * 8i) + 1i), min(((v_58 * 8i) + 1i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 1i) >= quads)));
    let v_239 : vec4<f32> = select(x_ptr[((v_55 * quads) + select(((v_58 * 8i) + 2i), min(((v_58 * 8i) + 2i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 2i) >= quads)));
    let v_240 : vec4<f32> = select(x_ptr[((v_55 * quads) + select(((v_58 * 8i) + 3i), min(((v_58 * 8i) + 3i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 3i) >= quads)));
    let v_241 : vec4<f32> = select(x_ptr[((v_55 * quads) + select(((v_58 * 8i) + 4i), min(((v_58 * 8i) + 4i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 4i) >= quads)));
    let v_242 : vec4<f32> = select(x_ptr[((v_55 * quads) + select(((v_58 * 8i) + 5i), min(((v_58 * 8i) + 5i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 5i) >= quads)));
    let v_243 : vec4<f32> = select(x_ptr[((v_55 * quads) + select(((v_58 * 8i) + 6i), min(((v_58 * 8i) + 6i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 6i) >= quads)));
    let v_244 : vec4<f32> = select(x_ptr[((v_55 * quads) + select(((v_58 * 8i) + 7i), min(((v_58 * 8i) + 7i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 7i) >= quads)));
    let v_245 : f32 = dot((((v_237 + v_238) + v_239) + v_240), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    let v_246 : f32 = dot((((v_241 + v_242) + v_243) + v_244), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_4[0i] = (v_4[0i] + (fma(v_88, v_245, ((((dot(v_237, v_63) + dot(v_238, v_65)) + dot(v_239, v_67)) + dot(v_240, v_69)) * v_87)) + fma(v_100, v_246, ((((dot(v_241, v_71) + dot(v_242, v_73)) + dot(v_243, v_75)) + dot(v_244, v_77)) * v_99))));
    v_5[0i] = (v_5[0i] + (fma(v_130, v_245, ((((dot(v_237, v_105) + dot(v_238, v_107)) + dot(v_239, v_109)) + dot(v_240, v_111)) * v_129)) + fma(v_142, v_246, ((((dot(v_241, v_113) + dot(v_242, v_115)) + dot(v_243, v_117)) + dot(v_244, v_119)) * v_141))));
    v_6[0i] = (v_6[0i] + (fma(v_172, v_245, ((((dot(v_237, v_147) + dot(v_238, v_149)) + dot(v_239, v_151)) + dot(v_240, v_153)) * v_171)) + fma(v_184, v_246, ((((dot(v_241, v_155) + dot(v_242, v_157)) + dot(v_243, v_159)) + dot(v_244, v_161)) * v_183))));
    v_7[0i] = (v_7[0i] + (fma(v_214, v_245, ((((dot(v_237, v_189) + dot(v_238, v_191)) + dot(v_239, v_193)) + dot(v_240, v_195)) * v_213)) + fma(v_226, v_246, ((((dot(v_241, v_197) + dot(v_242, v_199)) + dot(v_243, v_201)) + dot(v_244, v_203)) * v_225))));
    let v_247 : vec4<f32> = select(x_ptr[((v_56 * quads) + select((v_58 * 8i), min((v_58 * 8i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && ((v_58 * 8i) >= quads)));
    let v_248 : vec4<f32> = select(x_ptr[((v_56 * quads) + select(((v_58 * 8i) + 1i), min(((v_58 * 8i) + 1i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 1i) >= quads)));
    let v_249 : vec4<f32> = select(x_ptr[((v_56 * quads) + select(((v_58 * 8i) + 2i), min(((v_58 * 8i) + 2i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 2i) >= quads)));
    let v_250 : vec4<f32> = select(x_ptr[((v_56 * quads) + select(((v_58 * 8i) + 3i), min(((v_58 * 8i) + 3i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 3i) >= quads)));
    let v_251 : vec4<f32> = select(x_ptr[((v_56 * quads) + select(((v_58 * 8i) + 4i), min(((v_58 * 8i) + 4i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 4i) >= quads)));
    let v_252 : vec4<f32> = select(x_ptr[((v_56 * quads) + select(((v_58 * 8i) + 5i), min(((v_58 * 8i) + 5i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 5i) >= quads)));
    let v_253 : vec4<f32> = select(x_ptr[((v_56 * quads) + select(((v_58 * 8i) + 6i), min(((v_58 * 8i) + 6i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 6i) >= quads)));
    let v_254 : vec4<f32> = select(x_ptr[((v_56 * quads) + select(((v_58 * 8i) + 7i), min(((v_58 * 8i) + 7i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 7i) >= quads)));
    let v_255 : f32 = dot((((v_247 + v_248) + v_249) + v_250), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    let v_256 : f32 = dot((((v_251 + v_252) + v_253) + v_254), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_8[0i] = (v_8[0i] + (fma(v_88, v_255, ((((dot(v_247, v_63) + dot(v_248, v_65)) + dot(v_249, v_67)) + dot(v_250, v_69)) * v_87)) + fma(v_100, v_256, ((((dot(v_251, v_71) + dot(v_252, v_73)) + dot(v_253, v_75)) + dot(v_254, v_77)) * v_99))));
    v_9[0i] = (v_9[0i] + (fma(v_130, v_255, ((((dot(v_247, v_105) + dot(v_248, v_107)) + dot(v_249, v_109)) + dot(v_250, v_111)) * v_129)) + fma(v_142, v_256, ((((dot(v_251, v_113) + dot(v_252, v_115)) + dot(v_253, v_117)) + dot(v_254, v_119)) * v_141))));
    v_10[0i] = (v_10[0i] + (fma(v_172, v_255, ((((dot(v_247, v_147) + dot(v_248, v_149)) + dot(v_249, v_151)) + dot(v_250, v_153)) * v_171)) + fma(v_184, v_256, ((((dot(v_251, v_155) + dot(v_252, v_157)) + dot(v_253, v_159)) + dot(v_254, v_161)) * v_183))));
    v_11[0i] = (v_11[0i] + (fma(v_214, v_255, ((((dot(v_247, v_189) + dot(v_248, v_191)) + dot(v_249, v_193)) + dot(v_250, v_195)) * v_213)) + fma(v_226, v_256, ((((dot(v_251, v_197) + dot(v_252, v_199)) + dot(v_253, v_201)) + dot(v_254, v_203)) * v_225))));
    let v_257 : vec4<f32> = select(x_ptr[((v_57 * quads) + select((v_58 * 8i), min((v_58 * 8i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && ((v_58 * 8i) >= quads)));
    let v_258 : vec4<f32> = select(x_ptr[((v_57 * quads) + select(((v_58 * 8i) + 1i), min(((v_58 * 8i) + 1i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 1i) >= quads)));
    let v_259 : vec4<f32> = select(x_ptr[((v_57 * quads) + select(((v_58 * 8i) + 2i), min(((v_58 * 8i) + 2i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 2i) >= quads)));
    let v_260 : vec4<f32> = select(x_ptr[((v_57 * quads) + select(((v_58 * 8i) + 3i), min(((v_58 * 8i) + 3i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 3i) >= quads)));
    let v_261 : vec4<f32> = select(x_ptr[((v_57 * quads) + select(((v_58 * 8i) + 4i), min(((v_58 * 8i) + 4i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 4i) >= quads)));
    let v_262 : vec4<f32> = select(x_ptr[((v_57 * quads) + select(((v_58 * 8i) + 5i), min(((v_58 * 8i) + 5i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 5i) >= quads)));
    let v_263 : vec4<f32> = select(x_ptr[((v_57 * quads) + select(((v_58 * 8i) + 6i), min(((v_58 * 8i) + 6i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 6i) >= quads)));
    let v_264 : vec4<f32> = select(x_ptr[((v_57 * quads) + select(((v_58 * 8i) + 7i), min(((v_58 * 8i) + 7i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (((v_58 * 8i) + 7i) >= quads)));
    let v_265 : f32 = dot((((v_257 + v_258) + v_259) + v_260), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    let v_266 : f32 = dot((((v_261 + v_262) + v_263) + v_264), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_12[0i] = (v_12[0i] + (fma(v_88, v_265, ((((dot(v_257, v_63) + dot(v_258, v_65)) + dot(v_259, v_67)) + dot(v_260, v_69)) * v_87)) + fma(v_100, v_266, ((((dot(v_261, v_71) + dot(v_262, v_73)) + dot(v_263, v_75)) + dot(v_264, v_77)) * v_99))));
    v_13[0i] = (v_13[0i] + (fma(v_130, v_265, ((((dot(v_257, v_105) + dot(v_258, v_107)) + dot(v_259, v_109)) + dot(v_260, v_111)) * v_129)) + fma(v_142, v_266, ((((dot(v_261, v_113) + dot(v_262, v_115)) + dot(v_263, v_117)) + dot(v_264, v_119)) * v_141))));
    v_14[0i] = (v_14[0i] + (fma(v_172, v_265, ((((dot(v_257, v_147) + dot(v_258, v_149)) + dot(v_259, v_151)) + dot(v_260, v_153)) * v_171)) + fma(v_184, v_266, ((((dot(v_261, v_155) + dot(v_262, v_157)) + dot(v_263, v_159)) + dot(v_264, v_161)) * v_183))));
    v_15[0i] = (v_15[0i] + (fma(v_214, v_265, ((((dot(v_257, v_189) + dot(v_258, v_191)) + dot(v_259, v_193)) + dot(v_260, v_195)) * v_213)) + fma(v_226, v_266, ((((dot(v_261, v_197) + dot(v_262, v_199)) + dot(v_263, v_201)) + dot(v_264, v_203)) * v_225))));
  }
  if ((v_49 < podArgs.n) && select(bool(1), (v_48 < outputs), (tails != 0i))) {
    let v_267 : i32 = (v_48 + first_row);
    if (has_bias != 0i) {
      v[0i] = (v[0i] + bias_ptr[v_267]);
    }
    if (has_delta != 0i) {
      v[0i] = (v[0i] + delta_ptr[((v_49 * all_outputs) + v_267)]);
    }
    v_32[0i] = capped((activated(v[0i]) * scale));
    if (has_residual != 0i) {
      v_32[0i] = (v_32[0i] + residual_ptr[((v_49 * all_outputs) + v_267)]);
    }
    out_ptr[((v_49 * all_outputs) + v_267)] = v_32[0i];
  }
  if ((v_49 < podArgs.n) && select(bool(1), ((v_48 + 1i) < outputs), (tails != 0i))) {
    let v_268 : i32 = ((v_48 + 1i) + first_row);
    if (has_bias != 0i) {
      v_1[0i] = (v_1[0i] + bias_ptr[v_268]);
    }
    if (has_delta != 0i) {
      v_1[0i] = (v_1[0i] + delta_ptr[((v_49 * all_outputs) + v_268)]);
    }
    v_33[0i] = capped((activated(v_1[0i]) * scale));
    if (has_residual != 0i) {
      v_33[0i] = (v_33[0i] + residual_ptr[((v_49 * all_outputs) + v_268)]);
    }
    out_ptr[((v_49 * all_outputs) + v_268)] = v_33[0i];
  }
  if ((v_49 < podArgs.n) && select(bool(1), ((v_48 + 2i) < outputs), (tails != 0i))) {
    let v_269 : i32 = ((v_48 + 2i) + first_row);
    if (has_bias != 0i) {
      v_2[0i] = (v_2[0i] + bias_ptr[v_269]);
    }
    if (has_delta != 0i) {
      v_2[0i] = (v_2[0i] + delta_ptr[((v_49 * all_outputs) + v_269)]);
    }
    v_34[0i] = capped((activated(v_2[0i]) * scale));
    if (has_residual != 0i) {
      v_34[0i] = (v_34[0i] + residual_ptr[((v_49 * all_outputs) + v_269)]);
    }
    out_ptr[((v_49 * all_outputs) + v_269)] = v_34[0i];
  }
  if ((v_49 < podArgs.n) && select(bool(1), ((v_48 + 3i) < outputs), (tails != 0i))) {
    let v_270 : i32 = ((v_48 + 3i) + first_row);
    if (has_bias != 0i) {
      v_3[0i] = (v_3[0i] + bias_ptr[v_270]);
    }
    if (has_delta != 0i) {
      v_3[0i] = (v_3[0i] + delta_ptr[((v_49 * all_outputs) + v_270)]);
    }
    v_35[0i] = capped((activated(v_3[0i]) * scale));
    if (has_residual != 0i) {
      v_35[0i] = (v_35[0i] + residual_ptr[((v_49 * all_outputs) + v_270)]);
    }
    out_ptr[((v_49 * all_outputs) + v_270)] = v_35[0i];
  }
  if (((v_49 + 1i) < podArgs.n) && select(bool(1), (v_48 < outputs), (tails != 0i))) {
    let v_271 : i32 = (v_48 + first_row);
    if (has_bias != 0i) {
      v_4[0i] = (v_4[0i] + bias_ptr[v_271]);
    }
    if (has_delta != 0i) {
      v_4[0i] = (v_4[0i] + delta_ptr[(((v_49 + 1i) * all_outputs) + v_271)]);
    }
    v_36[0i] = capped((activated(v_4[0i]) * scale));
    if (has_residual != 0i) {
      v_36[0i] = (v_36[0i] + residual_ptr[(((v_49 + 1i) * all_outputs) + v_271)]);
    }
    out_ptr[(((v_49 + 1i) * all_outputs) + v_271)] = v_36[0i];
  }
  if (((v_49 + 1i) < podArgs.n) && select(bool(1), ((v_48 + 1i) < outputs), (tails != 0i))) {
    let v_272 : i32 = ((v_48 + 1i) + first_row);
    if (has_bias != 0i) {
      v_5[0i] = (v_5[0i] + bias_ptr[v_272]);
    }
    if (has_delta != 0i) {
      v_5[0i] = (v_5[0i] + delta_ptr[(((v_49 + 1i) * all_outputs) + v_272)]);
    }
    v_37[0i] = capped((activated(v_5[0i]) * scale));
    if (has_residual != 0i) {
      v_37[0i] = (v_37[0i] + residual_ptr[(((v_49 + 1i) * all_outputs) + v_272)]);
    }
    out_ptr[(((v_49 + 1i) * all_outputs) + v_272)] = v_37[0i];
  }
  if (((v_49 + 1i) < podArgs.n) && select(bool(1), ((v_48 + 2i) < outputs), (tails != 0i))) {
    let v_273 : i32 = ((v_48 + 2i) + first_row);
    if (has_bias != 0i) {
      v_6[0i] = (v_6[0i] + bias_ptr[v_273]);
    }
    if (has_delta != 0i) {
      v_6[0i] = (v_6[0i] + delta_ptr[(((v_49 + 1i) * all_outputs) + v_273)]);
    }
    v_38[0i] = capped((activated(v_6[0i]) * scale));
    if (has_residual != 0i) {
      v_38[0i] = (v_38[0i] + residual_ptr[(((v_49 + 1i) * all_outputs) + v_273)]);
    }
    out_ptr[(((v_49 + 1i) * all_outputs) + v_273)] = v_38[0i];
  }
  if (((v_49 + 1i) < podArgs.n) && select(bool(1), ((v_48 + 3i) < outputs), (tails != 0i))) {
    let v_274 : i32 = ((v_48 + 3i) + first_row);
    if (has_bias != 0i) {
      v_7[0i] = (v_7[0i] + bias_ptr[v_274]);
    }
    if (has_delta != 0i) {
      v_7[0i] = (v_7[0i] + delta_ptr[(((v_49 + 1i) * all_outputs) + v_274)]);
    }
    v_39[0i] = capped((activated(v_7[0i]) * scale));
    if (has_residual != 0i) {
      v_39[0i] = (v_39[0i] + residual_ptr[(((v_49 + 1i) * all_outputs) + v_274)]);
    }
    out_ptr[(((v_49 + 1i) * all_outputs) + v_274)] = v_39[0i];
  }
  if (((v_49 + 2i) < podArgs.n) && select(bool(1), (v_48 < outputs), (tails != 0i))) {
    let v_275 : i32 = (v_48 + first_row);
    if (has_bias != 0i) {
      v_8[0i] = (v_8[0i] + bias_ptr[v_275]);
    }
    if (has_delta != 0i) {
      v_8[0i] = (v_8[0i] + delta_ptr[(((v_49 + 2i) * all_outputs) + v_275)]);
    }
    v_40[0i] = capped((activated(v_8[0i]) * scale));
    if (has_residual != 0i) {
      v_40[0i] = (v_40[0i] + residual_ptr[(((v_49 + 2i) * all_outputs) + v_275)]);
    }
    out_ptr[(((v_49 + 2i) * all_outputs) + v_275)] = v_40[0i];
  }
  if (((v_49 + 2i) < podArgs.n) && select(bool(1), ((v_48 + 1i) < outputs), (tails != 0i))) {
    let v_276 : i32 = ((v_48 + 1i) + first_row);
    if (has_bias != 0i) {
      v_9[0i] = (v_9[0i] + bias_ptr[v_276]);
    }
    if (has_delta != 0i) {
      v_9[0i] = (v_9[0i] + delta_ptr[(((v_49 + 2i) * all_outputs) + v_276)]);
    }
    v_41[0i] = capped((activated(v_9[0i]) * scale));
    if (has_residual != 0i) {
      v_41[0i] = (v_41[0i] + residual_ptr[(((v_49 + 2i) * all_outputs) + v_276)]);
    }
    out_ptr[(((v_49 + 2i) * all_outputs) + v_276)] = v_41[0i];
  }
  if (((v_49 + 2i) < podArgs.n) && select(bool(1), ((v_48 + 2i) < outputs), (tails != 0i))) {
    let v_277 : i32 = ((v_48 + 2i) + first_row);
    if (has_bias != 0i) {
      v_10[0i] = (v_10[0i] + bias_ptr[v_277]);
    }
    if (has_delta != 0i) {
      v_10[0i] = (v_10[0i] + delta_ptr[(((v_49 + 2i) * all_outputs) + v_277)]);
    }
    v_42[0i] = capped((activated(v_10[0i]) * scale));
    if (has_residual != 0i) {
      v_42[0i] = (v_42[0i] + residual_ptr[(((v_49 + 2i) * all_outputs) + v_277)]);
    }
    out_ptr[(((v_49 + 2i) * all_outputs) + v_277)] = v_42[0i];
  }
  if (((v_49 + 2i) < podArgs.n) && select(bool(1), ((v_48 + 3i) < outputs), (tails != 0i))) {
    let v_278 : i32 = ((v_48 + 3i) + first_row);
    if (has_bias != 0i) {
      v_11[0i] = (v_11[0i] + bias_ptr[v_278]);
    }
    if (has_delta != 0i) {
      v_11[0i] = (v_11[0i] + delta_ptr[(((v_49 + 2i) * all_outputs) + v_278)]);
    }
    v_43[0i] = capped((activated(v_11[0i]) * scale));
    if (has_residual != 0i) {
      v_43[0i] = (v_43[0i] + residual_ptr[(((v_49 + 2i) * all_outputs) + v_278)]);
    }
    out_ptr[(((v_49 + 2i) * all_outputs) + v_278)] = v_43[0i];
  }
  if (((v_49 + 3i) < podArgs.n) && select(bool(1), (v_48 < outputs), (tails != 0i))) {
    let v_279 : i32 = (v_48 + first_row);
    if (has_bias != 0i) {
      v_12[0i] = (v_12[0i] + bias_ptr[v_279]);
    }
    if (has_delta != 0i) {
      v_12[0i] = (v_12[0i] + delta_ptr[(((v_49 + 3i) * all_outputs) + v_279)]);
    }
    v_44[0i] = capped((activated(v_12[0i]) * scale));
    if (has_residual != 0i) {
      v_44[0i] = (v_44[0i] + residual_ptr[(((v_49 + 3i) * all_outputs) + v_279)]);
    }
    out_ptr[(((v_49 + 3i) * all_outputs) + v_279)] = v_44[0i];
  }
  if (((v_49 + 3i) < podArgs.n) && select(bool(1), ((v_48 + 1i) < outputs), (tails != 0i))) {
    let v_280 : i32 = ((v_48 + 1i) + first_row);
    if (has_bias != 0i) {
      v_13[0i] = (v_13[0i] + bias_ptr[v_280]);
    }
    if (has_delta != 0i) {
      v_13[0i] = (v_13[0i] + delta_ptr[(((v_49 + 3i) * all_outputs) + v_280)]);
    }
    v_45[0i] = capped((activated(v_13[0i]) * scale));
    if (has_residual != 0i) {
      v_45[0i] = (v_45[0i] + residual_ptr[(((v_49 + 3i) * all_outputs) + v_280)]);
    }
    out_ptr[(((v_49 + 3i) * all_outputs) + v_280)] = v_45[0i];
  }
  if (((v_49 + 3i) < podArgs.n) && select(bool(1), ((v_48 + 2i) < outputs), (tails != 0i))) {
    let v_281 : i32 = ((v_48 + 2i) + first_row);
    if (has_bias != 0i) {
      v_14[0i] = (v_14[0i] + bias_ptr[v_281]);
    }
    if (has_delta != 0i) {
      v_14[0i] = (v_14[0i] + delta_ptr[(((v_49 + 3i) * all_outputs) + v_281)]);
    }
    v_46[0i] = capped((activated(v_14[0i]) * scale));
    if (has_residual != 0i) {
      v_46[0i] = (v_46[0i] + residual_ptr[(((v_49 + 3i) * all_outputs) + v_281)]);
    }
    out_ptr[(((v_49 + 3i) * all_outputs) + v_281)] = v_46[0i];
  }
  if (((v_49 + 3i) < podArgs.n) && select(bool(1), ((v_48 + 3i) < outputs), (tails != 0i))) {
    let v_282 : i32 = ((v_48 + 3i) + first_row);
    if (has_bias != 0i) {
      v_15[0i] = (v_15[0i] + bias_ptr[v_282]);
    }
    if (has_delta != 0i) {
      v_15[0i] = (v_15[0i] + delta_ptr[(((v_49 + 3i) * all_outputs) + v_282)]);
    }
    v_47[0i] = capped((activated(v_15[0i]) * scale));
    if (has_residual != 0i) {
      v_47[0i] = (v_47[0i] + residual_ptr[(((v_49 + 3i) * all_outputs) + v_282)]);
    }
    out_ptr[(((v_49 + 3i) * all_outputs) + v_282)] = v_47[0i];
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
