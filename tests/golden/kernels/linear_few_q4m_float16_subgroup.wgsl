// linear_few_q4m_float16_subgroup
enable subgroups;

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
override all_rows: i32;
override chunks: i32;
override first_row: i32;
override group_chunks: i32;
override groups: i32;
override has_bias: i32;
override has_delta: i32;
override has_residual: i32;
override is_gated: i32;
override lanes: i32;
override outputs: i32;
override padded: i32;
override quads: i32;
override ragged: i32;
override scale: f32;
override staging_steps: i32;
override steps: i32;
override tails: i32;
override team_outputs: i32;
override teams: i32;
override tiles: i32;
override activation: i32;
override softcap: f32;

var<workgroup> v_5 : array<vec4<f32>, 576>;
var<workgroup> v_6 : array<f32, 256>;
@compute @workgroup_size(128, 1, 1)
fn linear_few_q4m_float16_subgroup_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(subgroup_size) subgroupSize : u32,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<vec4<f32>, 1>;
  var v_1 : array<vec4<f32>, 1>;
  var v_2 : array<vec4<f32>, 1>;
  var v_3 : array<vec4<f32>, 1>;
  var v_4 : array<f32, 1>;
  var v_7 : array<vec4<f32>, 1>;
  var v_8 : array<vec4<f32>, 1>;
  var v_9 : array<vec4<f32>, 1>;
  var v_10 : array<vec4<f32>, 1>;
  var v_11 : array<vec4<f32>, 1>;
  var v_12 : array<vec4<f32>, 1>;
  var v_13 : array<vec4<f32>, 1>;
  var v_14 : array<vec4<f32>, 1>;
  var v_15 : array<vec4<f32>, 1>;
  var v_16 : array<vec4<f32>, 1>;
  var v_17 : array<f32, 1>;
  var v_18 : array<vec4<f32>, 1>;
  var v_19 : array<f32, 1>;
  var v_20 : array<f32, 1>;
  let v_21 : i32 = i32((u32(i32(threadIdx.x)) % u32(lanes)));
  let v_22 : i32 = i32((u32(i32(threadIdx.x)) / u32(lanes)));
  let v_23 : i32 = (((v__1 * teams) + v_22) * team_outputs);
  let v_24 : i32 = (select((v_23 + select(0i, 0i, (is_gated != 0i))), min((v_23 + select(0i, 0i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(0))));
  let v_25 : i32 = (select((v_23 + select(1i, 0i, (is_gated != 0i))), min((v_23 + select(1i, 0i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(1))));
  let v_26 : i32 = (select((v_23 + select(2i, 1i, (is_gated != 0i))), min((v_23 + select(2i, 1i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(0))));
  let v_27 : i32 = (select((v_23 + select(3i, 1i, (is_gated != 0i))), min((v_23 + select(3i, 1i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(1))));
  let v_28 : i32 = (i32(blockIdx.y) * 4i);
  v[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_1[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_2[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_3[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_4[0i] = 0.000000e+00f;
  for (var v_29 : i32 = 0i; v_29 < tiles; v_29++) {
    for (var v_30 : i32 = 0i; v_30 < staging_steps; v_30++) {
      let v_31 : i32 = ((v_30 * 128i) + i32(threadIdx.x));
      let v_32 : i32 = (v_31 & 63i);
      let v_33 : i32 = (((v_29 * 64i) + v_32) * 2i);
      if (((v_32 < 64i) && (v_33 < (chunks * 8i))) && (((v_31>>6u) < 4i) && ((v_28 + (v_31>>6u)) < podArgs.n))) {
        v_7[0i] = select(x_ptr[((((v_31>>6u) + v_28) * quads) + select(v_33, min(v_33, (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (v_33 >= quads)));
        v_8[0i] = select(x_ptr[((((v_31>>6u) + v_28) * quads) + select((v_33 + 1i), min((v_33 + 1i), (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && ((v_33 + 1i) >= quads)));
        let v_34 : i32 = (v_32 * 2i);
        let v_35 : i32 = ((((v_31>>6u) * 144i) + v_34) + (v_34>>3u));
        let v_36 : vec4<f32> = v_7[0i];
        let v_37 : vec4<f32> = v_8[0i];
        v_5[v_35] = vec4<f32>((v_36)[0], (v_36)[2], (v_37)[0], (v_37)[2]);
        v_5[(v_35 + 1i)] = vec4<f32>((v_36)[1], (v_36)[3], (v_37)[1], (v_37)[3]);
        v_6[(((v_31>>6u) * 64i) + v_32)] = dot((v_36 + v_37), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
      }
    }
    workgroupBarrier();
    for (var v_38 : i32 = 0i; v_38 < steps; v_38++) {
      let v_39 : i32 = ((v_38 * lanes) + v_21);
      let v_40 : i32 = ((v_29 * 16i) + v_39);
      if (select(bool(1), (v_40 < chunks), (ragged != 0i))) {
        let v_41 : vec4<u32> = w_ptr[((v_24 * chunks) + v_40)];
        let v_42 : i32 = ((v_24 * groups) + i32((u32(v_40) / u32(group_chunks))));
        let v_43 : u32 = w_scale_ptr[v_42];
        let v_44 : f32 = (unpack2x16float(v_43))[0];
        let v_45 : f32 = (unpack2x16float(v_43))[1];
        let v_46 : vec4<u32> = w_ptr[((v_25 * chunks) + v_40)];
        let v_47 : i32 = ((v_25 * groups) + i32((u32(v_40) / u32(group_chunks))));
        let v_48 : u32 = w_scale_ptr[v_47];
        let v_49 : f32 = (unpack2x16float(v_48))[0];
        let v_50 : f32 = (unpack2x16float(v_48))[1];
        let v_51 : vec4<u32> = w_ptr[((v_26 * chunks) + v_40)];
        let v_52 : i32 = ((v_26 * groups) + i32((u32(v_40) / u32(group_chunks))));
        let v_53 : u32 = w_scale_ptr[v_52];
        let v_54 : f32 = (unpack2x16float(v_53))[0];
        let v_55 : f32 = (unpack2x16float(v_53))[1];
        let v_56 : vec4<u32> = w_ptr[((v_27 * chunks) + v_40)];
        let v_57 : i32 = ((v_27 * groups) + i32((u32(v_40) / u32(group_chunks))));
        let v_58 : u32 = w_scale_ptr[v_57];
        let v_59 : f32 = (unpack2x16float(v_58))[0];
        let v_60 : f32 = (unpack2x16float(v_58))[1];
        let v_61 : i32 = ((v_39 * 8i) + ((v_39 * 8i)>>3u));
        v_9[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        v_10[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        v_11[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        v_12[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        let v_62 : u32 = ((v_41)[0] & 252645135u);
        let v_63 : vec4<f32> = bytes(v_62);
        let v_64 : u32 = ((v_46)[0] & 252645135u);
        let v_65 : vec4<f32> = bytes(v_64);
        let v_66 : u32 = ((v_51)[0] & 252645135u);
        let v_67 : vec4<f32> = bytes(v_66);
        let v_68 : u32 = ((v_56)[0] & 252645135u);
        let v_69 : vec4<f32> = bytes(v_68);
        let v_70 : vec4<f32> = v_5[v_61];
        v_9[0i] = rows_add(v_70, v_63, v_65, v_67, v_69, v_9[0i]);
        let v_71 : vec4<f32> = v_5[(v_61 + 144i)];
        v_10[0i] = rows_add(v_71, v_63, v_65, v_67, v_69, v_10[0i]);
        let v_72 : vec4<f32> = v_5[(v_61 + 288i)];
        v_11[0i] = rows_add(v_72, v_63, v_65, v_67, v_69, v_11[0i]);
        let v_73 : vec4<f32> = v_5[(v_61 + 432i)];
        v_12[0i] = rows_add(v_73, v_63, v_65, v_67, v_69, v_12[0i]);
        let v_74 : u32 = (((v_41)[0]>>4u) & 252645135u);
        let v_75 : vec4<f32> = bytes(v_74);
        let v_76 : u32 = (((v_46)[0]>>4u) & 252645135u);
        let v_77 : vec4<f32> = bytes(v_76);
        let v_78 : u32 = (((v_51)[0]>>4u) & 252645135u);
        let v_79 : vec4<f32> = bytes(v_78);
        let v_80 : u32 = (((v_56)[0]>>4u) & 252645135u);
        let v_81 : vec4<f32> = bytes(v_80);
        let v_82 : vec4<f32> = v_5[(v_61 + 1i)];
        v_9[0i] = rows_add(v_82, v_75, v_77, v_79, v_81, v_9[0i]);
        let v_83 : vec4<f32> = v_5[(v_61 + 145i)];
        v_10[0i] = rows_add(v_83, v_75, v_77, v_79, v_81, v_10[0i]);
        let v_84 : vec4<f32> = v_5[(v_61 + 289i)];
        v_11[0i] = rows_add(v_84, v_75, v_77, v_79, v_81, v_11[0i]);
        let v_85 : vec4<f32> = v_5[(v_61 + 433i)];
        v_12[0i] = rows_add(v_85, v_75, v_77, v_79, v_81, v_12[0i]);
        let v_86 : u32 = ((v_41)[1] & 252645135u);
        let v_87 : vec4<f32> = bytes(v_86);
        let v_88 : u32 = ((v_46)[1] & 252645135u);
        let v_89 : vec4<f32> = bytes(v_88);
        let v_90 : u32 = ((v_51)[1] & 252645135u);
        let v_91 : vec4<f32> = bytes(v_90);
        let v_92 : u32 = ((v_56)[1] & 252645135u);
        let v_93 : vec4<f32> = bytes(v_92);
        let v_94 : vec4<f32> = v_5[(v_61 + 2i)];
        v_9[0i] = rows_add(v_94, v_87, v_89, v_91, v_93, v_9[0i]);
        let v_95 : vec4<f32> = v_5[(v_61 + 146i)];
        v_10[0i] = rows_add(v_95, v_87, v_89, v_91, v_93, v_10[0i]);
        let v_96 : vec4<f32> = v_5[(v_61 + 290i)];
        v_11[0i] = rows_add(v_96, v_87, v_89, v_91, v_93, v_11[0i]);
        let v_97 : vec4<f32> = v_5[(v_61 + 434i)];
        v_12[0i] = rows_add(v_97, v_87, v_89, v_91, v_93, v_12[0i]);
        let v_98 : u32 = (((v_41)[1]>>4u) & 252645135u);
        let v_99 : vec4<f32> = bytes(v_98);
        let v_100 : u32 = (((v_46)[1]>>4u) & 252645135u);
        let v_101 : vec4<f32> = bytes(v_100);
        let v_102 : u32 = (((v_51)[1]>>4u) & 252645135u);
        let v_103 : vec4<f32> = bytes(v_102);
        let v_104 : u32 = (((v_56)[1]>>4u) & 252645135u);
        let v_105 : vec4<f32> = bytes(v_104);
        let v_106 : vec4<f32> = v_5[(v_61 + 3i)];
        v_9[0i] = rows_add(v_106, v_99, v_101, v_103, v_105, v_9[0i]);
        let v_107 : vec4<f32> = v_5[(v_61 + 147i)];
        v_10[0i] = rows_add(v_107, v_99, v_101, v_103, v_105, v_10[0i]);
        let v_108 : vec4<f32> = v_5[(v_61 + 291i)];
        v_11[0i] = rows_add(v_108, v_99, v_101, v_103, v_105, v_11[0i]);
        let v_109 : vec4<f32> = v_5[(v_61 + 435i)];
        v_12[0i] = rows_add(v_109, v_99, v_101, v_103, v_105, v_12[0i]);
        let v_110 : u32 = ((v_41)[2] & 252645135u);
        let v_111 : vec4<f32> = bytes(v_110);
        let v_112 : u32 = ((v_46)[2] & 252645135u);
        let v_113 : vec4<f32> = bytes(v_112);
        let v_114 : u32 = ((v_51)[2] & 252645135u);
        let v_115 : vec4<f32> = bytes(v_114);
        let v_116 : u32 = ((v_56)[2] & 252645135u);
        let v_117 : vec4<f32> = bytes(v_116);
        let v_118 : vec4<f32> = v_5[(v_61 + 4i)];
        v_9[0i] = rows_add(v_118, v_111, v_113, v_115, v_117, v_9[0i]);
        let v_119 : vec4<f32> = v_5[(v_61 + 148i)];
        v_10[0i] = rows_add(v_119, v_111, v_113, v_115, v_117, v_10[0i]);
        let v_120 : vec4<f32> = v_5[(v_61 + 292i)];
        v_11[0i] = rows_add(v_120, v_111, v_113, v_115, v_117, v_11[0i]);
        let v_121 : vec4<f32> = v_5[(v_61 + 436i)];
        v_12[0i] = rows_add(v_121, v_111, v_113, v_115, v_117, v_12[0i]);
        let v_122 : u32 = (((v_41)[2]>>4u) & 252645135u);
        let v_123 : vec4<f32> = bytes(v_122);
        let v_124 : u32 = (((v_46)[2]>>4u) & 252645135u);
        let v_125 : vec4<f32> = bytes(v_124);
        let v_126 : u32 = (((v_51)[2]>>4u) & 252645135u);
        let v_127 : vec4<f32> = bytes(v_126);
        let v_128 : u32 = (((v_56)[2]>>4u) & 252645135u);
        let v_129 : vec4<f32> = bytes(v_128);
        let v_130 : vec4<f32> = v_5[(v_61 + 5i)];
        v_9[0i] = rows_add(v_130, v_123, v_125, v_127, v_129, v_9[0i]);
        let v_131 : vec4<f32> = v_5[(v_61 + 149i)];
        v_10[0i] = rows_add(v_131, v_123, v_125, v_127, v_129, v_10[0i]);
        let v_132 : vec4<f32> = v_5[(v_61 + 293i)];
        v_11[0i] = rows_add(v_132, v_123, v_125, v_127, v_129, v_11[0i]);
        let v_133 : vec4<f32> = v_5[(v_61 + 437i)];
        v_12[0i] = rows_add(v_133, v_123, v_125, v_127, v_129, v_12[0i]);
        let v_134 : u32 = ((v_41)[3] & 252645135u);
        let v_135 : vec4<f32> = bytes(v_134);
        let v_136 : u32 = ((v_46)[3] & 252645135u);
        let v_137 : vec4<f32> = bytes(v_136);
        let v_138 : u32 = ((v_51)[3] & 252645135u);
        let v_139 : vec4<f32> = bytes(v_138);
        let v_140 : u32 = ((v_56)[3] & 252645135u);
        let v_141 : vec4<f32> = bytes(v_140);
        let v_142 : vec4<f32> = v_5[(v_61 + 6i)];
        v_9[0i] = rows_add(v_142, v_135, v_137, v_139, v_141, v_9[0i]);
        let v_143 : vec4<f32> = v_5[(v_61 + 150i)];
        v_10[0i] = rows_add(v_143, v_135, v_137, v_139, v_141, v_10[0i]);
        let v_144 : vec4<f32> = v_5[(v_61 + 294i)];
        v_11[0i] = rows_add(v_144, v_135, v_137, v_139, v_141, v_11[0i]);
        let v_145 : vec4<f32> = v_5[(v_61 + 438i)];
        v_12[0i] = rows_add(v_145, v_135, v_137, v_139, v_141, v_12[0i]);
        let v_146 : u32 = (((v_41)[3]>>4u) & 252645135u);
        let v_147 : vec4<f32> = bytes(v_146);
        let v_148 : u32 = (((v_46)[3]>>4u) & 252645135u);
        let v_149 : vec4<f32> = bytes(v_148);
        let v_150 : u32 = (((v_51)[3]>>4u) & 252645135u);
        let v_151 : vec4<f32> = bytes(v_150);
        let v_152 : u32 = (((v_56)[3]>>4u) & 252645135u);
        let v_153 : vec4<f32> = bytes(v_152);
        let v_154 : vec4<f32> = v_5[(v_61 + 7i)];
        v_9[0i] = rows_add(v_154, v_147, v_149, v_151, v_153, v_9[0i]);
        let v_155 : vec4<f32> = v_5[(v_61 + 151i)];
        v_10[0i] = rows_add(v_155, v_147, v_149, v_151, v_153, v_10[0i]);
        let v_156 : vec4<f32> = v_5[(v_61 + 295i)];
        v_11[0i] = rows_add(v_156, v_147, v_149, v_151, v_153, v_11[0i]);
        let v_157 : vec4<f32> = v_5[(v_61 + 439i)];
        v_12[0i] = rows_add(v_157, v_147, v_149, v_151, v_153, v_12[0i]);
        let v_158 : vec4<f32> = vec4<f32>(v_44, v_49, v_54, v_59);
        let v_159 : vec4<f32> = vec4<f32>(v_45, v_50, v_55, v_60);
        let v_160 : i32 = (v_39 * 4i);
        let v_161 : f32 = (((v_6[v_160] + v_6[(v_160 + 1i)]) + v_6[(v_160 + 2i)]) + v_6[(v_160 + 3i)]);
        v[0i] = (v[0i] + fma(v_159, vec4<f32>(v_161, v_161, v_161, v_161), (v_9[0i] * v_158)));
        let v_162 : i32 = (64i + (v_39 * 4i));
        let v_163 : f32 = (((v_6[v_162] + v_6[(v_162 + 1i)]) + v_6[(v_162 + 2i)]) + v_6[(v_162 + 3i)]);
        v_1[0i] = (v_1[0i] + fma(v_159, vec4<f32>(v_163, v_163, v_163, v_163), (v_10[0i] * v_158)));
        let v_164 : i32 = (128i + (v_39 * 4i));
        let v_165 : f32 = (((v_6[v_164] + v_6[(v_164 + 1i)]) + v_6[(v_164 + 2i)]) + v_6[(v_164 + 3i)]);
        v_2[0i] = (v_2[0i] + fma(v_159, vec4<f32>(v_165, v_165, v_165, v_165), (v_11[0i] * v_158)));
        let v_166 : i32 = (192i + (v_39 * 4i));
        let v_167 : f32 = (((v_6[v_166] + v_6[(v_166 + 1i)]) + v_6[(v_166 + 2i)]) + v_6[(v_166 + 3i)]);
        v_3[0i] = (v_3[0i] + fma(v_159, vec4<f32>(v_167, v_167, v_167, v_167), (v_12[0i] * v_158)));
      }
    }
    workgroupBarrier();
  }
  let v_168 : i32 = i32(subgroupSize);
  let v_169 : bool = ((v_168 <= lanes) && (v_168 >= 8i));
  if (v_169) {
    v[0i] = subgroupAdd(v[0i]);
    v_1[0i] = subgroupAdd(v_1[0i]);
    v_2[0i] = subgroupAdd(v_2[0i]);
    v_3[0i] = subgroupAdd(v_3[0i]);
    if (i32((u32(v_21) % u32(v_168))) == 0i) {
      v_5[((v_22 * lanes) + i32((u32(v_21) / u32(v_168))))] = v[0i];
      v_5[(((v_22 * lanes) + i32((u32(v_21) / u32(v_168)))) + 128i)] = v_1[0i];
      v_5[(((v_22 * lanes) + i32((u32(v_21) / u32(v_168)))) + 256i)] = v_2[0i];
      v_5[(((v_22 * lanes) + i32((u32(v_21) / u32(v_168)))) + 384i)] = v_3[0i];
    }
  } else {
    v_5[i32(threadIdx.x)] = v[0i];
    v_5[(i32(threadIdx.x) + 128i)] = v_1[0i];
    v_5[(i32(threadIdx.x) + 256i)] = v_2[0i];
    v_5[(i32(threadIdx.x) + 384i)] = v_3[0i];
    if (lanes > 8i) {
      workgroupBarrier();
      if (v_21 < 8i) {
        v_13[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        for (var v_170 : i32 = 0i; v_170 < i32((u32(lanes) / 8u)); v_170++) {
          v_13[0i] = (v_13[0i] + v_5[((v_170 * 8i) + i32(threadIdx.x))]);
        }
        v_5[i32(threadIdx.x)] = v_13[0i];
        v_14[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        for (var v_171 : i32 = 0i; v_171 < i32((u32(lanes) / 8u)); v_171++) {
          v_14[0i] = (v_14[0i] + v_5[(((v_171 * 8i) + i32(threadIdx.x)) + 128i)]);
        }
        v_5[(i32(threadIdx.x) + 128i)] = v_14[0i];
        v_15[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        for (var v_172 : i32 = 0i; v_172 < i32((u32(lanes) / 8u)); v_172++) {
          v_15[0i] = (v_15[0i] + v_5[(((v_172 * 8i) + i32(threadIdx.x)) + 256i)]);
        }
        v_5[(i32(threadIdx.x) + 256i)] = v_15[0i];
        v_16[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        for (var v_173 : i32 = 0i; v_173 < i32((u32(lanes) / 8u)); v_173++) {
          v_16[0i] = (v_16[0i] + v_5[(((v_173 * 8i) + i32(threadIdx.x)) + 384i)]);
        }
        v_5[(i32(threadIdx.x) + 384i)] = v_16[0i];
      }
    }
  }
  workgroupBarrier();
  let v_174 : i32 = select(8i, i32((u32(lanes) / u32(v_168))), v_169);
  v_17[0i] = 1.000000e+00f;
  let v_175 : i32 = (i32(threadIdx.x) & 3i);
  let v_176 : i32 = i32((u32((i32(threadIdx.x)>>2u)) % u32(teams)));
  let v_177 : i32 = i32((u32((i32(threadIdx.x)>>2u)) / u32(teams)));
  let v_178 : i32 = ((((v__1 * teams) + v_176) * team_outputs) + v_175);
  if ((((v_177 < 4i) && (v_175 < team_outputs)) && select(bool(1), (v_178 < outputs), (tails != 0i))) && ((v_28 + v_177) < podArgs.n)) {
    let v_179 : i32 = (v_28 + v_177);
    v_18[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
    for (var v_180 : i32 = 0i; v_180 < 8i; v_180++) {
      if (v_180 < v_174) {
        v_18[0i] = (v_18[0i] + v_5[(v_180 + (((v_179 * 128i) + (v_176 * lanes)) - (v_28 * 128i)))]);
      }
    }
    v_19[0i] = select(select((v_18[0i])[3], (v_18[0i])[2], ((select(v_175, (v_175 * 2i), (is_gated != 0i)) & 1i) == 0i)), select((v_18[0i])[1], (v_18[0i])[0], ((select(v_175, (v_175 * 2i), (is_gated != 0i)) & 1i) == 0i)), (select(v_175, (v_175 * 2i), (is_gated != 0i)) < 2i));
    v_20[0i] = select(select((v_18[0i])[3], (v_18[0i])[2], ((((v_175 * 2i) + 1i) & 1i) == 0i)), select((v_18[0i])[1], (v_18[0i])[0], ((((v_175 * 2i) + 1i) & 1i) == 0i)), (((v_175 * 2i) + 1i) < 2i));
    v_19[0i] = (v_19[0i] * v_17[0i]);
    v_20[0i] = (v_20[0i] * v_17[0i]);
    let v_181 : i32 = (v_178 + first_row);
    if (has_bias != 0i) {
      v_19[0i] = (v_19[0i] + bias_ptr[v_181]);
      if (is_gated != 0i) {
        v_20[0i] = (v_20[0i] + bias_ptr[(v_181 + all_outputs)]);
      }
    }
    if (has_delta != 0i) {
      v_19[0i] = (v_19[0i] + delta_ptr[((v_179 * all_rows) + v_181)]);
      if (is_gated != 0i) {
        v_20[0i] = (v_20[0i] + delta_ptr[(((v_179 * all_rows) + v_181) + all_outputs)]);
      }
    }
    v_19[0i] = activated(v_19[0i]);
    if (is_gated != 0i) {
      v_19[0i] = (v_19[0i] * v_20[0i]);
    }
    v_19[0i] = capped((v_19[0i] * scale));
    if (has_residual != 0i) {
      v_19[0i] = (v_19[0i] + residual_ptr[((v_179 * all_outputs) + v_181)]);
    }
    out_ptr[((v_179 * all_outputs) + v_181)] = v_19[0i];
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
