// linear_prefill_q4m_g32_float16_96x192_residual
@group(0) @binding(0) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> w_scale_ptr : array<u32>;
@group(0) @binding(4) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  n: i32,
  packGridDimX: u32
}
@group(0) @binding(5) var<uniform> podArgs : PODArgs;

@compute @workgroup_size(64, 1, 1)
fn linear_prefill_q4m_g32_float16_96x192_residual_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(num_workgroups) gridDim : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }
  let v__1 : i32 = i32(blockIdx.z * gridDim.x + blockIdx.x);
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
  let v_16 : i32 = (((v__1 * 16i) + (i32(threadIdx.x) & 15i)) * 4i);
  let v_17 : i32 = ((i32(blockIdx.y) * 16i) + ((i32(threadIdx.x)>>4u) * 4i));
  let v_18 : i32 = min(v_16, 95i);
  let v_19 : i32 = min((v_16 + 1i), 95i);
  let v_20 : i32 = min((v_16 + 2i), 95i);
  let v_21 : i32 = min((v_16 + 3i), 95i);
  let v_22 : i32 = min(v_17, (podArgs.n - 1i));
  let v_23 : i32 = min((v_17 + 1i), (podArgs.n - 1i));
  let v_24 : i32 = min((v_17 + 2i), (podArgs.n - 1i));
  let v_25 : i32 = min((v_17 + 3i), (podArgs.n - 1i));
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
  for (var v_26 : i32 = 0i; v_26 < 6i; v_26++) {
    let v_27 : vec4<u32> = w_ptr[(v_26 + (v_18 * 6i))];
    let v_28 : vec4<f32> = vec4<f32>(f32((((v_27)[0]>>0u) & 15u)), f32((((v_27)[0]>>4u) & 15u)), f32((((v_27)[0]>>8u) & 15u)), f32((((v_27)[0]>>12u) & 15u)));
    let v_29 : vec4<f32> = vec4<f32>(f32((((v_27)[0]>>16u) & 15u)), f32((((v_27)[0]>>20u) & 15u)), f32((((v_27)[0]>>24u) & 15u)), f32((((v_27)[0]>>28u) & 15u)));
    let v_30 : vec4<f32> = vec4<f32>(f32((((v_27)[1]>>0u) & 15u)), f32((((v_27)[1]>>4u) & 15u)), f32((((v_27)[1]>>8u) & 15u)), f32((((v_27)[1]>>12u) & 15u)));
    let v_31 : vec4<f32> = vec4<f32>(f32((((v_27)[1]>>16u) & 15u)), f32((((v_27)[1]>>20u) & 15u)), f32((((v_27)[1]>>24u) & 15u)), f32((((v_27)[1]>>28u) & 15u)));
    let v_32 : vec4<f32> = vec4<f32>(f32((((v_27)[2]>>0u) & 15u)), f32((((v_27)[2]>>4u) & 15u)), f32((((v_27)[2]>>8u) & 15u)), f32((((v_27)[2]>>12u) & 15u)));
    let v_33 : vec4<f32> = vec4<f32>(f32((((v_27)[2]>>16u) & 15u)), f32((((v_27)[2]>>20u) & 15u)), f32((((v_27)[2]>>24u) & 15u)), f32((((v_27)[2]>>28u) & 15u)));
    let v_34 : vec4<f32> = vec4<f32>(f32((((v_27)[3]>>0u) & 15u)), f32((((v_27)[3]>>4u) & 15u)), f32((((v_27)[3]>>8u) & 15u)), f32((((v_27)[3]>>12u) & 15u)));
    let v_35 : vec4<f32> = vec4<f32>(f32((((v_27)[3]>>16u) & 15u)), f32((((v_27)[3]>>20u) & 15u)), f32((((v_27)[3]>>24u) & 15u)), f32((((v_27)[3]>>28u) & 15u)));
    let v_36 : u32 = w_scale_ptr[(v_26 + (v_18 * 6i))];
    let v_37 : f32 = (unpack2x16float(v_36))[0];
    let v_38 : f32 = (unpack2x16float(v_36))[1];
    let v_39 : vec4<u32> = w_ptr[(v_26 + (v_19 * 6i))];
    let v_40 : vec4<f32> = vec4<f32>(f32((((v_39)[0]>>0u) & 15u)), f32((((v_39)[0]>>4u) & 15u)), f32((((v_39)[0]>>8u) & 15u)), f32((((v_39)[0]>>12u) & 15u)));
    let v_41 : vec4<f32> = vec4<f32>(f32((((v_39)[0]>>16u) & 15u)), f32((((v_39)[0]>>20u) & 15u)), f32((((v_39)[0]>>24u) & 15u)), f32((((v_39)[0]>>28u) & 15u)));
    let v_42 : vec4<f32> = vec4<f32>(f32((((v_39)[1]>>0u) & 15u)), f32((((v_39)[1]>>4u) & 15u)), f32((((v_39)[1]>>8u) & 15u)), f32((((v_39)[1]>>12u) & 15u)));
    let v_43 : vec4<f32> = vec4<f32>(f32((((v_39)[1]>>16u) & 15u)), f32((((v_39)[1]>>20u) & 15u)), f32((((v_39)[1]>>24u) & 15u)), f32((((v_39)[1]>>28u) & 15u)));
    let v_44 : vec4<f32> = vec4<f32>(f32((((v_39)[2]>>0u) & 15u)), f32((((v_39)[2]>>4u) & 15u)), f32((((v_39)[2]>>8u) & 15u)), f32((((v_39)[2]>>12u) & 15u)));
    let v_45 : vec4<f32> = vec4<f32>(f32((((v_39)[2]>>16u) & 15u)), f32((((v_39)[2]>>20u) & 15u)), f32((((v_39)[2]>>24u) & 15u)), f32((((v_39)[2]>>28u) & 15u)));
    let v_46 : vec4<f32> = vec4<f32>(f32((((v_39)[3]>>0u) & 15u)), f32((((v_39)[3]>>4u) & 15u)), f32((((v_39)[3]>>8u) & 15u)), f32((((v_39)[3]>>12u) & 15u)));
    let v_47 : vec4<f32> = vec4<f32>(f32((((v_39)[3]>>16u) & 15u)), f32((((v_39)[3]>>20u) & 15u)), f32((((v_39)[3]>>24u) & 15u)), f32((((v_39)[3]>>28u) & 15u)));
    let v_48 : u32 = w_scale_ptr[(v_26 + (v_19 * 6i))];
    let v_49 : f32 = (unpack2x16float(v_48))[0];
    let v_50 : f32 = (unpack2x16float(v_48))[1];
    let v_51 : vec4<u32> = w_ptr[(v_26 + (v_20 * 6i))];
    let v_52 : vec4<f32> = vec4<f32>(f32((((v_51)[0]>>0u) & 15u)), f32((((v_51)[0]>>4u) & 15u)), f32((((v_51)[0]>>8u) & 15u)), f32((((v_51)[0]>>12u) & 15u)));
    let v_53 : vec4<f32> = vec4<f32>(f32((((v_51)[0]>>16u) & 15u)), f32((((v_51)[0]>>20u) & 15u)), f32((((v_51)[0]>>24u) & 15u)), f32((((v_51)[0]>>28u) & 15u)));
    let v_54 : vec4<f32> = vec4<f32>(f32((((v_51)[1]>>0u) & 15u)), f32((((v_51)[1]>>4u) & 15u)), f32((((v_51)[1]>>8u) & 15u)), f32((((v_51)[1]>>12u) & 15u)));
    let v_55 : vec4<f32> = vec4<f32>(f32((((v_51)[1]>>16u) & 15u)), f32((((v_51)[1]>>20u) & 15u)), f32((((v_51)[1]>>24u) & 15u)), f32((((v_51)[1]>>28u) & 15u)));
    let v_56 : vec4<f32> = vec4<f32>(f32((((v_51)[2]>>0u) & 15u)), f32((((v_51)[2]>>4u) & 15u)), f32((((v_51)[2]>>8u) & 15u)), f32((((v_51)[2]>>12u) & 15u)));
    let v_57 : vec4<f32> = vec4<f32>(f32((((v_51)[2]>>16u) & 15u)), f32((((v_51)[2]>>20u) & 15u)), f32((((v_51)[2]>>24u) & 15u)), f32((((v_51)[2]>>28u) & 15u)));
    let v_58 : vec4<f32> = vec4<f32>(f32((((v_51)[3]>>0u) & 15u)), f32((((v_51)[3]>>4u) & 15u)), f32((((v_51)[3]>>8u) & 15u)), f32((((v_51)[3]>>12u) & 15u)));
    let v_59 : vec4<f32> = vec4<f32>(f32((((v_51)[3]>>16u) & 15u)), f32((((v_51)[3]>>20u) & 15u)), f32((((v_51)[3]>>24u) & 15u)), f32((((v_51)[3]>>28u) & 15u)));
    let v_60 : u32 = w_scale_ptr[(v_26 + (v_20 * 6i))];
    let v_61 : f32 = (unpack2x16float(v_60))[0];
    let v_62 : f32 = (unpack2x16float(v_60))[1];
    let v_63 : vec4<u32> = w_ptr[(v_26 + (v_21 * 6i))];
    let v_64 : vec4<f32> = vec4<f32>(f32((((v_63)[0]>>0u) & 15u)), f32((((v_63)[0]>>4u) & 15u)), f32((((v_63)[0]>>8u) & 15u)), f32((((v_63)[0]>>12u) & 15u)));
    let v_65 : vec4<f32> = vec4<f32>(f32((((v_63)[0]>>16u) & 15u)), f32((((v_63)[0]>>20u) & 15u)), f32((((v_63)[0]>>24u) & 15u)), f32((((v_63)[0]>>28u) & 15u)));
    let v_66 : vec4<f32> = vec4<f32>(f32((((v_63)[1]>>0u) & 15u)), f32((((v_63)[1]>>4u) & 15u)), f32((((v_63)[1]>>8u) & 15u)), f32((((v_63)[1]>>12u) & 15u)));
    let v_67 : vec4<f32> = vec4<f32>(f32((((v_63)[1]>>16u) & 15u)), f32((((v_63)[1]>>20u) & 15u)), f32((((v_63)[1]>>24u) & 15u)), f32((((v_63)[1]>>28u) & 15u)));
    let v_68 : vec4<f32> = vec4<f32>(f32((((v_63)[2]>>0u) & 15u)), f32((((v_63)[2]>>4u) & 15u)), f32((((v_63)[2]>>8u) & 15u)), f32((((v_63)[2]>>12u) & 15u)));
    let v_69 : vec4<f32> = vec4<f32>(f32((((v_63)[2]>>16u) & 15u)), f32((((v_63)[2]>>20u) & 15u)), f32((((v_63)[2]>>24u) & 15u)), f32((((v_63)[2]>>28u) & 15u)));
    let v_70 : vec4<f32> = vec4<f32>(f32((((v_63)[3]>>0u) & 15u)), f32((((v_63)[3]>>4u) & 15u)), f32((((v_63)[3]>>8u) & 15u)), f32((((v_63)[3]>>12u) & 15u)));
    let v_71 : vec4<f32> = vec4<f32>(f32((((v_63)[3]>>16u) & 15u)), f32((((v_63)[3]>>20u) & 15u)), f32((((v_63)[3]>>24u) & 15u)), f32((((v_63)[3]>>28u) & 15u)));
    let v_72 : u32 = w_scale_ptr[(v_26 + (v_21 * 6i))];
    let v_73 : f32 = (unpack2x16float(v_72))[0];
    let v_74 : f32 = (unpack2x16float(v_72))[1];
    let v_75 : vec4<f32> = x_ptr[((v_26 * 8i) + (v_22 * 48i))];
    let v_76 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_22 * 48i) + 1i))];
    let v_77 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_22 * 48i) + 2i))];
    let v_78 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_22 * 48i) + 3i))];
    let v_79 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_22 * 48i) + 4i))];
    let v_80 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_22 * 48i) + 5i))];
    let v_81 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_22 * 48i) + 6i))];
    let v_82 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_22 * 48i) + 7i))];
    let v_83 : f32 = dot((((((((v_75 + v_76) + v_77) + v_78) + v_79) + v_80) + v_81) + v_82), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v[0i] = (v[0i] + fma(v_38, v_83, ((((((((dot(v_75, v_28) + dot(v_76, v_29)) + dot(v_77, v_30)) + dot(v_78, v_31)) + dot(v_79, v_32)) + dot(v_80, v_33)) + dot(v_81, v_34)) + dot(v_82, v_35)) * v_37)));
    v_1[0i] = (v_1[0i] + fma(v_50, v_83, ((((((((dot(v_75, v_40) + dot(v_76, v_41)) + dot(v_77, v_42)) + dot(v_78, v_43)) + dot(v_79, v_44)) + dot(v_80, v_45)) + dot(v_81, v_46)) + dot(v_82, v_47)) * v_49)));
    v_2[0i] = (v_2[0i] + fma(v_62, v_83, ((((((((dot(v_75, v_52) + dot(v_76, v_53)) + dot(v_77, v_54)) + dot(v_78, v_55)) + dot(v_79, v_56)) + dot(v_80, v_57)) + dot(v_81, v_58)) + dot(v_82, v_59)) * v_61)));
    v_3[0i] = (v_3[0i] + fma(v_74, v_83, ((((((((dot(v_75, v_64) + dot(v_76, v_65)) + dot(v_77, v_66)) + dot(v_78, v_67)) + dot(v_79, v_68)) + dot(v_80, v_69)) + dot(v_81, v_70)) + dot(v_82, v_71)) * v_73)));
    let v_84 : vec4<f32> = x_ptr[((v_26 * 8i) + (v_23 * 48i))];
    let v_85 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_23 * 48i) + 1i))];
    let v_86 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_23 * 48i) + 2i))];
    let v_87 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_23 * 48i) + 3i))];
    let v_88 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_23 * 48i) + 4i))];
    let v_89 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_23 * 48i) + 5i))];
    let v_90 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_23 * 48i) + 6i))];
    let v_91 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_23 * 48i) + 7i))];
    let v_92 : f32 = dot((((((((v_84 + v_85) + v_86) + v_87) + v_88) + v_89) + v_90) + v_91), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_4[0i] = (v_4[0i] + fma(v_38, v_92, ((((((((dot(v_84, v_28) + dot(v_85, v_29)) + dot(v_86, v_30)) + dot(v_87, v_31)) + dot(v_88, v_32)) + dot(v_89, v_33)) + dot(v_90, v_34)) + dot(v_91, v_35)) * v_37)));
    v_5[0i] = (v_5[0i] + fma(v_50, v_92, ((((((((dot(v_84, v_40) + dot(v_85, v_41)) + dot(v_86, v_42)) + dot(v_87, v_43)) + dot(v_88, v_44)) + dot(v_89, v_45)) + dot(v_90, v_46)) + dot(v_91, v_47)) * v_49)));
    v_6[0i] = (v_6[0i] + fma(v_62, v_92, ((((((((dot(v_84, v_52) + dot(v_85, v_53)) + dot(v_86, v_54)) + dot(v_87, v_55)) + dot(v_88, v_56)) + dot(v_89, v_57)) + dot(v_90, v_58)) + dot(v_91, v_59)) * v_61)));
    v_7[0i] = (v_7[0i] + fma(v_74, v_92, ((((((((dot(v_84, v_64) + dot(v_85, v_65)) + dot(v_86, v_66)) + dot(v_87, v_67)) + dot(v_88, v_68)) + dot(v_89, v_69)) + dot(v_90, v_70)) + dot(v_91, v_71)) * v_73)));
    let v_93 : vec4<f32> = x_ptr[((v_26 * 8i) + (v_24 * 48i))];
    let v_94 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_24 * 48i) + 1i))];
    let v_95 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_24 * 48i) + 2i))];
    let v_96 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_24 * 48i) + 3i))];
    let v_97 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_24 * 48i) + 4i))];
    let v_98 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_24 * 48i) + 5i))];
    let v_99 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_24 * 48i) + 6i))];
    let v_100 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_24 * 48i) + 7i))];
    let v_101 : f32 = dot((((((((v_93 + v_94) + v_95) + v_96) + v_97) + v_98) + v_99) + v_100), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_8[0i] = (v_8[0i] + fma(v_38, v_101, ((((((((dot(v_93, v_28) + dot(v_94, v_29)) + dot(v_95, v_30)) + dot(v_96, v_31)) + dot(v_97, v_32)) + dot(v_98, v_33)) + dot(v_99, v_34)) + dot(v_100, v_35)) * v_37)));
    v_9[0i] = (v_9[0i] + fma(v_50, v_101, ((((((((dot(v_93, v_40) + dot(v_94, v_41)) + dot(v_95, v_42)) + dot(v_96, v_43)) + dot(v_97, v_44)) + dot(v_98, v_45)) + dot(v_99, v_46)) + dot(v_100, v_47)) * v_49)));
    v_10[0i] = (v_10[0i] + fma(v_62, v_101, ((((((((dot(v_93, v_52) + dot(v_94, v_53)) + dot(v_95, v_54)) + dot(v_96, v_55)) + dot(v_97, v_56)) + dot(v_98, v_57)) + dot(v_99, v_58)) + dot(v_100, v_59)) * v_61)));
    v_11[0i] = (v_11[0i] + fma(v_74, v_101, ((((((((dot(v_93, v_64) + dot(v_94, v_65)) + dot(v_95, v_66)) + dot(v_96, v_67)) + dot(v_97, v_68)) + dot(v_98, v_69)) + dot(v_99, v_70)) + dot(v_100, v_71)) * v_73)));
    let v_102 : vec4<f32> = x_ptr[((v_26 * 8i) + (v_25 * 48i))];
    let v_103 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_25 * 48i) + 1i))];
    let v_104 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_25 * 48i) + 2i))];
    let v_105 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_25 * 48i) + 3i))];
    let v_106 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_25 * 48i) + 4i))];
    let v_107 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_25 * 48i) + 5i))];
    let v_108 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_25 * 48i) + 6i))];
    let v_109 : vec4<f32> = x_ptr[((v_26 * 8i) + ((v_25 * 48i) + 7i))];
    let v_110 : f32 = dot((((((((v_102 + v_103) + v_104) + v_105) + v_106) + v_107) + v_108) + v_109), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
    v_12[0i] = (v_12[0i] + fma(v_38, v_110, ((((((((dot(v_102, v_28) + dot(v_103, v_29)) + dot(v_104, v_30)) + dot(v_105, v_31)) + dot(v_106, v_32)) + dot(v_107, v_33)) + dot(v_108, v_34)) + dot(v_109, v_35)) * v_37)));
    v_13[0i] = (v_13[0i] + fma(v_50, v_110, ((((((((dot(v_102, v_40) + dot(v_103, v_41)) + dot(v_104, v_42)) + dot(v_105, v_43)) + dot(v_106, v_44)) + dot(v_107, v_45)) + dot(v_108, v_46)) + dot(v_109, v_47)) * v_49)));
    v_14[0i] = (v_14[0i] + fma(v_62, v_110, ((((((((dot(v_102, v_52) + dot(v_103, v_53)) + dot(v_104, v_54)) + dot(v_105, v_55)) + dot(v_106, v_56)) + dot(v_107, v_57)) + dot(v_108, v_58)) + dot(v_109, v_59)) * v_61)));
    v_15[0i] = (v_15[0i] + fma(v_74, v_110, ((((((((dot(v_102, v_64) + dot(v_103, v_65)) + dot(v_104, v_66)) + dot(v_105, v_67)) + dot(v_106, v_68)) + dot(v_107, v_69)) + dot(v_108, v_70)) + dot(v_109, v_71)) * v_73)));
  }
  if ((v_17 < podArgs.n) && (v_16 < 96i)) {
    out_ptr[((v_17 * 96i) + v_16)] = (v[0i] + residual_ptr[((v_17 * 96i) + v_16)]);
  }
  if ((v_17 < podArgs.n) && ((v_16 + 1i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 1i)] = (v_1[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 1i)]);
  }
  if ((v_17 < podArgs.n) && ((v_16 + 2i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 2i)] = (v_2[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 2i)]);
  }
  if ((v_17 < podArgs.n) && ((v_16 + 3i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 3i)] = (v_3[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 3i)]);
  }
  if (((v_17 + 1i) < podArgs.n) && (v_16 < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 96i)] = (v_4[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 96i)]);
  }
  if (((v_17 + 1i) < podArgs.n) && ((v_16 + 1i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 97i)] = (v_5[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 97i)]);
  }
  if (((v_17 + 1i) < podArgs.n) && ((v_16 + 2i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 98i)] = (v_6[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 98i)]);
  }
  if (((v_17 + 1i) < podArgs.n) && ((v_16 + 3i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 99i)] = (v_7[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 99i)]);
  }
  if (((v_17 + 2i) < podArgs.n) && (v_16 < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 192i)] = (v_8[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 192i)]);
  }
  if (((v_17 + 2i) < podArgs.n) && ((v_16 + 1i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 193i)] = (v_9[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 193i)]);
  }
  if (((v_17 + 2i) < podArgs.n) && ((v_16 + 2i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 194i)] = (v_10[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 194i)]);
  }
  if (((v_17 + 2i) < podArgs.n) && ((v_16 + 3i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 195i)] = (v_11[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 195i)]);
  }
  if (((v_17 + 3i) < podArgs.n) && (v_16 < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 288i)] = (v_12[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 288i)]);
  }
  if (((v_17 + 3i) < podArgs.n) && ((v_16 + 1i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 289i)] = (v_13[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 289i)]);
  }
  if (((v_17 + 3i) < podArgs.n) && ((v_16 + 2i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 290i)] = (v_14[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 290i)]);
  }
  if (((v_17 + 3i) < podArgs.n) && ((v_16 + 3i) < 96i)) {
    out_ptr[(((v_17 * 96i) + v_16) + 291i)] = (v_15[0i] + residual_ptr[(((v_17 * 96i) + v_16) + 291i)]);
  }
}
