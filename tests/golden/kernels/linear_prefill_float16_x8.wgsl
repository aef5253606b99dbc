// linear_prefill_float16_x8
@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  n: i32
}
@group(0) @binding(6) var<uniform> podArgs : PODArgs;

override all_outputs: i32;
override all_rows: i32;
override block_outputs: i32;
override chunks: i32;
override ends_within: i32;
override first_row: i32;
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
fn linear_prefill_float16_x8_kernel(
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
    for (var v_16 : i32 = 0i; v_16 < 2i; v_16++) {
      let v_17 : i32 = ((v_16 * 128i) + i32(threadIdx.x));
      let v_18 : i32 = (v_17>>2u);
      let v_19 : i32 = (select(((v__1 * block_outputs) + select(v_18, (v_18 & 31i), (is_gated != 0i))), min(((v__1 * block_outputs) + select(v_18, (v_18 & 31i), (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && (v_18 >= 32i))));
      let v_20 : i32 = select(((v_15 * 4i) + (v_17 & 3i)), min(((v_15 * 4i) + (v_17 & 3i)), (chunks - 1i)), (ends_within != 0i));
      let v_21 : vec4<u32> = w_ptr[((v_19 * chunks) + v_20)];
      let v_22 : i32 = ((v_17 & 3i) * 2i);
      let v_23 : vec4<f32> = vec4<f32>((unpack2x16float((v_21)[0]))[0], (unpack2x16float((v_21)[0]))[1], (unpack2x16float((v_21)[1]))[0], (unpack2x16float((v_21)[1]))[1]);
      v_8[((v_18 * 8i) + (v_22 ^ (v_18 & 7i)))] = v_23;
      let v_24 : vec4<f32> = vec4<f32>((unpack2x16float((v_21)[2]))[0], (unpack2x16float((v_21)[2]))[1], (unpack2x16float((v_21)[3]))[0], (unpack2x16float((v_21)[3]))[1]);
      v_8[((v_18 * 8i) + ((v_22 + 1i) ^ (v_18 & 7i)))] = v_24;
    }
    for (var v_25 : i32 = 0i; v_25 < 4i; v_25++) {
      let v_26 : i32 = ((v_25 * 128i) + i32(threadIdx.x));
      let v_27 : i32 = (v_26>>3u);
      let v_28 : i32 = (v_26 & 7i);
      if ((v_13 + v_27) < podArgs.n) {
        let v_29 : i32 = ((v_15 * 8i) + v_28);
        let v_30 : vec4<f32> = select(x_ptr[(((v_13 + v_27) * quads) + select(v_29, min(v_29, (quads - 1i)), (ends_within != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((ends_within != 0i) && (v_29 >= quads)));
        v_8[(((v_27 * 8i) + (v_28 ^ (v_27 & 7i))) + 512i)] = v_30;
      }
    }
    workgroupBarrier();
    for (var v_31 : i32 = 0i; v_31 < 8i; v_31++) {
      let v_32 : i32 = (v_31 ^ (v_12 & 7i));
      let v_33 : vec4<f32> = v_8[(((v_12 * 8i) + v_32) + 512i)];
      let v_34 : vec4<f32> = v_8[(((v_12 * 8i) + v_32) + 640i)];
      let v_35 : i32 = (v_31 ^ v_11);
      let v_36 : vec4<f32> = v_8[((v_11 * 8i) + v_35)];
      let v_37 : vec4<f32> = v_8[(((v_11 * 8i) + v_35) + 64i)];
      let v_38 : vec4<f32> = v_8[(((v_11 * 8i) + v_35) + 128i)];
      let v_39 : vec4<f32> = v_8[(((v_11 * 8i) + v_35) + 192i)];
      v[0i] = rows_add(v_33, v_36, v_37, v_38, v_39, v[0i]);
      v_2[0i] = rows_add(v_34, v_36, v_37, v_38, v_39, v_2[0i]);
      let v_40 : vec4<f32> = v_8[(((v_11 * 8i) + v_35) + 256i)];
      let v_41 : vec4<f32> = v_8[(((v_11 * 8i) + v_35) + 320i)];
      let v_42 : vec4<f32> = v_8[(((v_11 * 8i) + v_35) + 384i)];
      let v_43 : vec4<f32> = v_8[(((v_11 * 8i) + v_35) + 448i)];
      v_1[0i] = rows_add(v_33, v_40, v_41, v_42, v_43, v_1[0i]);
      v_3[0i] = rows_add(v_34, v_40, v_41, v_42, v_43, v_3[0i]);
      if (v_14) {
        let v_44 : i32 = (v_31 ^ (v_12 & 7i));
        let v_45 : vec4<f32> = v_8[(((v_12 * 8i) + v_44) + 768i)];
        let v_46 : vec4<f32> = v_8[(((v_12 * 8i) + v_44) + 896i)];
        let v_47 : i32 = (v_31 ^ v_11);
        let v_48 : vec4<f32> = v_8[((v_11 * 8i) + v_47)];
        let v_49 : vec4<f32> = v_8[(((v_11 * 8i) + v_47) + 64i)];
        let v_50 : vec4<f32> = v_8[(((v_11 * 8i) + v_47) + 128i)];
        let v_51 : vec4<f32> = v_8[(((v_11 * 8i) + v_47) + 192i)];
        v_4[0i] = rows_add(v_45, v_48, v_49, v_50, v_51, v_4[0i]);
        v_6[0i] = rows_add(v_46, v_48, v_49, v_50, v_51, v_6[0i]);
        let v_52 : vec4<f32> = v_8[(((v_11 * 8i) + v_47) + 256i)];
        let v_53 : vec4<f32> = v_8[(((v_11 * 8i) + v_47) + 320i)];
        let v_54 : vec4<f32> = v_8[(((v_11 * 8i) + v_47) + 384i)];
        let v_55 : vec4<f32> = v_8[(((v_11 * 8i) + v_47) + 448i)];
        v_5[0i] = rows_add(v_45, v_52, v_53, v_54, v_55, v_5[0i]);
        v_7[0i] = rows_add(v_46, v_52, v_53, v_54, v_55, v_7[0i]);
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
  let v_56 : i32 = (min((podArgs.n - v_13), 64i) * block_outputs);
  for (var v_57 : i32 = 0i; v_57 < ((v_56 + 127i)>>7u); v_57++) {
    let v_58 : i32 = ((v_57 * 128i) + i32(threadIdx.x));
    let v_59 : i32 = i32((u32(v_58) / u32(block_outputs)));
    let v_60 : i32 = i32((u32(v_58) % u32(block_outputs)));
    let v_61 : i32 = ((v__1 * block_outputs) + v_60);
    if ((v_58 < v_56) && select(bool(1), (v_61 < outputs), (tails != 0i))) {
      let v_62 : i32 = (((v_59 * 16i) + ((v_60>>5u) * 8i)) + (v_60 & 7i));
      let v_63 : i32 = ((v_60>>3u) & 3i);
      let v_64 : vec4<f32> = v_8[v_62];
      v_9[0i] = select(select((v_64)[3], (v_64)[2], ((v_63 & 1i) == 0i)), select((v_64)[1], (v_64)[0], ((v_63 & 1i) == 0i)), (v_63 < 2i));
      v_10[0i] = 0.000000e+00f;
      if (is_gated != 0i) {
        let v_65 : vec4<f32> = v_8[(v_62 + 8i)];
        v_10[0i] = select(select((v_65)[3], (v_65)[2], ((v_63 & 1i) == 0i)), select((v_65)[1], (v_65)[0], ((v_63 & 1i) == 0i)), (v_63 < 2i));
      }
      let v_66 : i32 = (v_13 + v_59);
      let v_67 : i32 = (v_61 + first_row);
      if (has_bias != 0i) {
        v_9[0i] = (v_9[0i] + bias_ptr[v_67]);
        if (is_gated != 0i) {
          v_10[0i] = (v_10[0i] + bias_ptr[(v_67 + all_outputs)]);
        }
      }
      if (has_delta != 0i) {
        v_9[0i] = (v_9[0i] + delta_ptr[((v_66 * all_rows) + v_67)]);
        if (is_gated != 0i) {
          v_10[0i] = (v_10[0i] + delta_ptr[(((v_66 * all_rows) + v_67) + all_outputs)]);
        }
      }
      v_9[0i] = activated(v_9[0i]);
      if (is_gated != 0i) {
        v_9[0i] = (v_9[0i] * v_10[0i]);
      }
      v_9[0i] = capped((v_9[0i] * scale));
      if (has_residual != 0i) {
        v_9[0i] = (v_9[0i] + residual_ptr[((v_66 * all_outputs) + v_67)]);
      }
      out_ptr[((v_66 * all_outputs) + v_67)] = v_9[0i];
    }
  }
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
