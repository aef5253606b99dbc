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
override all_rows: i32;
override block_outputs: i32;
override chunks: i32;
override ends_within: i32;
override first_row: i32;
override group_chunks: i32;
override groups: i32;
override has_bias: i32;
override has_delta: i32;
override has_residual: i32;
override is_gated: i32;
override outputs: i32;
override quads: i32;
override scale: f32;
override steps: i32;
override tails: i32;
override activation: i32;
override softcap: f32;

var<workgroup> v_8 : array<vec4<f32>, 1024>;
@compute @workgroup_size(128, 1, 1)
fn linear_prefill_q4m_float16_kernel(
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
  let v_11 : i32 = (i32(threadIdx.x) & 7i);
  let v_12 : i32 = (i32(threadIdx.x)>>3u);
  let v_13 : i32 = (i32(blockIdx.y) * 64i);
  let v_14 : bool = ((v_13 + 32i) < podArgs.n);
  v[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_1[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_2[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_3[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_4[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_5[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_6[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_7[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  for (var v_15 : i32 = 0i; v_15 < steps; v_15++) {
    let v_16 : i32 = (i32(threadIdx.x) & 63i);
    let v_17 : i32 = v_16;
    let v_18 : i32 = (select(((v__1 * block_outputs) + select(v_17, (v_17 & 31i), (is_gated != 0i))), min(((v__1 * block_outputs) + select(v_17, (v_17 & 31i), (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && (v_17 >= 32i))));
    let v_19 : i32 = v_15;
    let v_20 : vec4<u32> = w_ptr[((v_18 * chunks) + v_19)];
    let v_21 : i32 = ((v_18 * groups) + i32((u32(v_19) / u32(group_chunks))));
    let v_22 : u32 = w_scale_ptr[v_21];
    let v_23 : f32 = (unpack2x16float(v_22))[0];
    let v_24 : f32 = (unpack2x16float(v_22))[1];
    let v_25 : i32 = 0i;
    if (i32(threadIdx.x) < 64i) {
      let v_26 : u32 = ((v_20)[0] & 252645135u);
      let v_27 : vec4<f32> = bytes(v_26);
      v_8[((v_17 * 8i) + (v_25 ^ (v_17 & 7i)))] = fma(v_27, vec4<f32>(v_23, v_23, v_23, v_23), vec4<f32>(v_24, v_24, v_24, v_24));
      let v_28 : u32 = (((v_20)[0]>>4u) & 252645135u);
      let v_29 : vec4<f32> = bytes(v_28);
      v_8[((v_17 * 8i) + ((v_25 + 1i) ^ (v_17 & 7i)))] = fma(v_29, vec4<f32>(v_23, v_23, v_23, v_23), vec4<f32>(v_24, v_24, v_24, v_24));
      let v_30 : u32 = ((v_20)[1] & 252645135u);
      let v_31 : vec4<f32> = bytes(v_30);
      v_8[((v_17 * 8i) + ((v_25 + 2i) ^ (v_17 & 7i)))] = fma(v_31, vec4<f32>(v_23, v_23, v_23, v_23), vec4<f32>(v_24, v_24, v_24, v_24));
      let v_32 : u32 = (((v_20)[1]>>4u) & 252645135u);
      let v_33 : vec4<f32> = bytes(v_32);
      v_8[((v_17 * 8i) + ((v_25 + 3i) ^ (v_17 & 7i)))] = fma(v_33, vec4<f32>(v_23, v_23, v_23, v_23), vec4<f32>(v_24, v_24, v_24, v_24));
    } else {
      let v_34 : u32 = ((v_20)[2] & 252645135u);
      let v_35 : vec4<f32> = bytes(v_34);
      v_8[((v_17 * 8i) + ((v_25 + 4i) ^ (v_17 & 7i)))] = fma(v_35, vec4<f32>(v_23, v_23, v_23, v_23), vec4<f32>(v_24, v_24, v_24, v_24));
      let v_36 : u32 = (((v_20)[2]>>4u) & 252645135u);
      let v_37 : vec4<f32> = bytes(v_36);
      v_8[((v_17 * 8i) + ((v_25 + 5i) ^ (v_17 & 7i)))] = fma(v_37, vec4<f32>(v_23, v_23, v_23, v_23), vec4<f32>(v_24, v_24, v_24, v_24));
      let v_38 : u32 = ((v_20)[3] & 252645135u);
      let v_39 : vec4<f32> = bytes(v_38);
      v_8[((v_17 * 8i) + ((v_25 + 6i) ^ (v_17 & 7i)))] = fma(v_39, vec4<f32>(v_23, v_23, v_23, v_23), vec4<f32>(v_24, v_24, v_24, v_24));
      let v_40 : u32 = (((v_20)[3]>>4u) & 252645135u);
      let v_41 : vec4<f32> = bytes(v_40);
      v_8[((v_17 * 8i) + ((v_25 + 7i) ^ (v_17 & 7i)))] = fma(v_41, vec4<f32>(v_23, v_23, v_23, v_23), vec4<f32>(v_24, v_24, v_24, v_24));
    }
    for (var v_42 : i32 = 0i; v_42 < 2i; v_42++) {
      let v_43 : i32 = ((v_42 * 128i) + i32(threadIdx.x));
      let v_44 : i32 = (v_43>>2u);
      let v_45 : i32 = ((v_43 & 3i) * 2i);
      if ((v_13 + v_44) < podArgs.n) {
        let v_46 : i32 = ((v_15 * 8i) + v_45);
        let v_47 : vec4<f32> = select(x_ptr[(((v_13 + v_44) * quads) + select(v_46, min(v_46, (quads - 1i)), (ends_within != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((ends_within != 0i) && (v_46 >= quads)));
        let v_48 : i32 = (((v_15 * 8i) + v_45) + 1i);
        let v_49 : vec4<f32> = select(x_ptr[(((v_13 + v_44) * quads) + select(v_48, min(v_48, (quads - 1i)), (ends_within != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((ends_within != 0i) && (v_48 >= quads)));
        v_8[(((v_44 * 8i) + (v_45 ^ (v_44 & 7i))) + 512i)] = vec4<f32>((v_47)[0], (v_47)[2], (v_49)[0], (v_49)[2]);
        v_8[(((v_44 * 8i) + ((v_45 + 1i) ^ (v_44 & 7i))) + 512i)] = vec4<f32>((v_47)[1], (v_47)[3], (v_49)[1], (v_49)[3]);
      }
    }
    workgroupBarrier();
    for (var v_50 : i32 = 0i; v_50 < 8i; v_50++) {
      let v_51 : i32 = (v_50 ^ (v_12 & 7i));
      let v_52 : vec4<f32> = v_8[(((v_12 * 8i) + v_51) + 512i)];
      let v_53 : vec4<f32> = v_8[(((v_12 * 8i) + v_51) + 640i)];
      let v_54 : i32 = (v_50 ^ v_11);
      let v_55 : vec4<f32> = v_8[((v_11 * 8i) + v_54)];
      let v_56 : vec4<f32> = v_8[(((v_11 * 8i) + v_54) + 64i)];
      let v_57 : vec4<f32> = v_8[(((v_11 * 8i) + v_54) + 128i)];
      let v_58 : vec4<f32> = v_8[(((v_11 * 8i) + v_54) + 192i)];
      v[0i] = rows_add(v_52, v_55, v_56, v_57, v_58, v[0i]);
      v_2[0i] = rows_add(v_53, v_55, v_56, v_57, v_58, v_2[0i]);
      let v_59 : vec4<f32> = v_8[(((v_11 * 8i) + v_54) + 256i)];
      let v_60 : vec4<f32> = v_8[(((v_11 * 8i) + v_54) + 320i)];
      let v_61 : vec4<f32> = v_8[(((v_11 * 8i) + v_54) + 384i)];
      let v_62 : vec4<f32> = v_8[(((v_11 * 8i) + v_54) + 448i)];
      v_1[0i] = rows_add(v_52, v_59, v_60, v_61, v_62, v_1[0i]);
      v_3[0i] = rows_add(v_53, v_59, v_60, v_61, v_62, v_3[0i]);
      if (v_14) {
        let v_63 : i32 = (v_50 ^ (v_12 & 7i));
        let v_64 : vec4<f32> = v_8[(((v_12 * 8i) + v_63) + 768i)];
        let v_65 : vec4<f32> = v_8[(((v_12 * 8i) + v_63) + 896i)];
        let v_66 : i32 = (v_50 ^ v_11);
        let v_67 : vec4<f32> = v_8[((v_11 * 8i) + v_66)];
        let v_68 : vec4<f32> = v_8[(((v_11 * 8i) + v_66) + 64i)];
        let v_69 : vec4<f32> = v_8[(((v_11 * 8i) + v_66) + 128i)];
        let v_70 : vec4<f32> = v_8[(((v_11 * 8i) + v_66) + 192i)];
        v_4[0i] = rows_add(v_64, v_67, v_68, v_69, v_70, v_4[0i]);
        v_6[0i] = rows_add(v_65, v_67, v_68, v_69, v_70, v_6[0i]);
        let v_71 : vec4<f32> = v_8[(((v_11 * 8i) + v_66) + 256i)];
        let v_72 : vec4<f32> = v_8[(((v_11 * 8i) + v_66) + 320i)];
        let v_73 : vec4<f32> = v_8[(((v_11 * 8i) + v_66) + 384i)];
        let v_74 : vec4<f32> = v_8[(((v_11 * 8i) + v_66) + 448i)];
        v_5[0i] = rows_add(v_64, v_71, v_72, v_73, v_74, v_5[0i]);
        v_7[0i] = rows_add(v_65, v_71, v_72, v_73, v_74, v_7[0i]);
      }
    }
    workgroupBarrier();
  }
  v_8[((v_12 * 16i) + v_11)] = v[0i];
  v_8[(((v_12 * 16i) + v_11) + 8i)] = v_1[0i];
  v_8[(((v_12 * 16i) + v_11) + 256i)] = v_2[0i];
  v_8[(((v_12 * 16i) + v_11) + 264i)] = v_3[0i];
  v_8[(((v_12 * 16i) + v_11) + 512i)] = v_4[0i];
  v_8[(((v_12 * 16i) + v_11) + 520i)] = v_5[0i];
  v_8[(((v_12 * 16i) + v_11) + 768i)] = v_6[0i];
  v_8[(((v_12 * 16i) + v_11) + 776i)] = v_7[0i];
  workgroupBarrier();
  let v_75 : i32 = (min((podArgs.n - v_13), 64i) * block_outputs);
  for (var v_76 : i32 = 0i; v_76 < ((v_75 + 127i)>>7u); v_76++) {
    let v_77 : i32 = ((v_76 * 128i) + i32(threadIdx.x));
    let v_78 : i32 = i32((u32(v_77) / u32(block_outputs)));
    let v_79 : i32 = i32((u32(v_77) % u32(block_outputs)));
    let v_80 : i32 = ((v__1 * block_outputs) + v_79);
    if ((v_77 < v_75) && select(bool(1), (v_80 < outputs), (tails != 0i))) {
      let v_81 : i32 = (((v_78 * 16i) + ((v_79>>5u) * 8i)) + (v_79 & 7i));
      let v_82 : i32 = ((v_79>>3u) & 3i);
      let v_83 : vec4<f32> = v_8[v_81];
      v_9[0i] = select(select((v_83)[3], (v_83)[2], ((v_82 & 1i) == 0i)), select((v_83)[1], (v_83)[0], ((v_82 & 1i) == 0i)), (v_82 < 2i));
      v_10[0i] = 0.000000e+00f;
      if (is_gated != 0i) {
        let v_84 : vec4<f32> = v_8[(v_81 + 8i)];
        v_10[0i] = select(select((v_84)[3], (v_84)[2], ((v_82 & 1i) == 0i)), select((v_84)[1], (v_84)[0], ((v_82 & 1i) == 0i)), (v_82 < 2i));
      }
      let v_85 : i32 = (v_13 + v_78);
      let v_86 : i32 = (v_80 + first_row);
      if (has_bias != 0i) {
        v_9[0i] = (v_9[0i] + bias_ptr[v_86]);
        if (is_gated != 0i) {
          v_10[0i] = (v_10[0i] + bias_ptr[(v_86 + all_outputs)]);
        }
      }
      if (has_delta != 0i) {
        v_9[0i] = (v_9[0i] + delta_ptr[((v_85 * all_rows) + v_86)]);
        if (is_gated != 0i) {
          v_10[0i] = (v_10[0i] + delta_ptr[(((v_85 * all_rows) + v_86) + all_outputs)]);
        }
      }
      v_9[0i] = activated(v_9[0i]);
      if (is_gated != 0i) {
        v_9[0i] = (v_9[0i] * v_10[0i]);
      }
      v_9[0i] = capped((v_9[0i] * scale));
      if (has_residual != 0i) {
        v_9[0i] = (v_9[0i] + residual_ptr[((v_85 * all_outputs) + v_86)]);
      }
      out_ptr[((v_85 * all_outputs) + v_86)] = v_9[0i];
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
