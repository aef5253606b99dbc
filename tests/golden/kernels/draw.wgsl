// draw
@group(0) @binding(0) var<storage, read_write> kept_bits_ptr : array<u32>;
@group(0) @binding(1) var<storage, read_write> kept_ids_ptr : array<i32>;
@group(0) @binding(2) var<storage, read> sampling_ptr : array<f32>;
@group(0) @binding(3) var<storage, read_write> state_ptr : array<i32>;
@group(0) @binding(4) var<storage, read_write> token_counts_ptr : array<i32>;
@group(0) @binding(5) var<storage, read_write> tokens_ptr : array<i32>;
@group(0) @binding(6) var<storage, read> tops_ptr : array<u32>;
@group(0) @binding(7) var<storage, read_write> weights_ptr : array<f32>;

override steps: i32;
override top_steps: i32;
override tops_length: i32;
override vocab_size: i32;

var<workgroup> v_2 : array<u32, 256>;
var<workgroup> v_3 : array<i32, 256>;
var<workgroup> v_4 : array<u32, 1>;
var<workgroup> v_9 : array<f32, 256>;
var<workgroup> v_10 : array<i32, 1>;
var<workgroup> v_11 : array<f32, 16>;
var<workgroup> v_12 : array<f32, 1>;
@compute @workgroup_size(256, 1, 1)
fn draw_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<u32, 1>;
  var v_1 : array<i32, 1>;
  var v_5 : array<u32, 1>;
  var v_6 : array<u32, 1>;
  var v_7 : array<f32, 1>;
  var v_8 : array<f32, 1>;
  var v_13 : array<f32, 1>;
  var v_14 : array<f32, 1>;
  var v_15 : array<f32, 1>;
  var v_16 : array<f32, 1>;
  var v_17 : array<f32, 1>;
  var v_18 : array<f32, 1>;
  var v_19 : array<f32, 1>;
  var v_20 : array<f32, 1>;
  var v_21 : array<f32, 1>;
  v[0i] = 0u;
  v_1[0i] = 2147483647i;
  for (var v_22 : i32 = 0i; v_22 < top_steps; v_22++) {
    let v_23 : i32 = min(((v_22 * 256i) + i32(threadIdx.x)), (tops_length - 1i));
    let v_24 : u32 = tops_ptr[v_23];
    if ((v_24 > v[0i]) || ((v_24 == v[0i]) && (v_23 < v_1[0i]))) {
      v[0i] = v_24;
      v_1[0i] = v_23;
    }
  }
  v_2[i32(threadIdx.x)] = v[0i];
  v_3[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  if (i32(threadIdx.x) < 16i) {
    for (var v_25 : i32 = 0i; v_25 < 16i; v_25++) {
      let v_26 : i32 = (i32(threadIdx.x) + (v_25 * 16i));
      let v_27 : u32 = v_2[v_26];
      let v_28 : i32 = v_3[v_26];
      if ((v_27 > v[0i]) || ((v_27 == v[0i]) && (v_28 < v_1[0i]))) {
        v[0i] = v_27;
        v_1[0i] = v_28;
      }
    }
  }
  workgroupBarrier();
  v_2[i32(threadIdx.x)] = v[0i];
  v_3[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  if (i32(threadIdx.x) < 1i) {
    for (var v_29 : i32 = 0i; v_29 < 16i; v_29++) {
      let v_30 : i32 = (i32(threadIdx.x) + v_29);
      let v_31 : u32 = v_2[v_30];
      let v_32 : i32 = v_3[v_30];
      if ((v_31 > v[0i]) || ((v_31 == v[0i]) && (v_32 < v_1[0i]))) {
        v[0i] = v_31;
        v_1[0i] = v_32;
      }
    }
  }
  workgroupBarrier();
  if (i32(threadIdx.x) == 0i) {
    v_4[0i] = v[0i];
  }
  workgroupBarrier();
  let v_33 : u32 = v_4[0i];
  let v_34 : f32 = bitcast<f32>(select(((2139095040u - v_33) | 2147483648u), (v_33 - 2139095040u), (v_33 >= 2139095040u)));
  v[0i] = 0u;
  v_1[0i] = 2147483647i;
  let v_35 : f32 = sampling_ptr[1i];
  let v_36 : f32 = sampling_ptr[2i];
  let v_37 : i32 = i32(((v_35 > 0.000000e+00f) && (v_35 < f32(vocab_size))));
  let v_38 : i32 = i32((v_36 < 1.000000e+00f));
  v_5[0i] = 0u;
  v_6[0i] = 0u;
  v_7[0i] = 0.000000e+00f;
  v_8[0i] = 0.000000e+00f;
  for (var v_39 : i32 = 0i; v_39 < steps; v_39++) {
    let v_40 : i32 = ((v_39 * 2048i) + i32(threadIdx.x));
    let v_41 : i32 = v_40;
    let v_42 : i32 = (v_40 + 256i);
    let v_43 : i32 = (v_40 + 512i);
    let v_44 : i32 = (v_40 + 768i);
    let v_45 : i32 = (v_40 + 1024i);
    let v_46 : i32 = (v_40 + 1280i);
    let v_47 : i32 = (v_40 + 1536i);
    let v_48 : i32 = (v_40 + 1792i);
    let v_49 : f32 = weights_ptr[min(v_41, (vocab_size - 1i))];
    let v_50 : f32 = weights_ptr[min(v_42, (vocab_size - 1i))];
    let v_51 : f32 = weights_ptr[min(v_43, (vocab_size - 1i))];
    let v_52 : f32 = weights_ptr[min(v_44, (vocab_size - 1i))];
    let v_53 : f32 = weights_ptr[min(v_45, (vocab_size - 1i))];
    let v_54 : f32 = weights_ptr[min(v_46, (vocab_size - 1i))];
    let v_55 : f32 = weights_ptr[min(v_47, (vocab_size - 1i))];
    let v_56 : f32 = weights_ptr[min(v_48, (vocab_size - 1i))];
    if (v_41 < vocab_size) {
      let v_57 : u32 = bitcast<u32>(v_49);
      let v_58 : u32 = (v_57 & 2147483647u);
      let v_59 : u32 = select((2139095040u - v_58), (2139095040u + v_58), (v_57 == v_58));
      let v_60 : f32 = (v_49 - v_34);
      let v_61 : f32 = min(exp(max(v_60, -8.700000e+01f)), 1.000000e+00f);
      let v_62 : f32 = select(select(0.000000e+00f, v_61, ((v_59 > 0u) && (v_60 > -8.700000e+01f))), 1.000000e+00f, (v_59 == v_33));
      weights_ptr[v_41] = v_62;
      let v_63 : u32 = bitcast<u32>(v_62);
      if (((v_37 != 0i) || (v_38 != 0i)) && (v_63 > 0u)) {
        let v_64 : i32 = i32((v_63>>20u));
        let v_65 : u32 = counter_add(v_64, 1u);
        if (!(v_37 != 0i)) {
          let v_66 : u32 = counter_add((v_64 + 1024i), ((v_63 & 1048575u)>>10u));
          let v_67 : u32 = counter_add((v_64 + 2048i), ((v_63 & 1048575u) & 1023u));
        }
      }
    }
    if (v_42 < vocab_size) {
      let v_68 : u32 = bitcast<u32>(v_50);
      let v_69 : u32 = (v_68 & 2147483647u);
      let v_70 : u32 = select((2139095040u - v_69), (2139095040u + v_69), (v_68 == v_69));
      let v_71 : f32 = (v_50 - v_34);
      let v_72 : f32 = min(exp(max(v_71, -8.700000e+01f)), 1.000000e+00f);
      let v_73 : f32 = select(select(0.000000e+00f, v_72, ((v_70 > 0u) && (v_71 > -8.700000e+01f))), 1.000000e+00f, (v_70 == v_33));
      weights_ptr[v_42] = v_73;
      let v_74 : u32 = bitcast<u32>(v_73);
      if (((v_37 != 0i) || (v_38 != 0i)) && (v_74 > 0u)) {
        let v_75 : i32 = i32((v_74>>20u));
        let v_76 : u32 = counter_add(v_75, 1u);
        if (!(v_37 != 0i)) {
          let v_77 : u32 = counter_add((v_75 + 1024i), ((v_74 & 1048575u)>>10u));
          let v_78 : u32 = counter_add((v_75 + 2048i), ((v_74 & 1048575u) & 1023u));
        }
      }
    }
    if (v_43 < vocab_size) {
      let v_79 : u32 = bitcast<u32>(v_51);
      let v_80 : u32 = (v_79 & 2147483647u);
      let v_81 : u32 = select((2139095040u - v_80), (2139095040u + v_80), (v_79 == v_80));
      let v_82 : f32 = (v_51 - v_34);
      let v_83 : f32 = min(exp(max(v_82, -8.700000e+01f)), 1.000000e+00f);
      let v_84 : f32 = select(select(0.000000e+00f, v_83, ((v_81 > 0u) && (v_82 > -8.700000e+01f))), 1.000000e+00f, (v_81 == v_33));
      weights_ptr[v_43] = v_84;
      let v_85 : u32 = bitcast<u32>(v_84);
      if (((v_37 != 0i) || (v_38 != 0i)) && (v_85 > 0u)) {
        let v_86 : i32 = i32((v_85>>20u));
        let v_87 : u32 = counter_add(v_86, 1u);
        if (!(v_37 != 0i)) {
          let v_88 : u32 = counter_add((v_86 + 1024i), ((v_85 & 1048575u)>>10u));
          let v_89 : u32 = counter_add((v_86 + 2048i), ((v_85 & 1048575u) & 1023u));
        }
      }
    }
    if (v_44 < vocab_size) {
      let v_90 : u32 = bitcast<u32>(v_52);
      let v_91 : u32 = (v_90 & 2147483647u);
      let v_92 : u32 = select((2139095040u - v_91), (2139095040u + v_91), (v_90 == v_91));
      let v_93 : f32 = (v_52 - v_34);
      let v_94 : f32 = min(exp(max(v_93, -8.700000e+01f)), 1.000000e+00f);
      let v_95 : f32 = select(select(0.000000e+00f, v_94, ((v_92 > 0u) && (v_93 > -8.700000e+01f))), 1.000000e+00f, (v_92 == v_33));
      weights_ptr[v_44] = v_95;
      let v_96 : u32 = bitcast<u32>(v_95);
      if (((v_37 != 0i) || (v_38 != 0i)) && (v_96 > 0u)) {
        let v_97 : i32 = i32((v_96>>20u));
        let v_98 : u32 = counter_add(v_97, 1u);
        if (!(v_37 != 0i)) {
          let v_99 : u32 = counter_add((v_97 + 1024i), ((v_96 & 1048575u)>>10u));
          let v_100 : u32 = counter_add((v_97 + 2048i), ((v_96 & 1048575u) & 1023u));
        }
      }
    }
    if (v_45 < vocab_size) {
      let v_101 : u32 = bitcast<u32>(v_53);
      let v_102 : u32 = (v_101 & 2147483647u);
      let v_103 : u32 = select((2139095040u - v_102), (2139095040u + v_102), (v_101 == v_102));
      let v_104 : f32 = (v_53 - v_34);
      let v_105 : f32 = min(exp(max(v_104, -8.700000e+01f)), 1.000000e+00f);
      let v_106 : f32 = select(select(0.000000e+00f, v_105, ((v_103 > 0u) && (v_104 > -8.700000e+01f))), 1.000000e+00f, (v_103 == v_33));
      weights_ptr[v_45] = v_106;
      let v_107 : u32 = bitcast<u32>(v_106);
      if (((v_37 != 0i) || (v_38 != 0i)) && (v_107 > 0u)) {
        let v_108 : i32 = i32((v_107>>20u));
        let v_109 : u32 = counter_add(v_108, 1u);
        if (!(v_37 != 0i)) {
          let v_110 : u32 = counter_add((v_108 + 1024i), ((v_107 & 1048575u)>>10u));
          let v_111 : u32 = counter_add((v_108 + 2048i), ((v_107 & 1048575u) & 1023u));
        }
      }
    }
    if (v_46 < vocab_size) {
      let v_112 : u32 = bitcast<u32>(v_54);
      let v_113 : u32 = (v_112 & 2147483647u);
      let v_114 : u32 = select((2139095040u - v_113), (2139095040u + v_113), (v_112 == v_113));
      let v_115 : f32 = (v_54 - v_34);
      let v_116 : f32 = min(exp(max(v_115, -8.700000e+01f)), 1.000000e+00f);
      let v_117 : f32 = select(select(0.000000e+00f, v_116, ((v_114 > 0u) && (v_115 > -8.700000e+01f))), 1.000000e+00f, (v_114 == v_33));
      weights_ptr[v_46] = v_117;
      let v_118 : u32 = bitcast<u32>(v_117);
      if (((v_37 != 0i) || (v_38 != 0i)) && (v_118 > 0u)) {
        let v_119 : i32 = i32((v_118>>20u));
        let v_120 : u32 = counter_add(v_119, 1u);
        if (!(v_37 != 0i)) {
          let v_121 : u32 = counter_add((v_119 + 1024i), ((v_118 & 1048575u)>>10u));
          let v_122 : u32 = counter_add((v_119 + 2048i), ((v_118 & 1048575u) & 1023u));
        }
      }
    }
    if (v_47 < vocab_size) {
      let v_123 : u32 = bitcast<u32>(v_55);
      let v_124 : u32 = (v_123 & 2147483647u);
      let v_125 : u32 = select((2139095040u - v_124), (2139095040u + v_124), (v_123 == v_124));
      let v_126 : f32 = (v_55 - v_34);
      let v_127 : f32 = min(exp(max(v_126, -8.700000e+01f)), 1.000000e+00f);
      let v_128 : f32 = select(select(0.000000e+00f, v_127, ((v_125 > 0u) && (v_126 > -8.700000e+01f))), 1.000000e+00f, (v_125 == v_33));
      weights_ptr[v_47] = v_128;
      let v_129 : u32 = bitcast<u32>(v_128);
      if (((v_37 != 0i) || (v_38 != 0i)) && (v_129 > 0u)) {
        let v_130 : i32 = i32((v_129>>20u));
        let v_131 : u32 = counter_add(v_130, 1u);
        if (!(v_37 != 0i)) {
          let v_132 : u32 = counter_add((v_130 + 1024i), ((v_129 & 1048575u)>>10u));
          let v_133 : u32 = counter_add((v_130 + 2048i), ((v_129 & 1048575u) & 1023u));
        }
      }
    }
    if (v_48 < vocab_size) {
      let v_134 : u32 = bitcast<u32>(v_56);
      let v_135 : u32 = (v_134 & 2147483647u);
      let v_136 : u32 = select((2139095040u - v_135), (2139095040u + v_135), (v_134 == v_135));
      let v_137 : f32 = (v_56 - v_34);
      let v_138 : f32 = min(exp(max(v_137, -8.700000e+01f)), 1.000000e+00f);
      let v_139 : f32 = select(select(0.000000e+00f, v_138, ((v_136 > 0u) && (v_137 > -8.700000e+01f))), 1.000000e+00f, (v_136 == v_33));
      weights_ptr[v_48] = v_139;
      let v_140 : u32 = bitcast<u32>(v_139);
      if (((v_37 != 0i) || (v_38 != 0i)) && (v_140 > 0u)) {
        let v_141 : i32 = i32((v_140>>20u));
        let v_142 : u32 = counter_add(v_141, 1u);
        if (!(v_37 != 0i)) {
          let v_143 : u32 = counter_add((v_141 + 1024i), ((v_140 & 1048575u)>>10u));
          let v_144 : u32 = counter_add((v_141 + 2048i), ((v_140 & 1048575u) & 1023u));
        }
      }
    }
  }
  workgroupBarrier();
  if ((v_37 != 0i) || (v_38 != 0i)) {
    let v_145 : u32 = 20u;
    let v_146 : u32 = 0u;
    let v_147 : i32 = (i32(threadIdx.x) * 4i);
    let v_148 : u32 = counter_value(v_147);
    let v_149 : u32 = counter_value((v_147 + 1024i));
    let v_150 : u32 = counter_value((v_147 + 2048i));
    let v_151 : u32 = (v_146 + (u32(v_147)<<v_145));
    let v_152 : f32 = (bitcast<f32>((v_151 & 2139095040u)) * bitcast<f32>(872415232u));
    let v_153 : f32 = select(select(0.000000e+00f, fma(f32(v_150), v_152, fma(f32(v_149), (v_152 * 1.024000e+03f), (f32(v_148) * bitcast<f32>(v_151)))), (f32(v_148) > 0.000000e+00f)), f32(v_148), (v_37 != 0i));
    let v_154 : i32 = ((i32(threadIdx.x) * 4i) + 1i);
    let v_155 : u32 = counter_value(v_154);
    let v_156 : u32 = counter_value((v_154 + 1024i));
    let v_157 : u32 = counter_value((v_154 + 2048i));
    let v_158 : u32 = (v_146 + (u32(v_154)<<v_145));
    let v_159 : f32 = (bitcast<f32>((v_158 & 2139095040u)) * bitcast<f32>(872415232u));
    let v_160 : f32 = select(select(0.000000e+00f, fma(f32(v_157), v_159, fma(f32(v_156), (v_159 * 1.024000e+03f), (f32(v_155) * bitcast<f32>(v_158)))), (f32(v_155) > 0.000000e+00f)), f32(v_155), (v_37 != 0i));
    let v_161 : i32 = ((i32(threadIdx.x) * 4i) + 2i);
    let v_162 : u32 = counter_value(v_161);
    let v_163 : u32 = counter_value((v_161 + 1024i));
    let v_164 : u32 = counter_value((v_161 + 2048i));
    let v_165 : u32 = (v_146 + (u32(v_161)<<v_145));
    let v_166 : f32 = (bitcast<f32>((v_165 & 2139095040u)) * bitcast<f32>(872415232u));
    let v_167 : f32 = select(select(0.000000e+00f, fma(f32(v_164), v_166, fma(f32(v_163), (v_166 * 1.024000e+03f), (f32(v_162) * bitcast<f32>(v_165)))), (f32(v_162) > 0.000000e+00f)), f32(v_162), (v_37 != 0i));
    let v_168 : i32 = ((i32(threadIdx.x) * 4i) + 3i);
    let v_169 : u32 = counter_value(v_168);
    let v_170 : u32 = counter_value((v_168 + 1024i));
    let v_171 : u32 = counter_value((v_168 + 2048i));
    let v_172 : u32 = (v_146 + (u32(v_168)<<v_145));
    let v_173 : f32 = (bitcast<f32>((v_172 & 2139095040u)) * bitcast<f32>(872415232u));
    let v_174 : f32 = select(select(0.000000e+00f, fma(f32(v_171), v_173, fma(f32(v_170), (v_173 * 1.024000e+03f), (f32(v_169) * bitcast<f32>(v_172)))), (f32(v_169) > 0.000000e+00f)), f32(v_169), (v_37 != 0i));
    let v_175 : f32 = (v_153 + v_160);
    let v_176 : f32 = (v_175 + v_167);
    let v_177 : f32 = (v_176 + v_174);
    v_9[i32(threadIdx.x)] = v_177;
    if (i32(threadIdx.x) == 0i) {
      v_10[0i] = -1i;
    }
    workgroupBarrier();
    if (i32(threadIdx.x) < 16i) {
      v_13[0i] = 0.000000e+00f;
      for (var v_178 : i32 = 0i; v_178 < 16i; v_178++) {
        v_13[0i] = (v_13[0i] + v_9[((i32(threadIdx.x) * 16i) + v_178)]);
      }
      v_11[i32(threadIdx.x)] = v_13[0i];
    }
    workgroupBarrier();
    v_14[0i] = 0.000000e+00f;
    v_15[0i] = 0.000000e+00f;
    let v_179 : i32 = (i32(threadIdx.x)>>4u);
    for (var v_180 : i32 = 0i; v_180 < 16i; v_180++) {
      let v_181 : f32 = v_11[v_180];
      v_15[0i] = (v_15[0i] + v_181);
      if (v_180 > v_179) {
        v_14[0i] = (v_14[0i] + v_181);
      }
    }
    for (var v_182 : i32 = 0i; v_182 < 16i; v_182++) {
      let v_183 : i32 = ((v_179 * 16i) + v_182);
      if (v_183 > i32(threadIdx.x)) {
        v_14[0i] = (v_14[0i] + v_9[v_183]);
      }
    }
    v_8[0i] = select((v_15[0i] * v_36), v_35, (v_37 != 0i));
    v_14[0i] = (v_7[0i] + v_14[0i]);
    let v_184 : f32 = v_14[0i];
    v_14[0i] = (v_14[0i] + v_174);
    if ((v_184 < v_8[0i]) && (v_14[0i] >= v_8[0i])) {
      v_10[0i] = ((i32(threadIdx.x) * 4i) + 3i);
      v_12[0i] = v_184;
    }
    let v_185 : f32 = v_14[0i];
    v_14[0i] = (v_14[0i] + v_167);
    if ((v_185 < v_8[0i]) && (v_14[0i] >= v_8[0i])) {
      v_10[0i] = ((i32(threadIdx.x) * 4i) + 2i);
      v_12[0i] = v_185;
    }
    let v_186 : f32 = v_14[0i];
    v_14[0i] = (v_14[0i] + v_160);
    if ((v_186 < v_8[0i]) && (v_14[0i] >= v_8[0i])) {
      v_10[0i] = ((i32(threadIdx.x) * 4i) + 1i);
      v_12[0i] = v_186;
    }
    let v_187 : f32 = v_14[0i];
    v_14[0i] = (v_14[0i] + v_153);
    if ((v_187 < v_8[0i]) && (v_14[0i] >= v_8[0i])) {
      v_10[0i] = (i32(threadIdx.x) * 4i);
      v_12[0i] = v_187;
    }
    workgroupBarrier();
    let v_188 : i32 = v_10[0i];
    if (v_188 >= 0i) {
      v_5[0i] = max((v_146 + (u32(v_188)<<v_145)), v_6[0i]);
      v_7[0i] = v_12[0i];
    }
    workgroupBarrier();
  }
  let v_189 : u32 = ((bitcast<u32>(state_ptr[3i]) * 747796405u) + 2891336453u);
  let v_190 : u32 = (((v_189>>((v_189>>28u) + 4u)) ^ v_189) * 277803737u);
  let v_191 : u32 = ((v_190>>22u) ^ v_190);
  let v_192 : u32 = (((v_191 ^ bitcast<u32>(state_ptr[2i])) * 747796405u) + 2891336453u);
  let v_193 : u32 = (((v_192>>((v_192>>28u) + 4u)) ^ v_192) * 277803737u);
  let v_194 : u32 = ((v_193>>22u) ^ v_193);
  let v_195 : u32 = ((v_194 * 747796405u) + 2891336453u);
  let v_196 : u32 = (((v_195>>((v_195>>28u) + 4u)) ^ v_195) * 277803737u);
  let v_197 : u32 = ((v_196>>22u) ^ v_196);
  let v_198 : u32 = max(v_5[0i], 1u);
  let v_199 : u32 = max(v_198, bitcast<u32>(sampling_ptr[3i]));
  for (var v_200 : i32 = 0i; v_200 < steps; v_200++) {
    let v_201 : i32 = ((v_200 * 2048i) + i32(threadIdx.x));
    let v_202 : i32 = v_201;
    let v_203 : i32 = (v_201 + 256i);
    let v_204 : i32 = (v_201 + 512i);
    let v_205 : i32 = (v_201 + 768i);
    let v_206 : i32 = (v_201 + 1024i);
    let v_207 : i32 = (v_201 + 1280i);
    let v_208 : i32 = (v_201 + 1536i);
    let v_209 : i32 = (v_201 + 1792i);
    let v_210 : u32 = bitcast<u32>(weights_ptr[min(v_202, (vocab_size - 1i))]);
    let v_211 : u32 = bitcast<u32>(weights_ptr[min(v_203, (vocab_size - 1i))]);
    let v_212 : u32 = bitcast<u32>(weights_ptr[min(v_204, (vocab_size - 1i))]);
    let v_213 : u32 = bitcast<u32>(weights_ptr[min(v_205, (vocab_size - 1i))]);
    let v_214 : u32 = bitcast<u32>(weights_ptr[min(v_206, (vocab_size - 1i))]);
    let v_215 : u32 = bitcast<u32>(weights_ptr[min(v_207, (vocab_size - 1i))]);
    let v_216 : u32 = bitcast<u32>(weights_ptr[min(v_208, (vocab_size - 1i))]);
    let v_217 : u32 = bitcast<u32>(weights_ptr[min(v_209, (vocab_size - 1i))]);
    if ((v_202 < vocab_size) && (v_210 >= v_198)) {
      if ((v_37 != 0i) || (v_38 != 0i)) {
        let v_218 : u32 = counter_add(3072i, 1u);
        let v_219 : i32 = i32(v_218);
        kept_bits_ptr[v_219] = v_210;
        kept_ids_ptr[v_219] = v_202;
      } else {
        if (v_210 >= v_199) {
          let v_220 : f32 = bitcast<f32>(v_210);
          let v_221 : u32 = (u32(v_202) ^ v_194);
          let v_222 : u32 = ((v_221 ^ (v_221>>16u)) * 2146121005u);
          let v_223 : u32 = ((v_222 ^ (v_222>>15u)) * 2221713035u);
          let v_224 : u32 = (v_223 ^ (v_223>>16u));
          let v_225 : u32 = (v_224 ^ v_197);
          let v_226 : u32 = ((v_225 ^ (v_225>>16u)) * 2146121005u);
          let v_227 : u32 = ((v_226 ^ (v_226>>15u)) * 2221713035u);
          let v_228 : u32 = (v_227 ^ (v_227>>16u));
          let v_229 : u32 = v[0i];
          if ((f32(((v_228 ^ 4294967295u)>>8u)) * bitcast<f32>(864026624u)) <= ((select(bitcast<f32>((v_229 ^ 4294967295u)), 3.000000e+38f, (v_229 == 0u)) * 1.000010e+00f) * v_220)) {
            let v_230 : u32 = (v_228 | 1u);
            let v_231 : u32 = countLeadingZeros(v_230);
            let v_232 : f32 = ((f32(((v_230<<v_231) ^ 4294967295u)) + 1.000000e+00f) * bitcast<f32>(796917760u));
            let v_233 : f32 = (v_232 / (2.000000e+00f - v_232));
            let v_234 : f32 = (v_233 * v_233);
            let v_235 : f32 = fma(7.692308e-02f, v_234, 9.090909e-02f);
            let v_236 : f32 = fma(v_235, v_234, bitcast<f32>(1038323257u));
            let v_237 : f32 = fma(v_236, v_234, bitcast<f32>(1041385765u));
            let v_238 : f32 = fma(v_237, v_234, 2.000000e-01f);
            let v_239 : f32 = fma(v_238, v_234, bitcast<f32>(1051372203u));
            let v_240 : f32 = fma(v_239, v_234, 1.000000e+00f);
            let v_241 : f32 = (fma((2.000000e+00f * v_233), v_240, (f32(v_231) * 6.931472e-01f)) / v_220);
            let v_242 : u32 = (bitcast<u32>(v_241) ^ 4294967295u);
            if ((v_242 > v[0i]) || ((v_242 == v[0i]) && (v_202 < v_1[0i]))) {
              v[0i] = v_242;
              v_1[0i] = v_202;
            }
          }
        }
      }
    }
    if ((v_203 < vocab_size) && (v_211 >= v_198)) {
      if ((v_37 != 0i) || (v_38 != 0i)) {
        let v_243 : u32 = counter_add(3072i, 1u);
        let v_244 : i32 = i32(v_243);
        kept_bits_ptr[v_244] = v_211;
        kept_ids_ptr[v_244] = v_203;
      } else {
        if (v_211 >= v_199) {
          let v_245 : f32 = bitcast<f32>(v_211);
          let v_246 : u32 = (u32(v_203) ^ v_194);
          let v_247 : u32 = ((v_246 ^ (v_246>>16u)) * 2146121005u);
          let v_248 : u32 = ((v_247 ^ (v_247>>15u)) * 2221713035u);
          let v_249 : u32 = (v_248 ^ (v_248>>16u));
          let v_250 : u32 = (v_249 ^ v_197);
          let v_251 : u32 = ((v_250 ^ (v_250>>16u)) * 2146121005u);
          let v_252 : u32 = ((v_251 ^ (v_251>>15u)) * 2221713035u);
          let v_253 : u32 = (v_252 ^ (v_252>>16u));
          let v_254 : u32 = v[0i];
          if ((f32(((v_253 ^ 4294967295u)>>8u)) * bitcast<f32>(864026624u)) <= ((select(bitcast<f32>((v_254 ^ 4294967295u)), 3.000000e+38f, (v_254 == 0u)) * 1.000010e+00f) * v_245)) {
            let v_255 : u32 = (v_253 | 1u);
            let v_256 : u32 = countLeadingZeros(v_255);
            let v_257 : f32 = ((f32(((v_255<<v_256) ^ 4294967295u)) + 1.000000e+00f) * bitcast<f32>(796917760u));
            let v_258 : f32 = (v_257 / (2.000000e+00f - v_257));
            let v_259 : f32 = (v_258 * v_258);
            let v_260 : f32 = fma(7.692308e-02f, v_259, 9.090909e-02f);
            let v_261 : f32 = fma(v_260, v_259, bitcast<f32>(1038323257u));
            let v_262 : f32 = fma(v_261, v_259, bitcast<f32>(1041385765u));
            let v_263 : f32 = fma(v_262, v_259, 2.000000e-01f);
            let v_264 : f32 = fma(v_263, v_259, bitcast<f32>(1051372203u));
            let v_265 : f32 = fma(v_264, v_259, 1.000000e+00f);
            let v_266 : f32 = (fma((2.000000e+00f * v_258), v_265, (f32(v_256) * 6.931472e-01f)) / v_245);
            let v_267 : u32 = (bitcast<u32>(v_266) ^ 4294967295u);
            if ((v_267 > v[0i]) || ((v_267 == v[0i]) && (v_203 < v_1[0i]))) {
              v[0i] = v_267;
              v_1[0i] = v_203;
            }
          }
        }
      }
    }
    if ((v_204 < vocab_size) && (v_212 >= v_198)) {
      if ((v_37 != 0i) || (v_38 != 0i)) {
        let v_268 : u32 = counter_add(3072i, 1u);
        let v_269 : i32 = i32(v_268);
        kept_bits_ptr[v_269] = v_212;
        kept_ids_ptr[v_269] = v_204;
      } else {
        if (v_212 >= v_199) {
          let v_270 : f32 = bitcast<f32>(v_212);
          let v_271 : u32 = (u32(v_204) ^ v_194);
          let v_272 : u32 = ((v_271 ^ (v_271>>16u)) * 2146121005u);
          let v_273 : u32 = ((v_272 ^ (v_272>>15u)) * 2221713035u);
          let v_274 : u32 = (v_273 ^ (v_273>>16u));
          let v_275 : u32 = (v_274 ^ v_197);
          let v_276 : u32 = ((v_275 ^ (v_275>>16u)) * 2146121005u);
          let v_277 : u32 = ((v_276 ^ (v_276>>15u)) * 2221713035u);
          let v_278 : u32 = (v_277 ^ (v_277>>16u));
          let v_279 : u32 = v[0i];
          if ((f32(((v_278 ^ 4294967295u)>>8u)) * bitcast<f32>(864026624u)) <= ((select(bitcast<f32>((v_279 ^ 4294967295u)), 3.000000e+38f, (v_279 == 0u)) * 1.000010e+00f) * v_270)) {
            let v_280 : u32 = (v_278 | 1u);
            let v_281 : u32 = countLeadingZeros(v_280);
            let v_282 : f32 = ((f32(((v_280<<v_281) ^ 4294967295u)) + 1.000000e+00f) * bitcast<f32>(796917760u));
            let v_283 : f32 = (v_282 / (2.000000e+00f - v_282));
            let v_284 : f32 = (v_283 * v_283);
            let v_285 : f32 = fma(7.692308e-02f, v_284, 9.090909e-02f);
            let v_286 : f32 = fma(v_285, v_284, bitcast<f32>(1038323257u));
            let v_287 : f32 = fma(v_286, v_284, bitcast<f32>(1041385765u));
            let v_288 : f32 = fma(v_287, v_284, 2.000000e-01f);
            let v_289 : f32 = fma(v_288, v_284, bitcast<f32>(1051372203u));
            let v_290 : f32 = fma(v_289, v_284, 1.000000e+00f);
            let v_291 : f32 = (fma((2.000000e+00f * v_283), v_290, (f32(v_281) * 6.931472e-01f)) / v_270);
            let v_292 : u32 = (bitcast<u32>(v_291) ^ 4294967295u);
            if ((v_292 > v[0i]) || ((v_292 == v[0i]) && (v_204 < v_1[0i]))) {
              v[0i] = v_292;
              v_1[0i] = v_204;
            }
          }
        }
      }
    }
    if ((v_205 < vocab_size) && (v_213 >= v_198)) {
      if ((v_37 != 0i) || (v_38 != 0i)) {
        let v_293 : u32 = counter_add(3072i, 1u);
        let v_294 : i32 = i32(v_293);
        kept_bits_ptr[v_294] = v_213;
        kept_ids_ptr[v_294] = v_205;
      } else {
        if (v_213 >= v_199) {
          let v_295 : f32 = bitcast<f32>(v_213);
          let v_296 : u32 = (u32(v_205) ^ v_194);
          let v_297 : u32 = ((v_296 ^ (v_296>>16u)) * 2146121005u);
          let v_298 : u32 = ((v_297 ^ (v_297>>15u)) * 2221713035u);
          let v_299 : u32 = (v_298 ^ (v_298>>16u));
          let v_300 : u32 = (v_299 ^ v_197);
          let v_301 : u32 = ((v_300 ^ (v_300>>16u)) * 2146121005u);
          let v_302 : u32 = ((v_301 ^ (v_301>>15u)) * 2221713035u);
          let v_303 : u32 = (v_302 ^ (v_302>>16u));
          let v_304 : u32 = v[0i];
          if ((f32(((v_303 ^ 4294967295u)>>8u)) * bitcast<f32>(864026624u)) <= ((select(bitcast<f32>((v_304 ^ 4294967295u)), 3.000000e+38f, (v_304 == 0u)) * 1.000010e+00f) * v_295)) {
            let v_305 : u32 = (v_303 | 1u);
            let v_306 : u32 = countLeadingZeros(v_305);
            let v_307 : f32 = ((f32(((v_305<<v_306) ^ 4294967295u)) + 1.000000e+00f) * bitcast<f32>(796917760u));
            let v_308 : f32 = (v_307 / (2.000000e+00f - v_307));
            let v_309 : f32 = (v_308 * v_308);
            let v_310 : f32 = fma(7.692308e-02f, v_309, 9.090909e-02f);
            let v_311 : f32 = fma(v_310, v_309, bitcast<f32>(1038323257u));
            let v_312 : f32 = fma(v_311, v_309, bitcast<f32>(1041385765u));
            let v_313 : f32 = fma(v_312, v_309, 2.000000e-01f);
            let v_314 : f32 = fma(v_313, v_309, bitcast<f32>(1051372203u));
            let v_315 : f32 = fma(v_314, v_309, 1.000000e+00f);
            let v_316 : f32 = (fma((2.000000e+00f * v_308), v_315, (f32(v_306) * 6.931472e-01f)) / v_295);
            let v_317 : u32 = (bitcast<u32>(v_316) ^ 4294967295u);
            if ((v_317 > v[0i]) || ((v_317 == v[0i]) && (v_205 < v_1[0i]))) {
              v[0i] = v_317;
              v_1[0i] = v_205;
            }
          }
        }
      }
    }
    if ((v_206 < vocab_size) && (v_214 >= v_198)) {
      if ((v_37 != 0i) || (v_38 != 0i)) {
        let v_318 : u32 = counter_add(3072i, 1u);
        let v_319 : i32 = i32(v_318);
        kept_bits_ptr[v_319] = v_214;
        kept_ids_ptr[v_319] = v_206;
      } else {
        if (v_214 >= v_199) {
          let v_320 : f32 = bitcast<f32>(v_214);
          let v_321 : u32 = (u32(v_206) ^ v_194);
          let v_322 : u32 = ((v_321 ^ (v_321>>16u)) * 2146121005u);
          let v_323 : u32 = ((v_322 ^ (v_322>>15u)) * 2221713035u);
          let v_324 : u32 = (v_323 ^ (v_323>>16u));
          let v_325 : u32 = (v_324 ^ v_197);
          let v_326 : u32 = ((v_325 ^ (v_325>>16u)) * 2146121005u);
          let v_327 : u32 = ((v_326 ^ (v_326>>15u)) * 2221713035u);
          let v_328 : u32 = (v_327 ^ (v_327>>16u));
          let v_329 : u32 = v[0i];
          if ((f32(((v_328 ^ 4294967295u)>>8u)) * bitcast<f32>(864026624u)) <= ((select(bitcast<f32>((v_329 ^ 4294967295u)), 3.000000e+38f, (v_329 == 0u)) * 1.000010e+00f) * v_320)) {
            let v_330 : u32 = (v_328 | 1u);
            let v_331 : u32 = countLeadingZeros(v_330);
            let v_332 : f32 = ((f32(((v_330<<v_331) ^ 4294967295u)) + 1.000000e+00f) * bitcast<f32>(796917760u));
            let v_333 : f32 = (v_332 / (2.000000e+00f - v_332));
            let v_334 : f32 = (v_333 * v_333);
            let v_335 : f32 = fma(7.692308e-02f, v_334, 9.090909e-02f);
            let v_336 : f32 = fma(v_335, v_334, bitcast<f32>(1038323257u));
            let v_337 : f32 = fma(v_336, v_334, bitcast<f32>(1041385765u));
            let v_338 : f32 = fma(v_337, v_334, 2.000000e-01f);
            let v_339 : f32 = fma(v_338, v_334, bitcast<f32>(1051372203u));
            let v_340 : f32 = fma(v_339, v_334, 1.000000e+00f);
            let v_341 : f32 = (fma((2.000000e+00f * v_333), v_340, (f32(v_331) * 6.931472e-01f)) / v_320);
            let v_342 : u32 = (bitcast<u32>(v_341) ^ 4294967295u);
            if ((v_342 > v[0i]) || ((v_342 == v[0i]) && (v_206 < v_1[0i]))) {
              v[0i] = v_342;
              v_1[0i] = v_206;
            }
          }
        }
      }
    }
    if ((v_207 < vocab_size) && (v_215 >= v_198)) {
      if ((v_37 != 0i) || (v_38 != 0i)) {
        let v_343 : u32 = counter_add(3072i, 1u);
        let v_344 : i32 = i32(v_343);
        kept_bits_ptr[v_344] = v_215;
        kept_ids_ptr[v_344] = v_207;
      } else {
        if (v_215 >= v_199) {
          let v_345 : f32 = bitcast<f32>(v_215);
          let v_346 : u32 = (u32(v_207) ^ v_194);
          let v_347 : u32 = ((v_346 ^ (v_346>>16u)) * 2146121005u);
          let v_348 : u32 = ((v_347 ^ (v_347>>15u)) * 2221713035u);
          let v_349 : u32 = (v_348 ^ (v_348>>16u));
          let v_350 : u32 = (v_349 ^ v_197);
          let v_351 : u32 = ((v_350 ^ (v_350>>16u)) * 2146121005u);
          let v_352 : u32 = ((v_351 ^ (v_351>>15u)) * 2221713035u);
          let v_353 : u32 = (v_352 ^ (v_352>>16u));
          let v_354 : u32 = v[0i];
          if ((f32(((v_353 ^ 4294967295u)>>8u)) * bitcast<f32>(864026624u)) <= ((select(bitcast<f32>((v_354 ^ 4294967295u)), 3.000000e+38f, (v_354 == 0u)) * 1.000010e+00f) * v_345)) {
            let v_355 : u32 = (v_353 | 1u);
            let v_356 : u32 = countLeadingZeros(v_355);
            let v_357 : f32 = ((f32(((v_355<<v_356) ^ 4294967295u)) + 1.000000e+00f) * bitcast<f32>(796917760u));
            let v_358 : f32 = (v_357 / (2.000000e+00f - v_357));
            let v_359 : f32 = (v_358 * v_358);
            let v_360 : f32 = fma(7.692308e-02f, v_359, 9.090909e-02f);
            let v_361 : f32 = fma(v_360, v_359, bitcast<f32>(1038323257u));
            let v_362 : f32 = fma(v_361, v_359, bitcast<f32>(1041385765u));
            let v_363 : f32 = fma(v_362, v_359, 2.000000e-01f);
            let v_364 : f32 = fma(v_363, v_359, bitcast<f32>(1051372203u));
            let v_365 : f32 = fma(v_364, v_359, 1.000000e+00f);
            let v_366 : f32 = (fma((2.000000e+00f * v_358), v_365, (f32(v_356) * 6.931472e-01f)) / v_345);
            let v_367 : u32 = (bitcast<u32>(v_366) ^ 4294967295u);
            if ((v_367 > v[0i]) || ((v_367 == v[0i]) && (v_207 < v_1[0i]))) {
              v[0i] = v_367;
              v_1[0i] = v_207;
            }
          }
        }
      }
    }
    if ((v_208 < vocab_size) && (v_216 >= v_198)) {
      if ((v_37 != 0i) || (v_38 != 0i)) {
        let v_368 : u32 = counter_add(3072i, 1u);
        let v_369 : i32 = i32(v_368);
        kept_bits_ptr[v_369] = v_216;
        kept_ids_ptr[v_369] = v_208;
      } else {
        if (v_216 >= v_199) {
          let v_370 : f32 = bitcast<f32>(v_216);
          let v_371 : u32 = (u32(v_208) ^ v_194);
          let v_372 : u32 = ((v_371 ^ (v_371>>16u)) * 2146121005u);
          let v_373 : u32 = ((v_372 ^ (v_372>>15u)) * 2221713035u);
          let v_374 : u32 = (v_373 ^ (v_373>>16u));
          let v_375 : u32 = (v_374 ^ v_197);
          let v_376 : u32 = ((v_375 ^ (v_375>>16u)) * 2146121005u);
          let v_377 : u32 = ((v_376 ^ (v_376>>15u)) * 2221713035u);
          let v_378 : u32 = (v_377 ^ (v_377>>16u));
          let v_379 : u32 = v[0i];
          if ((f32(((v_378 ^ 4294967295u)>>8u)) * bitcast<f32>(864026624u)) <= ((select(bitcast<f32>((v_379 ^ 4294967295u)), 3.000000e+38f, (v_379 == 0u)) * 1.000010e+00f) * v_370)) {
            let v_380 : u32 = (v_378 | 1u);
            let v_381 : u32 = countLeadingZeros(v_380);
            let v_382 : f32 = ((f32(((v_380<<v_381) ^ 4294967295u)) + 1.000000e+00f) * bitcast<f32>(796917760u));
            let v_383 : f32 = (v_382 / (2.000000e+00f - v_382));
            let v_384 : f32 = (v_383 * v_383);
            let v_385 : f32 = fma(7.692308e-02f, v_384, 9.090909e-02f);
            let v_386 : f32 = fma(v_385, v_384, bitcast<f32>(1038323257u));
            let v_387 : f32 = fma(v_386, v_384, bitcast<f32>(1041385765u));
            let v_388 : f32 = fma(v_387, v_384, 2.000000e-01f);
            let v_389 : f32 = fma(v_388, v_384, bitcast<f32>(1051372203u));
            let v_390 : f32 = fma(v_389, v_384, 1.000000e+00f);
            let v_391 : f32 = (fma((2.000000e+00f * v_383), v_390, (f32(v_381) * 6.931472e-01f)) / v_370);
            let v_392 : u32 = (bitcast<u32>(v_391) ^ 4294967295u);
            if ((v_392 > v[0i]) || ((v_392 == v[0i]) && (v_208 < v_1[0i]))) {
              v[0i] = v_392;
              v_1[0i] = v_208;
            }
          }
        }
      }
    }
    if ((v_209 < vocab_size) && (v_217 >= v_198)) {
      if ((v_37 != 0i) || (v_38 != 0i)) {
        let v_393 : u32 = counter_add(3072i, 1u);
        let v_394 : i32 = i32(v_393);
        kept_bits_ptr[v_394] = v_217;
        kept_ids_ptr[v_394] = v_209;
      } else {
        if (v_217 >= v_199) {
          let v_395 : f32 = bitcast<f32>(v_217);
          let v_396 : u32 = (u32(v_209) ^ v_194);
          let v_397 : u32 = ((v_396 ^ (v_396>>16u)) * 2146121005u);
          let v_398 : u32 = ((v_397 ^ (v_397>>15u)) * 2221713035u);
          let v_399 : u32 = (v_398 ^ (v_398>>16u));
          let v_400 : u32 = (v_399 ^ v_197);
          let v_401 : u32 = ((v_400 ^ (v_400>>16u)) * 2146121005u);
          let v_402 : u32 = ((v_401 ^ (v_401>>15u)) * 2221713035u);
          let v_403 : u32 = (v_402 ^ (v_402>>16u));
          let v_404 : u32 = v[0i];
          if ((f32(((v_403 ^ 4294967295u)>>8u)) * bitcast<f32>(864026624u)) <= ((select(bitcast<f32>((v_404 ^ 4294967295u)), 3.000000e+38f, (v_404 == 0u)) * 1.000010e+00f) * v_395)) {
            let v_405 : u32 = (v_403 | 1u);
            let v_406 : u32 = countLeadingZeros(v_405);
            let v_407 : f32 = ((f32(((v_405<<v_406) ^ 4294967295u)) + 1.000000e+00f) * bitcast<f32>(796917760u));
            let v_408 : f32 = (v_407 / (2.000000e+00f - v_407));
            let v_409 : f32 = (v_408 * v_408);
            let v_410 : f32 = fma(7.692308e-02f, v_409, 9.090909e-02f);
            let v_411 : f32 = fma(v_410, v_409, bitcast<f32>(1038323257u));
            let v_412 : f32 = fma(v_411, v_409, bitcast<f32>(1041385765u));
            let v_413 : f32 = fma(v_412, v_409, 2.000000e-01f);
            let v_414 : f32 = fma(v_413, v_409, bitcast<f32>(1051372203u));
            let v_415 : f32 = fma(v_414, v_409, 1.000000e+00f);
            let v_416 : f32 = (fma((2.000000e+00f * v_408), v_415, (f32(v_406) * 6.931472e-01f)) / v_395);
            let v_417 : u32 = (bitcast<u32>(v_416) ^ 4294967295u);
            if ((v_417 > v[0i]) || ((v_417 == v[0i]) && (v_209 < v_1[0i]))) {
              v[0i] = v_417;
              v_1[0i] = v_209;
            }
          }
        }
      }
    }
  }
  storageBarrier();
  workgroupBarrier();
  let v_418 : u32 = counter_value(3072i);
  let v_419 : i32 = i32(v_418);
  if (v_37 != 0i) {
    for (var v_420 : i32 = 0i; v_420 < 3i; v_420++) {
      if (v_420 >= 1i) {
        let v_421 : i32 = i32(threadIdx.x);
        counter_clear(v_421);
        let v_422 : i32 = (256i + i32(threadIdx.x));
        counter_clear(v_422);
        let v_423 : i32 = (512i + i32(threadIdx.x));
        counter_clear(v_423);
        let v_424 : i32 = (768i + i32(threadIdx.x));
        counter_clear(v_424);
        let v_425 : i32 = (1024i + i32(threadIdx.x));
        counter_clear(v_425);
        let v_426 : i32 = (1280i + i32(threadIdx.x));
        counter_clear(v_426);
        let v_427 : i32 = (1536i + i32(threadIdx.x));
        counter_clear(v_427);
        let v_428 : i32 = (1792i + i32(threadIdx.x));
        counter_clear(v_428);
        let v_429 : i32 = (2048i + i32(threadIdx.x));
        counter_clear(v_429);
        let v_430 : i32 = (2304i + i32(threadIdx.x));
        counter_clear(v_430);
        let v_431 : i32 = (2560i + i32(threadIdx.x));
        counter_clear(v_431);
        let v_432 : i32 = (2816i + i32(threadIdx.x));
        counter_clear(v_432);
        workgroupBarrier();
        let v_433 : u32 = select(select(0u, 10u, (v_420 == 1i)), 20u, (v_420 == 0i));
        let v_434 : u32 = (v_5[0i]>>(v_433 + 10u));
        let v_435 : i32 = ((v_419 + 255i)>>8u);
        for (var v_436 : i32 = 0i; v_436 < v_435; v_436++) {
          let v_437 : i32 = ((v_436 * 256i) + i32(threadIdx.x));
          if (v_437 < v_419) {
            let v_438 : u32 = kept_bits_ptr[v_437];
            if ((v_438 >= v_6[0i]) && ((v_420 == 0i) || ((v_438>>(v_433 + 10u)) == v_434))) {
              let v_439 : u32 = (v_438 & ((1u<<v_433) - 1u));
              let v_440 : i32 = i32(((v_438>>v_433) & 1023u));
              let v_441 : u32 = counter_add(v_440, 1u);
              if (!(v_37 != 0i)) {
                let v_442 : u32 = counter_add((v_440 + 1024i), (v_439>>10u));
                let v_443 : u32 = counter_add((v_440 + 2048i), (v_439 & 1023u));
              }
            }
          }
        }
        workgroupBarrier();
        let v_444 : u32 = select(select(0u, 10u, (v_420 == 1i)), 20u, (v_420 == 0i));
        let v_445 : u32 = select(v_5[0i], 0u, (v_420 == 0i));
        let v_446 : i32 = (i32(threadIdx.x) * 4i);
        let v_447 : u32 = counter_value(v_446);
        let v_448 : u32 = counter_value((v_446 + 1024i));
        let v_449 : u32 = counter_value((v_446 + 2048i));
        let v_450 : u32 = (v_445 + (u32(v_446)<<v_444));
        let v_451 : f32 = (bitcast<f32>((v_450 & 2139095040u)) * bitcast<f32>(872415232u));
        let v_452 : f32 = select(select(0.000000e+00f, fma(f32(v_449), v_451, fma(f32(v_448), (v_451 * 1.024000e+03f), (f32(v_447) * bitcast<f32>(v_450)))), (f32(v_447) > 0.000000e+00f)), f32(v_447), (v_37 != 0i));
        let v_453 : i32 = ((i32(threadIdx.x) * 4i) + 1i);
        let v_454 : u32 = counter_value(v_453);
        let v_455 : u32 = counter_value((v_453 + 1024i));
        let v_456 : u32 = counter_value((v_453 + 2048i));
        let v_457 : u32 = (v_445 + (u32(v_453)<<v_444));
        let v_458 : f32 = (bitcast<f32>((v_457 & 2139095040u)) * bitcast<f32>(872415232u));
        let v_459 : f32 = select(select(0.000000e+00f, fma(f32(v_456), v_458, fma(f32(v_455), (v_458 * 1.024000e+03f), (f32(v_454) * bitcast<f32>(v_457)))), (f32(v_454) > 0.000000e+00f)), f32(v_454), (v_37 != 0i));
        let v_460 : i32 = ((i32(threadIdx.x) * 4i) + 2i);
        let v_461 : u32 = counter_value(v_460);
        let v_462 : u32 = counter_value((v_460 + 1024i));
        let v_463 : u32 = counter_value((v_460 + 2048i));
        let v_464 : u32 = (v_445 + (u32(v_460)<<v_444));
        let v_465 : f32 = (bitcast<f32>((v_464 & 2139095040u)) * bitcast<f32>(872415232u));
        let v_466 : f32 = select(select(0.000000e+00f, fma(f32(v_463), v_465, fma(f32(v_462), (v_465 * 1.024000e+03f), (f32(v_461) * bitcast<f32>(v_464)))), (f32(v_461) > 0.000000e+00f)), f32(v_461), (v_37 != 0i));
        let v_467 : i32 = ((i32(threadIdx.x) * 4i) + 3i);
        let v_468 : u32 = counter_value(v_467);
        let v_469 : u32 = counter_value((v_467 + 1024i));
        let v_470 : u32 = counter_value((v_467 + 2048i));
        let v_471 : u32 = (v_445 + (u32(v_467)<<v_444));
        let v_472 : f32 = (bitcast<f32>((v_471 & 2139095040u)) * bitcast<f32>(872415232u));
        let v_473 : f32 = select(select(0.000000e+00f, fma(f32(v_470), v_472, fma(f32(v_469), (v_472 * 1.024000e+03f), (f32(v_468) * bitcast<f32>(v_471)))), (f32(v_468) > 0.000000e+00f)), f32(v_468), (v_37 != 0i));
        let v_474 : f32 = (v_452 + v_459);
        let v_475 : f32 = (v_474 + v_466);
        let v_476 : f32 = (v_475 + v_473);
        v_9[i32(threadIdx.x)] = v_476;
        if (i32(threadIdx.x) == 0i) {
          v_10[0i] = -1i;
        }
        workgroupBarrier();
        if (i32(threadIdx.x) < 16i) {
          v_16[0i] = 0.000000e+00f;
          for (var v_477 : i32 = 0i; v_477 < 16i; v_477++) {
            v_16[0i] = (v_16[0i] + v_9[((i32(threadIdx.x) * 16i) + v_477)]);
          }
          v_11[i32(threadIdx.x)] = v_16[0i];
        }
        workgroupBarrier();
        v_17[0i] = 0.000000e+00f;
        v_18[0i] = 0.000000e+00f;
        let v_478 : i32 = (i32(threadIdx.x)>>4u);
        for (var v_479 : i32 = 0i; v_479 < 16i; v_479++) {
          let v_480 : f32 = v_11[v_479];
          v_18[0i] = (v_18[0i] + v_480);
          if (v_479 > v_478) {
            v_17[0i] = (v_17[0i] + v_480);
          }
        }
        for (var v_481 : i32 = 0i; v_481 < 16i; v_481++) {
          let v_482 : i32 = ((v_478 * 16i) + v_481);
          if (v_482 > i32(threadIdx.x)) {
            v_17[0i] = (v_17[0i] + v_9[v_482]);
          }
        }
        if (v_420 == 0i) {
          v_8[0i] = select((v_18[0i] * v_36), v_35, (v_37 != 0i));
        }
        v_17[0i] = (v_7[0i] + v_17[0i]);
        let v_483 : f32 = v_17[0i];
        v_17[0i] = (v_17[0i] + v_473);
        if ((v_483 < v_8[0i]) && (v_17[0i] >= v_8[0i])) {
          v_10[0i] = ((i32(threadIdx.x) * 4i) + 3i);
          v_12[0i] = v_483;
        }
        let v_484 : f32 = v_17[0i];
        v_17[0i] = (v_17[0i] + v_466);
        if ((v_484 < v_8[0i]) && (v_17[0i] >= v_8[0i])) {
          v_10[0i] = ((i32(threadIdx.x) * 4i) + 2i);
          v_12[0i] = v_484;
        }
        let v_485 : f32 = v_17[0i];
        v_17[0i] = (v_17[0i] + v_459);
        if ((v_485 < v_8[0i]) && (v_17[0i] >= v_8[0i])) {
          v_10[0i] = ((i32(threadIdx.x) * 4i) + 1i);
          v_12[0i] = v_485;
        }
        let v_486 : f32 = v_17[0i];
        v_17[0i] = (v_17[0i] + v_452);
        if ((v_486 < v_8[0i]) && (v_17[0i] >= v_8[0i])) {
          v_10[0i] = (i32(threadIdx.x) * 4i);
          v_12[0i] = v_486;
        }
        workgroupBarrier();
        let v_487 : i32 = v_10[0i];
        if (v_487 >= 0i) {
          v_5[0i] = max((v_445 + (u32(v_487)<<v_444)), v_6[0i]);
          v_7[0i] = v_12[0i];
        }
        workgroupBarrier();
      }
    }
    v_6[0i] = v_5[0i];
    v_7[0i] = 0.000000e+00f;
  }
  if (v_38 != 0i) {
    for (var v_488 : i32 = 0i; v_488 < 3i; v_488++) {
      if (v_488 >= select(1i, 0i, (v_37 != 0i))) {
        let v_489 : i32 = i32(threadIdx.x);
        counter_clear(v_489);
        let v_490 : i32 = (256i + i32(threadIdx.x));
        counter_clear(v_490);
        let v_491 : i32 = (512i + i32(threadIdx.x));
        counter_clear(v_491);
        let v_492 : i32 = (768i + i32(threadIdx.x));
        counter_clear(v_492);
        let v_493 : i32 = (1024i + i32(threadIdx.x));
        counter_clear(v_493);
        let v_494 : i32 = (1280i + i32(threadIdx.x));
        counter_clear(v_494);
        let v_495 : i32 = (1536i + i32(threadIdx.x));
        counter_clear(v_495);
        let v_496 : i32 = (1792i + i32(threadIdx.x));
        counter_clear(v_496);
        let v_497 : i32 = (2048i + i32(threadIdx.x));
        counter_clear(v_497);
        let v_498 : i32 = (2304i + i32(threadIdx.x));
        counter_clear(v_498);
        let v_499 : i32 = (2560i + i32(threadIdx.x));
        counter_clear(v_499);
        let v_500 : i32 = (2816i + i32(threadIdx.x));
        counter_clear(v_500);
        workgroupBarrier();
        let v_501 : u32 = select(select(0u, 10u, (v_488 == 1i)), 20u, (v_488 == 0i));
        let v_502 : u32 = (v_5[0i]>>(v_501 + 10u));
        let v_503 : i32 = ((v_419 + 255i)>>8u);
        for (var v_504 : i32 = 0i; v_504 < v_503; v_504++) {
          let v_505 : i32 = ((v_504 * 256i) + i32(threadIdx.x));
          if (v_505 < v_419) {
            let v_506 : u32 = kept_bits_ptr[v_505];
            if ((v_506 >= v_6[0i]) && ((v_488 == 0i) || ((v_506>>(v_501 + 10u)) == v_502))) {
              let v_507 : u32 = (v_506 & ((1u<<v_501) - 1u));
              let v_508 : i32 = i32(((v_506>>v_501) & 1023u));
              let v_509 : u32 = counter_add(v_508, 1u);
              if (!bool(0)) {
                let v_510 : u32 = counter_add((v_508 + 1024i), (v_507>>10u));
                let v_511 : u32 = counter_add((v_508 + 2048i), (v_507 & 1023u));
              }
            }
          }
        }
        workgroupBarrier();
        let v_512 : u32 = select(select(0u, 10u, (v_488 == 1i)), 20u, (v_488 == 0i));
        let v_513 : u32 = select(v_5[0i], 0u, (v_488 == 0i));
        let v_514 : i32 = (i32(threadIdx.x) * 4i);
        let v_515 : u32 = counter_value(v_514);
        let v_516 : u32 = counter_value((v_514 + 1024i));
        let v_517 : u32 = counter_value((v_514 + 2048i));
        let v_518 : u32 = (v_513 + (u32(v_514)<<v_512));
        let v_519 : f32 = (bitcast<f32>((v_518 & 2139095040u)) * bitcast<f32>(872415232u));
        let v_520 : f32 = select(0.000000e+00f, fma(f32(v_517), v_519, fma(f32(v_516), (v_519 * 1.024000e+03f), (f32(v_515) * bitcast<f32>(v_518)))), (f32(v_515) > 0.000000e+00f));
        let v_521 : i32 = ((i32(threadIdx.x) * 4i) + 1i);
        let v_522 : u32 = counter_value(v_521);
        let v_523 : u32 = counter_value((v_521 + 1024i));
        let v_524 : u32 = counter_value((v_521 + 2048i));
        let v_525 : u32 = (v_513 + (u32(v_521)<<v_512));
        let v_526 : f32 = (bitcast<f32>((v_525 & 2139095040u)) * bitcast<f32>(872415232u));
        let v_527 : f32 = select(0.000000e+00f, fma(f32(v_524), v_526, fma(f32(v_523), (v_526 * 1.024000e+03f), (f32(v_522) * bitcast<f32>(v_525)))), (f32(v_522) > 0.000000e+00f));
        let v_528 : i32 = ((i32(threadIdx.x) * 4i) + 2i);
        let v_529 : u32 = counter_value(v_528);
        let v_530 : u32 = counter_value((v_528 + 1024i));
        let v_531 : u32 = counter_value((v_528 + 2048i));
        let v_532 : u32 = (v_513 + (u32(v_528)<<v_512));
        let v_533 : f32 = (bitcast<f32>((v_532 & 2139095040u)) * bitcast<f32>(872415232u));
        let v_534 : f32 = select(0.000000e+00f, fma(f32(v_531), v_533, fma(f32(v_530), (v_533 * 1.024000e+03f), (f32(v_529) * bitcast<f32>(v_532)))), (f32(v_529) > 0.000000e+00f));
        let v_535 : i32 = ((i32(threadIdx.x) * 4i) + 3i);
        let v_536 : u32 = counter_value(v_535);
        let v_537 : u32 = counter_value((v_535 + 1024i));
        let v_538 : u32 = counter_value((v_535 + 2048i));
        let v_539 : u32 = (v_513 + (u32(v_535)<<v_512));
        let v_540 : f32 = (bitcast<f32>((v_539 & 2139095040u)) * bitcast<f32>(872415232u));
        let v_541 : f32 = select(0.000000e+00f, fma(f32(v_538), v_540, fma(f32(v_537), (v_540 * 1.024000e+03f), (f32(v_536) * bitcast<f32>(v_539)))), (f32(v_536) > 0.000000e+00f));
        let v_542 : f32 = (v_520 + v_527);
        let v_543 : f32 = (v_542 + v_534);
        let v_544 : f32 = (v_543 + v_541);
        v_9[i32(threadIdx.x)] = v_544;
        if (i32(threadIdx.x) == 0i) {
          v_10[0i] = -1i;
        }
        workgroupBarrier();
        if (i32(threadIdx.x) < 16i) {
          v_19[0i] = 0.000000e+00f;
          for (var v_545 : i32 = 0i; v_545 < 16i; v_545++) {
            v_19[0i] = (v_19[0i] + v_9[((i32(threadIdx.x) * 16i) + v_545)]);
          }
          v_11[i32(threadIdx.x)] = v_19[0i];
        }
        workgroupBarrier();
        v_20[0i] = 0.000000e+00f;
        v_21[0i] = 0.000000e+00f;
        let v_546 : i32 = (i32(threadIdx.x)>>4u);
        for (var v_547 : i32 = 0i; v_547 < 16i; v_547++) {
          let v_548 : f32 = v_11[v_547];
          v_21[0i] = (v_21[0i] + v_548);
          if (v_547 > v_546) {
            v_20[0i] = (v_20[0i] + v_548);
          }
        }
        for (var v_549 : i32 = 0i; v_549 < 16i; v_549++) {
          let v_550 : i32 = ((v_546 * 16i) + v_549);
          if (v_550 > i32(threadIdx.x)) {
            v_20[0i] = (v_20[0i] + v_9[v_550]);
          }
        }
        if (v_488 == 0i) {
          v_8[0i] = (v_21[0i] * v_36);
        }
        v_20[0i] = (v_7[0i] + v_20[0i]);
        let v_551 : f32 = v_20[0i];
        v_20[0i] = (v_20[0i] + v_541);
        if ((v_551 < v_8[0i]) && (v_20[0i] >= v_8[0i])) {
          v_10[0i] = ((i32(threadIdx.x) * 4i) + 3i);
          v_12[0i] = v_551;
        }
        let v_552 : f32 = v_20[0i];
        v_20[0i] = (v_20[0i] + v_534);
        if ((v_552 < v_8[0i]) && (v_20[0i] >= v_8[0i])) {
          v_10[0i] = ((i32(threadIdx.x) * 4i) + 2i);
          v_12[0i] = v_552;
        }
        let v_553 : f32 = v_20[0i];
        v_20[0i] = (v_20[0i] + v_527);
        if ((v_553 < v_8[0i]) && (v_20[0i] >= v_8[0i])) {
          v_10[0i] = ((i32(threadIdx.x) * 4i) + 1i);
          v_12[0i] = v_553;
        }
        let v_554 : f32 = v_20[0i];
        v_20[0i] = (v_20[0i] + v_520);
        if ((v_554 < v_8[0i]) && (v_20[0i] >= v_8[0i])) {
          v_10[0i] = (i32(threadIdx.x) * 4i);
          v_12[0i] = v_554;
        }
        workgroupBarrier();
        let v_555 : i32 = v_10[0i];
        if (v_555 >= 0i) {
          v_5[0i] = max((v_513 + (u32(v_555)<<v_512)), v_6[0i]);
          v_7[0i] = v_12[0i];
        }
        workgroupBarrier();
      }
    }
  }
  let v_556 : u32 = max(v_5[0i], bitcast<u32>(sampling_ptr[3i]));
  let v_557 : i32 = ((v_419 + 255i)>>8u);
  for (var v_558 : i32 = 0i; v_558 < v_557; v_558++) {
    let v_559 : i32 = ((v_558 * 256i) + i32(threadIdx.x));
    if (v_559 < v_419) {
      let v_560 : u32 = kept_bits_ptr[v_559];
      if (v_560 >= v_556) {
        let v_561 : i32 = kept_ids_ptr[v_559];
        let v_562 : f32 = bitcast<f32>(v_560);
        let v_563 : u32 = (u32(v_561) ^ v_194);
        let v_564 : u32 = ((v_563 ^ (v_563>>16u)) * 2146121005u);
        let v_565 : u32 = ((v_564 ^ (v_564>>15u)) * 2221713035u);
        let v_566 : u32 = (v_565 ^ (v_565>>16u));
        let v_567 : u32 = (v_566 ^ v_197);
        let v_568 : u32 = ((v_567 ^ (v_567>>16u)) * 2146121005u);
        let v_569 : u32 = ((v_568 ^ (v_568>>15u)) * 2221713035u);
        let v_570 : u32 = (v_569 ^ (v_569>>16u));
        let v_571 : u32 = v[0i];
        if ((f32(((v_570 ^ 4294967295u)>>8u)) * bitcast<f32>(864026624u)) <= ((select(bitcast<f32>((v_571 ^ 4294967295u)), 3.000000e+38f, (v_571 == 0u)) * 1.000010e+00f) * v_562)) {
          let v_572 : u32 = (v_570 | 1u);
          let v_573 : u32 = countLeadingZeros(v_572);
          let v_574 : f32 = ((f32(((v_572<<v_573) ^ 4294967295u)) + 1.000000e+00f) * bitcast<f32>(796917760u));
          let v_575 : f32 = (v_574 / (2.000000e+00f - v_574));
          let v_576 : f32 = (v_575 * v_575);
          let v_577 : f32 = fma(7.692308e-02f, v_576, 9.090909e-02f);
          let v_578 : f32 = fma(v_577, v_576, bitcast<f32>(1038323257u));
          let v_579 : f32 = fma(v_578, v_576, bitcast<f32>(1041385765u));
          let v_580 : f32 = fma(v_579, v_576, 2.000000e-01f);
          let v_581 : f32 = fma(v_580, v_576, bitcast<f32>(1051372203u));
          let v_582 : f32 = fma(v_581, v_576, 1.000000e+00f);
          let v_583 : f32 = (fma((2.000000e+00f * v_575), v_582, (f32(v_573) * 6.931472e-01f)) / v_562);
          let v_584 : u32 = (bitcast<u32>(v_583) ^ 4294967295u);
          if ((v_584 > v[0i]) || ((v_584 == v[0i]) && (v_561 < v_1[0i]))) {
            v[0i] = v_584;
            v_1[0i] = v_561;
          }
        }
      }
    }
  }
  v_2[i32(threadIdx.x)] = v[0i];
  v_3[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  if (i32(threadIdx.x) < 16i) {
    for (var v_585 : i32 = 0i; v_585 < 16i; v_585++) {
      let v_586 : i32 = (i32(threadIdx.x) + (v_585 * 16i));
      let v_587 : u32 = v_2[v_586];
      let v_588 : i32 = v_3[v_586];
      if ((v_587 > v[0i]) || ((v_587 == v[0i]) && (v_588 < v_1[0i]))) {
        v[0i] = v_587;
        v_1[0i] = v_588;
      }
    }
  }
  workgroupBarrier();
  v_2[i32(threadIdx.x)] = v[0i];
  v_3[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  if (i32(threadIdx.x) < 1i) {
    for (var v_589 : i32 = 0i; v_589 < 16i; v_589++) {
      let v_590 : i32 = (i32(threadIdx.x) + v_589);
      let v_591 : u32 = v_2[v_590];
      let v_592 : i32 = v_3[v_590];
      if ((v_591 > v[0i]) || ((v_591 == v[0i]) && (v_592 < v_1[0i]))) {
        v[0i] = v_591;
        v_1[0i] = v_592;
      }
    }
  }
  workgroupBarrier();
  if (i32(threadIdx.x) == 0i) {
    let v_593 : i32 = v_1[0i];
    if ((v_33 > 0u) && (v_33 < 4278190080u)) {
      token_counts_ptr[v_593] = (token_counts_ptr[v_593] + 1i);
    }
    let v_594 : i32 = select(-1i, v_593, ((v_33 > 0u) && (v_33 < 4278190080u)));
    tokens_ptr[(state_ptr[2i] & 63i)] = v_594;
    if (v_594 >= 0i) {
      state_ptr[0i] = v_594;
    }
    state_ptr[1i] = (state_ptr[1i] + 1i);
    state_ptr[2i] = (state_ptr[2i] + 1i);
  }
}
var<workgroup> counters : array<atomic<u32>, 3073>;
fn counter_clear(i: i32) { atomicStore(&counters[i], 0u); }
fn counter_add(i: i32, value: u32) -> u32 { return atomicAdd(&counters[i], value); }
fn counter_value(i: i32) -> u32 { return atomicLoad(&counters[i]); }
