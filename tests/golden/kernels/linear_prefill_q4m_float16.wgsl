// linear_prefill_q4m_float16
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
override activation: i32;
override softcap: f32;

@compute @workgroup_size(64, 1, 1)
fn linear_prefill_q4m_float16_kernel(
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
  let v_32 : i32 = (((v__1 * 16i) + (i32(threadIdx.x) & 15i)) * 4i);
  let v_33 : i32 = ((i32(blockIdx.y) * 16i) + ((i32(threadIdx.x)>>4u) * 4i));
  let v_34 : i32 = select(v_32, min(v_32, (outputs - 1i)), (tails != 0i));
  let v_35 : i32 = select((v_32 + 1i), min((v_32 + 1i), (outputs - 1i)), (tails != 0i));
  let v_36 : i32 = select((v_32 + 2i), min((v_32 + 2i), (outputs - 1i)), (tails != 0i));
  let v_37 : i32 = select((v_32 + 3i), min((v_32 + 3i), (outputs - 1i)), (tails != 0i));
  let v_38 : i32 = min(v_33, (podArgs.n - 1i));
  let v_39 : i32 = min((v_33 + 1i), (podArgs.n - 1i));
  let v_40 : i32 = min((v_33 + 2i), (podArgs.n - 1i));
  let v_41 : i32 = min((v_33 + 3i), (podArgs.n - 1i));
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
  for (var v_42 : i32 = 0i; v_42 < chunks; v_42++) {
    let v_43 : vec4<u32> = w_ptr[(v_42 + (v_34 * chunks))];
    let v_44 : vec4<f32> = vec4<f32>(f32((((v_43)[0]>>0u) & 15u)), f32((((v_43)[0]>>4u) & 15u)), f32((((v_43)[0]>>8u) & 15u)), f32((((v_43)[0]>>12u) & 15u)));
    let v_45 : vec4<f32> = vec4<f32>(f32((((v_43)[0]>>16u) & 15u)), f32((((v_43)[0]>>20u) & 15u)), f32((((v_43)[0]>>24u) & 15u)), f32((((v_43)[0]>>28u) & 15u)));
    let v_46 : vec4<f32> = vec4<f32>(f32((((v_43)[1]>>0u) & 15u)), f32((((v_43)[1]>>4u) & 15u)), f32((((v_43)[1]>>8u) & 15u)), f32((((v_43)[1]>>12u) & 15u)));
    let v_47 : vec4<f32> = vec4<f32>(f32((((v_43)[1]>>16u) & 15u)), f32((((v_43)[1]>>20u) & 15u)), f32((((v_43)[1]>>24u) & 15u)), f32((((v_43)[1]>>28u) & 15u)));
    let v_48 : vec4<f32> = vec4<f32>(f32((((v_43)[2]>>0u) & 15u)), f32((((v_43)[2]>>4u) & 15u)), f32((((v_43)[2]>>8u) & 15u)), f32((((v_43)[2]>>12u) & 15u)));
    let v_49 : vec4<f32> = vec4<f32>(f32((((v_43)[2]>>16u) & 15u)), f32((((v_43)[2]>>20u) & 15u)), f32((((v_43)[2]>>24u) & 15u)), f32((((v_43)[2]>>28u) & 15u)));
    let v_50 : vec4<f32> = vec4<f32>(f32((((v_43)[3]>>0u) & 15u)), f32((((v_43)[3]>>4u) & 15u)), f32((((v_43)[3]>>8u) & 15u)), f32((((v_43)[3]>>12u) & 15u)));
    let v_51 : vec4<f32> = vec4<f32>(f32((((v_43)[3]>>16u) & 15u)), f32((((v_43)[3]>>20u) & 15u)), f32((((v_43)[3]>>24u) & 15u)), f32((((v_43)[3]>>28u) & 15u)));
    let v_52 : i32 = ((v_34 * groups) + i32((u32(v_42) / u32(group_chunks))));
    let v_53 : u32 = w_scale_ptr[v_52];
    let v_54 : f32 = (unpack2x16float(v_53))[0];
    let v_55 : f32 = (unpack2x16float(v_53))[1];
    let v_56 : vec4<u32> = w_ptr[(v_42 + (v_35 * chunks))];
    let v_57 : vec4<f32> = vec4<f32>(f32((((v_56)[0]>>0u) & 15u)), f32((((v_56)[0]>>4u) & 15u)), f32((((v_56)[0]>>8u) & 15u)), f32((((v_56)[0]>>12u) & 15u)));
    let v_58 : vec4<f32> = vec4<f32>(f32((((v_56)[0]>>16u) & 15u)), f32((((v_56)[0]>>20u) & 15u)), f32((((v_56)[0]>>24u) & 15u)), f32((((v_56)[0]>>28u) & 15u)));
    let v_59 : vec4<f32> = vec4<f32>(f32((((v_56)[1]>>0u) & 15u)), f32((((v_56)[1]>>4u) & 15u)), f32((((v_56)[1]>>8u) & 15u)), f32((((v_56)[1]>>12u) & 15u)));
    let v_60 : vec4<f32> = vec4<f32>(f32((((v_56)[1]>>16u) & 15u)), f32((((v_56)[1]>>20u) & 15u)), f32((((v_56)[1]>>24u) & 15u)), f32((((v_56)[1]>>28u) & 15u)));
    let v_61 : vec4<f32> = vec4<f32>(f32((((v_56)[2]>>0u) & 15u)), f32((((v_56)[2]>>4u) & 15u)), f32((((v_56)[2]>>8u) & 15u)), f32((((v_56)[2]>>12u) & 15u)));
    let v_62 : vec4<f32> = vec4<f32>(f32((((v_56)[2]>>16u) & 15u)), f32((((v_56)[2]>>20u) & 15u)), f32((((v_56)[2]>>24u) & 15u)), f32((((v_56)[2]>>28u) & 15u)));
    let v_63 : vec4<f32> = vec4<f32>(f32((((v_56)[3]>>0u) & 15u)), f32((((v_56)[3]>>4u) & 15u)), f32((((v_56)[3]>>8u) & 15u)), f32((((v_56)[3]>>12u) & 15u)));
    let v_64 : vec4<f32> = vec4<f32>(f32((((v_56)[3]>>16u) & 15u)), f32((((v_56)[3]>>20u) & 15u)), f32((((v_56)[3]>>24u) & 15u)), f32((((v_56)[3]>>28u) & 15u)));
    let v_65 : i32 = ((v_35 * groups) + i32((u32(v_42) / u32(group_chunks))));
    let v_66 : u32 = w_scale_ptr[v_65];
    let v_67 : f32 = (unpack2x16float(v_66))[0];
    let v_68 : f32 = (unpack2x16float(v_66))[1];
    let v_69 : vec4<u32> = w_ptr[(v_42 + (v_36 * chunks))];
    let v_70 : vec4<f32> = vec4<f32>(f32((((v_69)[0]>>0u) & 15u)), f32((((v_69)[0]>>4u) & 15u)), f32((((v_69)[0]>>8u) & 15u)), f32((((v_69)[0]>>12u) & 15u)));
    let v_71 : vec4<f32> = vec4<f32>(f32((((v_69)[0]>>16u) & 15u)), f32((((v_69)[0]>>20u) & 15u)), f32((((v_69)[0]>>24u) & 15u)), f32((((v_69)[0]>>28u) & 15u)));
    let v_72 : vec4<f32> = vec4<f32>(f32((((v_69)[1]>>0u) & 15u)), f32((((v_69)[1]>>4u) & 15u)), f32((((v_69)[1]>>8u) & 15u)), f32((((v_69)[1]>>12u) & 15u)));
    let v_73 : vec4<f32> = vec4<f32>(f32((((v_69)[1]>>16u) & 15u)), f32((((v_69)[1]>>20u) & 15u)), f32((((v_69)[1]>>24u) & 15u)), f32((((v_69)[1]>>28u) & 15u)));
    let v_74 : vec4<f32> = vec4<f32>(f32((((v_69)[2]>>0u) & 15u)), f32((((v_69)[2]>>4u) & 15u)), f32((((v_69)[2]>>8u) & 15u)), f32((((v_69)[2]>>12u) & 15u)));
    let v_75 : vec4<f32> = vec4<f32>(f32((((v_69)[2]>>16u) & 15u)), f32((((v_69)[2]>>20u) & 15u)), f32((((v_69)[2]>>24u) & 15u)), f32((((v_69)[2]>>28u) & 15u)));
    let v_76 : vec4<f32> = vec4<f32>(f32((((v_69)[3]>>0u) & 15u)), f32((((v_69)[3]>>4u) & 15u)), f32((((v_69)[3]>>8u) & 15u)), f32((((v_69)[3]>>12u) & 15u)));
    let v_77 : vec4<f32> = vec4<f32>(f32((((v_69)[3]>>16u) & 15u)), f32((((v_69)[3]>>20u) & 15u)), f32((((v_69)[3]>>24u) & 15u)), f32((((v_69)[3]>>28u) & 15u)));
    let v_78 : i32 = ((v_36 * groups) + i32((u32(v_42) / u32(group_chunks))));
    let v_79 : u32 = w_scale_ptr[v_78];
    let v_80 : f32 = (unpack2x16float(v_79))[0];
    let v_81 : f32 = (unpack2x16float(v_79))[1];
    let v_82 : vec4<u32> = w_ptr[(v_42 + (v_37 * chunks))];
    let v_83 : vec4<f32> = vec4<f32>(f32((((v_82)[0]>>0u) & 15u)), f32((((v_82)[0]>>4u) & 15u)), f32((((v_82)[0]>>8u) & 15u)), f32((((v_82)[0]>>12u) & 15u)));
    let v_84 : vec4<f32> = vec4<f32>(f32((((v_82)[0]>>16u) & 15u)), f32((((v_82)[0]>>20u) & 15u)), f32((((v_82)[0]>>24u) & 15u)), f32((((v_82)[0]>>28u) & 15u)));
    let v_85 : vec4<f32> = vec4<f32>(f32((((v_82)[1]>>0u) & 15u)), f32((((v_82)[1]>>4u) & 15u)), f32((((v_82)[1]>>8u) & 15u)), f32((((v_82)[1]>>12u) & 15u)));
    let v_86 : vec4<f32> = vec4<f32>(f32((((v_82)[1]>>16u) & 15u)), f32((((v_82)[1]>>20u) & 15u)), f32((((v_82)[1]>>24u) & 15u)), f32((((v_82)[1]>>28u) & 15u)));
    let v_87 : vec4<f32> = vec4<f32>(f32((((v_82)[2]>>0u) & 15u)), f32((((v_82)[2]>>4u) & 15u)), f32((((v_82)[2]>>8u) & 15u)), f32((((v_82)[2]>>12u) & 15u)));
    let v_88 : vec4<f32> = vec4<f32>(f32((((v_82)[2]>>16u) & 15u)), f32((((v_82)[2]>>20u) & 15u)), f32((((v_82)[2]>>24u) & 15u)), f32((((v_82)[2]>>28u) & 15u)));
    let v_89 : vec4<f32> = vec4<f32>(f32((((v_82)[3]>>0u) & 15u)), f32((((v_82)[3]>>4u) & 15u)), f32((((v_82)[3]>>8u) & 15u)), f32((((v_82)[3]>>12u) & 15u)));
    let v_90 : vec4<f32> = vec4<f32>(f32((((v_82)[3]>>16u) & 15u)), f32((((v_82)[3]>>20u) & 15u)), f32((((v_82)[3]>>24u) & 15u)), f32((((v_82)[3]>>28u) & 15u)));
    let v_91 : i32 = ((v_37 * groups) + i32((u32(v_42) / u32(group_chunks))));
    let v_92 : u32 = w_scale_ptr[v_91];
    let v_93 : f32 = (unpack2x16float(v_92))[0];
    let v_94 : f32 = (unpack2x16float(v_92))[1];
    let v_95 : vec4<f32> = x_ptr[((v_42 * 8i) + (v_38 * quads))];
    let v_96 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_38 * quads) + 1i))];
    let v_97 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_38 * quads) + 2i))];
    let v_98 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_38 * quads) + 3i))];
    let v_99 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_38 * quads) + 4i))];
    let v_100 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_38 * quads) + 5i))];
    let v_101 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_38 * quads) + 6i))];
    let v_102 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_38 * quads) + 7i))];
    let v_103 : f32 = dot((((((((v_95 + v_96) + v_97) + v_98) + v_99) + v_100) + v_101) + v_102), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v[0i] = (v[0i] + fma(v_55, v_103, ((((((((dot(v_95, v_44) + dot(v_96, v_45)) + dot(v_97, v_46)) + dot(v_98, v_47)) + dot(v_99, v_48)) + dot(v_100, v_49)) + dot(v_101, v_50)) + dot(v_102, v_51)) * v_54)));
    v_1[0i] = (v_1[0i] + fma(v_68, v_103, ((((((((dot(v_95, v_57) + dot(v_96, v_58)) + dot(v_97, v_59)) + dot(v_98, v_60)) + dot(v_99, v_61)) + dot(v_100, v_62)) + dot(v_101, v_63)) + dot(v_102, v_64)) * v_67)));
    v_2[0i] = (v_2[0i] + fma(v_81, v_103, ((((((((dot(v_95, v_70) + dot(v_96, v_71)) + dot(v_97, v_72)) + dot(v_98, v_73)) + dot(v_99, v_74)) + dot(v_100, v_75)) + dot(v_101, v_76)) + dot(v_102, v_77)) * v_80)));
    v_3[0i] = (v_3[0i] + fma(v_94, v_103, ((((((((dot(v_95, v_83) + dot(v_96, v_84)) + dot(v_97, v_85)) + dot(v_98, v_86)) + dot(v_99, v_87)) + dot(v_100, v_88)) + dot(v_101, v_89)) + dot(v_102, v_90)) * v_93)));
    let v_104 : vec4<f32> = x_ptr[((v_42 * 8i) + (v_39 * quads))];
    let v_105 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_39 * quads) + 1i))];
    let v_106 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_39 * quads) + 2i))];
    let v_107 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_39 * quads) + 3i))];
    let v_108 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_39 * quads) + 4i))];
    let v_109 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_39 * quads) + 5i))];
    let v_110 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_39 * quads) + 6i))];
    let v_111 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_39 * quads) + 7i))];
    let v_112 : f32 = dot((((((((v_104 + v_105) + v_106) + v_107) + v_108) + v_109) + v_110) + v_111), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_4[0i] = (v_4[0i] + fma(v_55, v_112, ((((((((dot(v_104, v_44) + dot(v_105, v_45)) + dot(v_106, v_46)) + dot(v_107, v_47)) + dot(v_108, v_48)) + dot(v_109, v_49)) + dot(v_110, v_50)) + dot(v_111, v_51)) * v_54)));
    v_5[0i] = (v_5[0i] + fma(v_68, v_112, ((((((((dot(v_104, v_57) + dot(v_105, v_58)) + dot(v_106, v_59)) + dot(v_107, v_60)) + dot(v_108, v_61)) + dot(v_109, v_62)) + dot(v_110, v_63)) + dot(v_111, v_64)) * v_67)));
    v_6[0i] = (v_6[0i] + fma(v_81, v_112, ((((((((dot(v_104, v_70) + dot(v_105, v_71)) + dot(v_106, v_72)) + dot(v_107, v_73)) + dot(v_108, v_74)) + dot(v_109, v_75)) + dot(v_110, v_76)) + dot(v_111, v_77)) * v_80)));
    v_7[0i] = (v_7[0i] + fma(v_94, v_112, ((((((((dot(v_104, v_83) + dot(v_105, v_84)) + dot(v_106, v_85)) + dot(v_107, v_86)) + dot(v_108, v_87)) + dot(v_109, v_88)) + dot(v_110, v_89)) + dot(v_111, v_90)) * v_93)));
    let v_113 : vec4<f32> = x_ptr[((v_42 * 8i) + (v_40 * quads))];
    let v_114 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_40 * quads) + 1i))];
    let v_115 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_40 * quads) + 2i))];
    let v_116 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_40 * quads) + 3i))];
    let v_117 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_40 * quads) + 4i))];
    let v_118 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_40 * quads) + 5i))];
    let v_119 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_40 * quads) + 6i))];
    let v_120 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_40 * quads) + 7i))];
    let v_121 : f32 = dot((((((((v_113 + v_114) + v_115) + v_116) + v_117) + v_118) + v_119) + v_120), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_8[0i] = (v_8[0i] + fma(v_55, v_121, ((((((((dot(v_113, v_44) + dot(v_114, v_45)) + dot(v_115, v_46)) + dot(v_116, v_47)) + dot(v_117, v_48)) + dot(v_118, v_49)) + dot(v_119, v_50)) + dot(v_120, v_51)) * v_54)));
    v_9[0i] = (v_9[0i] + fma(v_68, v_121, ((((((((dot(v_113, v_57) + dot(v_114, v_58)) + dot(v_115, v_59)) + dot(v_116, v_60)) + dot(v_117, v_61)) + dot(v_118, v_62)) + dot(v_119, v_63)) + dot(v_120, v_64)) * v_67)));
    v_10[0i] = (v_10[0i] + fma(v_81, v_121, ((((((((dot(v_113, v_70) + dot(v_114, v_71)) + dot(v_115, v_72)) + dot(v_116, v_73)) + dot(v_117, v_74)) + dot(v_118, v_75)) + dot(v_119, v_76)) + dot(v_120, v_77)) * v_80)));
    v_11[0i] = (v_11[0i] + fma(v_94, v_121, ((((((((dot(v_113, v_83) + dot(v_114, v_84)) + dot(v_115, v_85)) + dot(v_116, v_86)) + dot(v_117, v_87)) + dot(v_118, v_88)) + dot(v_119, v_89)) + dot(v_120, v_90)) * v_93)));
    let v_122 : vec4<f32> = x_ptr[((v_42 * 8i) + (v_41 * quads))];
    let v_123 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_41 * quads) + 1i))];
    let v_124 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_41 * quads) + 2i))];
    let v_125 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_41 * quads) + 3i))];
    let v_126 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_41 * quads) + 4i))];
    let v_127 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_41 * quads) + 5i))];
    let v_128 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_41 * quads) + 6i))];
    let v_129 : vec4<f32> = x_ptr[((v_42 * 8i) + ((v_41 * quads) + 7i))];
    let v_130 : f32 = dot((((((((v_122 + v_123) + v_124) + v_125) + v_126) + v_127) + v_128) + v_129), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_12[0i] = (v_12[0i] + fma(v_55, v_130, ((((((((dot(v_122, v_44) + dot(v_123, v_45)) + dot(v_124, v_46)) + dot(v_125, v_47)) + dot(v_126, v_48)) + dot(v_127, v_49)) + dot(v_128, v_50)) + dot(v_129, v_51)) * v_54)));
    v_13[0i] = (v_13[0i] + fma(v_68, v_130, ((((((((dot(v_122, v_57) + dot(v_123, v_58)) + dot(v_124, v_59)) + dot(v_125, v_60)) + dot(v_126, v_61)) + dot(v_127, v_62)) + dot(v_128, v_63)) + dot(v_129, v_64)) * v_67)));
    v_14[0i] = (v_14[0i] + fma(v_81, v_130, ((((((((dot(v_122, v_70) + dot(v_123, v_71)) + dot(v_124, v_72)) + dot(v_125, v_73)) + dot(v_126, v_74)) + dot(v_127, v_75)) + dot(v_128, v_76)) + dot(v_129, v_77)) * v_80)));
    v_15[0i] = (v_15[0i] + fma(v_94, v_130, ((((((((dot(v_122, v_83) + dot(v_123, v_84)) + dot(v_124, v_85)) + dot(v_125, v_86)) + dot(v_126, v_87)) + dot(v_127, v_88)) + dot(v_128, v_89)) + dot(v_129, v_90)) * v_93)));
  }
  if ((v_33 < podArgs.n) && select(bool(1), (v_32 < outputs), (tails != 0i))) {
    let v_131 : i32 = (v_32 + first_row);
    if (has_bias != 0i) {
      v[0i] = (v[0i] + bias_ptr[v_131]);
    }
    if (has_delta != 0i) {
      v[0i] = (v[0i] + delta_ptr[((v_33 * all_outputs) + v_131)]);
    }
    v_16[0i] = capped((activated(v[0i]) * scale));
    if (has_residual != 0i) {
      v_16[0i] = (v_16[0i] + residual_ptr[((v_33 * all_outputs) + v_131)]);
    }
    out_ptr[((v_33 * all_outputs) + v_131)] = v_16[0i];
  }
  if ((v_33 < podArgs.n) && select(bool(1), ((v_32 + 1i) < outputs), (tails != 0i))) {
    let v_132 : i32 = ((v_32 + 1i) + first_row);
    if (has_bias != 0i) {
      v_1[0i] = (v_1[0i] + bias_ptr[v_132]);
    }
    if (has_delta != 0i) {
      v_1[0i] = (v_1[0i] + delta_ptr[((v_33 * all_outputs) + v_132)]);
    }
    v_17[0i] = capped((activated(v_1[0i]) * scale));
    if (has_residual != 0i) {
      v_17[0i] = (v_17[0i] + residual_ptr[((v_33 * all_outputs) + v_132)]);
    }
    out_ptr[((v_33 * all_outputs) + v_132)] = v_17[0i];
  }
  if ((v_33 < podArgs.n) && select(bool(1), ((v_32 + 2i) < outputs), (tails != 0i))) {
    let v_133 : i32 = ((v_32 + 2i) + first_row);
    if (has_bias != 0i) {
      v_2[0i] = (v_2[0i] + bias_ptr[v_133]);
    }
    if (has_delta != 0i) {
      v_2[0i] = (v_2[0i] + delta_ptr[((v_33 * all_outputs) + v_133)]);
    }
    v_18[0i] = capped((activated(v_2[0i]) * scale));
    if (has_residual != 0i) {
      v_18[0i] = (v_18[0i] + residual_ptr[((v_33 * all_outputs) + v_133)]);
    }
    out_ptr[((v_33 * all_outputs) + v_133)] = v_18[0i];
  }
  if ((v_33 < podArgs.n) && select(bool(1), ((v_32 + 3i) < outputs), (tails != 0i))) {
    let v_134 : i32 = ((v_32 + 3i) + first_row);
    if (has_bias != 0i) {
      v_3[0i] = (v_3[0i] + bias_ptr[v_134]);
    }
    if (has_delta != 0i) {
      v_3[0i] = (v_3[0i] + delta_ptr[((v_33 * all_outputs) + v_134)]);
    }
    v_19[0i] = capped((activated(v_3[0i]) * scale));
    if (has_residual != 0i) {
      v_19[0i] = (v_19[0i] + residual_ptr[((v_33 * all_outputs) + v_134)]);
    }
    out_ptr[((v_33 * all_outputs) + v_134)] = v_19[0i];
  }
  if (((v_33 + 1i) < podArgs.n) && select(bool(1), (v_32 < outputs), (tails != 0i))) {
    let v_135 : i32 = (v_32 + first_row);
    if (has_bias != 0i) {
      v_4[0i] = (v_4[0i] + bias_ptr[v_135]);
    }
    if (has_delta != 0i) {
      v_4[0i] = (v_4[0i] + delta_ptr[(((v_33 + 1i) * all_outputs) + v_135)]);
    }
    v_20[0i] = capped((activated(v_4[0i]) * scale));
    if (has_residual != 0i) {
      v_20[0i] = (v_20[0i] + residual_ptr[(((v_33 + 1i) * all_outputs) + v_135)]);
    }
    out_ptr[(((v_33 + 1i) * all_outputs) + v_135)] = v_20[0i];
  }
  if (((v_33 + 1i) < podArgs.n) && select(bool(1), ((v_32 + 1i) < outputs), (tails != 0i))) {
    let v_136 : i32 = ((v_32 + 1i) + first_row);
    if (has_bias != 0i) {
      v_5[0i] = (v_5[0i] + bias_ptr[v_136]);
    }
    if (has_delta != 0i) {
      v_5[0i] = (v_5[0i] + delta_ptr[(((v_33 + 1i) * all_outputs) + v_136)]);
    }
    v_21[0i] = capped((activated(v_5[0i]) * scale));
    if (has_residual != 0i) {
      v_21[0i] = (v_21[0i] + residual_ptr[(((v_33 + 1i) * all_outputs) + v_136)]);
    }
    out_ptr[(((v_33 + 1i) * all_outputs) + v_136)] = v_21[0i];
  }
  if (((v_33 + 1i) < podArgs.n) && select(bool(1), ((v_32 + 2i) < outputs), (tails != 0i))) {
    let v_137 : i32 = ((v_32 + 2i) + first_row);
    if (has_bias != 0i) {
      v_6[0i] = (v_6[0i] + bias_ptr[v_137]);
    }
    if (has_delta != 0i) {
      v_6[0i] = (v_6[0i] + delta_ptr[(((v_33 + 1i) * all_outputs) + v_137)]);
    }
    v_22[0i] = capped((activated(v_6[0i]) * scale));
    if (has_residual != 0i) {
      v_22[0i] = (v_22[0i] + residual_ptr[(((v_33 + 1i) * all_outputs) + v_137)]);
    }
    out_ptr[(((v_33 + 1i) * all_outputs) + v_137)] = v_22[0i];
  }
  if (((v_33 + 1i) < podArgs.n) && select(bool(1), ((v_32 + 3i) < outputs), (tails != 0i))) {
    let v_138 : i32 = ((v_32 + 3i) + first_row);
    if (has_bias != 0i) {
      v_7[0i] = (v_7[0i] + bias_ptr[v_138]);
    }
    if (has_delta != 0i) {
      v_7[0i] = (v_7[0i] + delta_ptr[(((v_33 + 1i) * all_outputs) + v_138)]);
    }
    v_23[0i] = capped((activated(v_7[0i]) * scale));
    if (has_residual != 0i) {
      v_23[0i] = (v_23[0i] + residual_ptr[(((v_33 + 1i) * all_outputs) + v_138)]);
    }
    out_ptr[(((v_33 + 1i) * all_outputs) + v_138)] = v_23[0i];
  }
  if (((v_33 + 2i) < podArgs.n) && select(bool(1), (v_32 < outputs), (tails != 0i))) {
    let v_139 : i32 = (v_32 + first_row);
    if (has_bias != 0i) {
      v_8[0i] = (v_8[0i] + bias_ptr[v_139]);
    }
    if (has_delta != 0i) {
      v_8[0i] = (v_8[0i] + delta_ptr[(((v_33 + 2i) * all_outputs) + v_139)]);
    }
    v_24[0i] = capped((activated(v_8[0i]) * scale));
    if (has_residual != 0i) {
      v_24[0i] = (v_24[0i] + residual_ptr[(((v_33 + 2i) * all_outputs) + v_139)]);
    }
    out_ptr[(((v_33 + 2i) * all_outputs) + v_139)] = v_24[0i];
  }
  if (((v_33 + 2i) < podArgs.n) && select(bool(1), ((v_32 + 1i) < outputs), (tails != 0i))) {
    let v_140 : i32 = ((v_32 + 1i) + first_row);
    if (has_bias != 0i) {
      v_9[0i] = (v_9[0i] + bias_ptr[v_140]);
    }
    if (has_delta != 0i) {
      v_9[0i] = (v_9[0i] + delta_ptr[(((v_33 + 2i) * all_outputs) + v_140)]);
    }
    v_25[0i] = capped((activated(v_9[0i]) * scale));
    if (has_residual != 0i) {
      v_25[0i] = (v_25[0i] + residual_ptr[(((v_33 + 2i) * all_outputs) + v_140)]);
    }
    out_ptr[(((v_33 + 2i) * all_outputs) + v_140)] = v_25[0i];
  }
  if (((v_33 + 2i) < podArgs.n) && select(bool(1), ((v_32 + 2i) < outputs), (tails != 0i))) {
    let v_141 : i32 = ((v_32 + 2i) + first_row);
    if (has_bias != 0i) {
      v_10[0i] = (v_10[0i] + bias_ptr[v_141]);
    }
    if (has_delta != 0i) {
      v_10[0i] = (v_10[0i] + delta_ptr[(((v_33 + 2i) * all_outputs) + v_141)]);
    }
    v_26[0i] = capped((activated(v_10[0i]) * scale));
    if (has_residual != 0i) {
      v_26[0i] = (v_26[0i] + residual_ptr[(((v_33 + 2i) * all_outputs) + v_141)]);
    }
    out_ptr[(((v_33 + 2i) * all_outputs) + v_141)] = v_26[0i];
  }
  if (((v_33 + 2i) < podArgs.n) && select(bool(1), ((v_32 + 3i) < outputs), (tails != 0i))) {
    let v_142 : i32 = ((v_32 + 3i) + first_row);
    if (has_bias != 0i) {
      v_11[0i] = (v_11[0i] + bias_ptr[v_142]);
    }
    if (has_delta != 0i) {
      v_11[0i] = (v_11[0i] + delta_ptr[(((v_33 + 2i) * all_outputs) + v_142)]);
    }
    v_27[0i] = capped((activated(v_11[0i]) * scale));
    if (has_residual != 0i) {
      v_27[0i] = (v_27[0i] + residual_ptr[(((v_33 + 2i) * all_outputs) + v_142)]);
    }
    out_ptr[(((v_33 + 2i) * all_outputs) + v_142)] = v_27[0i];
  }
  if (((v_33 + 3i) < podArgs.n) && select(bool(1), (v_32 < outputs), (tails != 0i))) {
    let v_143 : i32 = (v_32 + first_row);
    if (has_bias != 0i) {
      v_12[0i] = (v_12[0i] + bias_ptr[v_143]);
    }
    if (has_delta != 0i) {
      v_12[0i] = (v_12[0i] + delta_ptr[(((v_33 + 3i) * all_outputs) + v_143)]);
    }
    v_28[0i] = capped((activated(v_12[0i]) * scale));
    if (has_residual != 0i) {
      v_28[0i] = (v_28[0i] + residual_ptr[(((v_33 + 3i) * all_outputs) + v_143)]);
    }
    out_ptr[(((v_33 + 3i) * all_outputs) + v_143)] = v_28[0i];
  }
  if (((v_33 + 3i) < podArgs.n) && select(bool(1), ((v_32 + 1i) < outputs), (tails != 0i))) {
    let v_144 : i32 = ((v_32 + 1i) + first_row);
    if (has_bias != 0i) {
      v_13[0i] = (v_13[0i] + bias_ptr[v_144]);
    }
    if (has_delta != 0i) {
      v_13[0i] = (v_13[0i] + delta_ptr[(((v_33 + 3i) * all_outputs) + v_144)]);
    }
    v_29[0i] = capped((activated(v_13[0i]) * scale));
    if (has_residual != 0i) {
      v_29[0i] = (v_29[0i] + residual_ptr[(((v_33 + 3i) * all_outputs) + v_144)]);
    }
    out_ptr[(((v_33 + 3i) * all_outputs) + v_144)] = v_29[0i];
  }
  if (((v_33 + 3i) < podArgs.n) && select(bool(1), ((v_32 + 2i) < outputs), (tails != 0i))) {
    let v_145 : i32 = ((v_32 + 2i) + first_row);
    if (has_bias != 0i) {
      v_14[0i] = (v_14[0i] + bias_ptr[v_145]);
    }
    if (has_delta != 0i) {
      v_14[0i] = (v_14[0i] + delta_ptr[(((v_33 + 3i) * all_outputs) + v_145)]);
    }
    v_30[0i] = capped((activated(v_14[0i]) * scale));
    if (has_residual != 0i) {
      v_30[0i] = (v_30[0i] + residual_ptr[(((v_33 + 3i) * all_outputs) + v_145)]);
    }
    out_ptr[(((v_33 + 3i) * all_outputs) + v_145)] = v_30[0i];
  }
  if (((v_33 + 3i) < podArgs.n) && select(bool(1), ((v_32 + 3i) < outputs), (tails != 0i))) {
    let v_146 : i32 = ((v_32 + 3i) + first_row);
    if (has_bias != 0i) {
      v_15[0i] = (v_15[0i] + bias_ptr[v_146]);
    }
    if (has_delta != 0i) {
      v_15[0i] = (v_15[0i] + delta_ptr[(((v_33 + 3i) * all_outputs) + v_146)]);
    }
    v_31[0i] = capped((activated(v_15[0i]) * scale));
    if (has_residual != 0i) {
      v_31[0i] = (v_31[0i] + residual_ptr[(((v_33 + 3i) * all_outputs) + v_146)]);
    }
    out_ptr[(((v_33 + 3i) * all_outputs) + v_146)] = v_31[0i];
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
