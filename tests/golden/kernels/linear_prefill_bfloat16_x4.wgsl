// linear_prefill_bfloat16_x4
@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> w_ptr : array<vec2<u32>>;
@group(0) @binding(5) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  n: i32
}
@group(0) @binding(6) var<uniform> podArgs : PODArgs;

override all_outputs: i32;
override chunks: i32;
override first_row: i32;
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
fn linear_prefill_bfloat16_x4_kernel(
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
    let v_43 : vec2<u32> = w_ptr[(v_42 + (v_34 * chunks))];
    let v_44 : vec4<f32> = vec4<f32>(bitcast<f32>(((v_43)[0]<<16u)), bitcast<f32>(((v_43)[0] & 4294901760u)), bitcast<f32>(((v_43)[1]<<16u)), bitcast<f32>(((v_43)[1] & 4294901760u)));
    let v_45 : vec2<u32> = w_ptr[(v_42 + (v_35 * chunks))];
    let v_46 : vec4<f32> = vec4<f32>(bitcast<f32>(((v_45)[0]<<16u)), bitcast<f32>(((v_45)[0] & 4294901760u)), bitcast<f32>(((v_45)[1]<<16u)), bitcast<f32>(((v_45)[1] & 4294901760u)));
    let v_47 : vec2<u32> = w_ptr[(v_42 + (v_36 * chunks))];
    let v_48 : vec4<f32> = vec4<f32>(bitcast<f32>(((v_47)[0]<<16u)), bitcast<f32>(((v_47)[0] & 4294901760u)), bitcast<f32>(((v_47)[1]<<16u)), bitcast<f32>(((v_47)[1] & 4294901760u)));
    let v_49 : vec2<u32> = w_ptr[(v_42 + (v_37 * chunks))];
    let v_50 : vec4<f32> = vec4<f32>(bitcast<f32>(((v_49)[0]<<16u)), bitcast<f32>(((v_49)[0] & 4294901760u)), bitcast<f32>(((v_49)[1]<<16u)), bitcast<f32>(((v_49)[1] & 4294901760u)));
    let v_51 : vec4<f32> = x_ptr[(v_42 + (v_38 * quads))];
    v[0i] = (v[0i] + dot(v_51, v_44));
    v_1[0i] = (v_1[0i] + dot(v_51, v_46));
    v_2[0i] = (v_2[0i] + dot(v_51, v_48));
    v_3[0i] = (v_3[0i] + dot(v_51, v_50));
    let v_52 : vec4<f32> = x_ptr[(v_42 + (v_39 * quads))];
    v_4[0i] = (v_4[0i] + dot(v_52, v_44));
    v_5[0i] = (v_5[0i] + dot(v_52, v_46));
    v_6[0i] = (v_6[0i] + dot(v_52, v_48));
    v_7[0i] = (v_7[0i] + dot(v_52, v_50));
    let v_53 : vec4<f32> = x_ptr[(v_42 + (v_40 * quads))];
    v_8[0i] = (v_8[0i] + dot(v_53, v_44));
    v_9[0i] = (v_9[0i] + dot(v_53, v_46));
    v_10[0i] = (v_10[0i] + dot(v_53, v_48));
    v_11[0i] = (v_11[0i] + dot(v_53, v_50));
    let v_54 : vec4<f32> = x_ptr[(v_42 + (v_41 * quads))];
    v_12[0i] = (v_12[0i] + dot(v_54, v_44));
    v_13[0i] = (v_13[0i] + dot(v_54, v_46));
    v_14[0i] = (v_14[0i] + dot(v_54, v_48));
    v_15[0i] = (v_15[0i] + dot(v_54, v_50));
  }
  if ((v_33 < podArgs.n) && select(bool(1), (v_32 < outputs), (tails != 0i))) {
    let v_55 : i32 = (v_32 + first_row);
    if (has_bias != 0i) {
      v[0i] = (v[0i] + bias_ptr[v_55]);
    }
    if (has_delta != 0i) {
      v[0i] = (v[0i] + delta_ptr[((v_33 * all_outputs) + v_55)]);
    }
    v_16[0i] = capped((activated(v[0i]) * scale));
    if (has_residual != 0i) {
      v_16[0i] = (v_16[0i] + residual_ptr[((v_33 * all_outputs) + v_55)]);
    }
    out_ptr[((v_33 * all_outputs) + v_55)] = v_16[0i];
  }
  if ((v_33 < podArgs.n) && select(bool(1), ((v_32 + 1i) < outputs), (tails != 0i))) {
    let v_56 : i32 = ((v_32 + 1i) + first_row);
    if (has_bias != 0i) {
      v_1[0i] = (v_1[0i] + bias_ptr[v_56]);
    }
    if (has_delta != 0i) {
      v_1[0i] = (v_1[0i] + delta_ptr[((v_33 * all_outputs) + v_56)]);
    }
    v_17[0i] = capped((activated(v_1[0i]) * scale));
    if (has_residual != 0i) {
      v_17[0i] = (v_17[0i] + residual_ptr[((v_33 * all_outputs) + v_56)]);
    }
    out_ptr[((v_33 * all_outputs) + v_56)] = v_17[0i];
  }
  if ((v_33 < podArgs.n) && select(bool(1), ((v_32 + 2i) < outputs), (tails != 0i))) {
    let v_57 : i32 = ((v_32 + 2i) + first_row);
    if (has_bias != 0i) {
      v_2[0i] = (v_2[0i] + bias_ptr[v_57]);
    }
    if (has_delta != 0i) {
      v_2[0i] = (v_2[0i] + delta_ptr[((v_33 * all_outputs) + v_57)]);
    }
    v_18[0i] = capped((activated(v_2[0i]) * scale));
    if (has_residual != 0i) {
      v_18[0i] = (v_18[0i] + residual_ptr[((v_33 * all_outputs) + v_57)]);
    }
    out_ptr[((v_33 * all_outputs) + v_57)] = v_18[0i];
  }
  if ((v_33 < podArgs.n) && select(bool(1), ((v_32 + 3i) < outputs), (tails != 0i))) {
    let v_58 : i32 = ((v_32 + 3i) + first_row);
    if (has_bias != 0i) {
      v_3[0i] = (v_3[0i] + bias_ptr[v_58]);
    }
    if (has_delta != 0i) {
      v_3[0i] = (v_3[0i] + delta_ptr[((v_33 * all_outputs) + v_58)]);
    }
    v_19[0i] = capped((activated(v_3[0i]) * scale));
    if (has_residual != 0i) {
      v_19[0i] = (v_19[0i] + residual_ptr[((v_33 * all_outputs) + v_58)]);
    }
    out_ptr[((v_33 * all_outputs) + v_58)] = v_19[0i];
  }
  if (((v_33 + 1i) < podArgs.n) && select(bool(1), (v_32 < outputs), (tails != 0i))) {
    let v_59 : i32 = (v_32 + first_row);
    if (has_bias != 0i) {
      v_4[0i] = (v_4[0i] + bias_ptr[v_59]);
    }
    if (has_delta != 0i) {
      v_4[0i] = (v_4[0i] + delta_ptr[(((v_33 + 1i) * all_outputs) + v_59)]);
    }
    v_20[0i] = capped((activated(v_4[0i]) * scale));
    if (has_residual != 0i) {
      v_20[0i] = (v_20[0i] + residual_ptr[(((v_33 + 1i) * all_outputs) + v_59)]);
    }
    out_ptr[(((v_33 + 1i) * all_outputs) + v_59)] = v_20[0i];
  }
  if (((v_33 + 1i) < podArgs.n) && select(bool(1), ((v_32 + 1i) < outputs), (tails != 0i))) {
    let v_60 : i32 = ((v_32 + 1i) + first_row);
    if (has_bias != 0i) {
      v_5[0i] = (v_5[0i] + bias_ptr[v_60]);
    }
    if (has_delta != 0i) {
      v_5[0i] = (v_5[0i] + delta_ptr[(((v_33 + 1i) * all_outputs) + v_60)]);
    }
    v_21[0i] = capped((activated(v_5[0i]) * scale));
    if (has_residual != 0i) {
      v_21[0i] = (v_21[0i] + residual_ptr[(((v_33 + 1i) * all_outputs) + v_60)]);
    }
    out_ptr[(((v_33 + 1i) * all_outputs) + v_60)] = v_21[0i];
  }
  if (((v_33 + 1i) < podArgs.n) && select(bool(1), ((v_32 + 2i) < outputs), (tails != 0i))) {
    let v_61 : i32 = ((v_32 + 2i) + first_row);
    if (has_bias != 0i) {
      v_6[0i] = (v_6[0i] + bias_ptr[v_61]);
    }
    if (has_delta != 0i) {
      v_6[0i] = (v_6[0i] + delta_ptr[(((v_33 + 1i) * all_outputs) + v_61)]);
    }
    v_22[0i] = capped((activated(v_6[0i]) * scale));
    if (has_residual != 0i) {
      v_22[0i] = (v_22[0i] + residual_ptr[(((v_33 + 1i) * all_outputs) + v_61)]);
    }
    out_ptr[(((v_33 + 1i) * all_outputs) + v_61)] = v_22[0i];
  }
  if (((v_33 + 1i) < podArgs.n) && select(bool(1), ((v_32 + 3i) < outputs), (tails != 0i))) {
    let v_62 : i32 = ((v_32 + 3i) + first_row);
    if (has_bias != 0i) {
      v_7[0i] = (v_7[0i] + bias_ptr[v_62]);
    }
    if (has_delta != 0i) {
      v_7[0i] = (v_7[0i] + delta_ptr[(((v_33 + 1i) * all_outputs) + v_62)]);
    }
    v_23[0i] = capped((activated(v_7[0i]) * scale));
    if (has_residual != 0i) {
      v_23[0i] = (v_23[0i] + residual_ptr[(((v_33 + 1i) * all_outputs) + v_62)]);
    }
    out_ptr[(((v_33 + 1i) * all_outputs) + v_62)] = v_23[0i];
  }
  if (((v_33 + 2i) < podArgs.n) && select(bool(1), (v_32 < outputs), (tails != 0i))) {
    let v_63 : i32 = (v_32 + first_row);
    if (has_bias != 0i) {
      v_8[0i] = (v_8[0i] + bias_ptr[v_63]);
    }
    if (has_delta != 0i) {
      v_8[0i] = (v_8[0i] + delta_ptr[(((v_33 + 2i) * all_outputs) + v_63)]);
    }
    v_24[0i] = capped((activated(v_8[0i]) * scale));
    if (has_residual != 0i) {
      v_24[0i] = (v_24[0i] + residual_ptr[(((v_33 + 2i) * all_outputs) + v_63)]);
    }
    out_ptr[(((v_33 + 2i) * all_outputs) + v_63)] = v_24[0i];
  }
  if (((v_33 + 2i) < podArgs.n) && select(bool(1), ((v_32 + 1i) < outputs), (tails != 0i))) {
    let v_64 : i32 = ((v_32 + 1i) + first_row);
    if (has_bias != 0i) {
      v_9[0i] = (v_9[0i] + bias_ptr[v_64]);
    }
    if (has_delta != 0i) {
      v_9[0i] = (v_9[0i] + delta_ptr[(((v_33 + 2i) * all_outputs) + v_64)]);
    }
    v_25[0i] = capped((activated(v_9[0i]) * scale));
    if (has_residual != 0i) {
      v_25[0i] = (v_25[0i] + residual_ptr[(((v_33 + 2i) * all_outputs) + v_64)]);
    }
    out_ptr[(((v_33 + 2i) * all_outputs) + v_64)] = v_25[0i];
  }
  if (((v_33 + 2i) < podArgs.n) && select(bool(1), ((v_32 + 2i) < outputs), (tails != 0i))) {
    let v_65 : i32 = ((v_32 + 2i) + first_row);
    if (has_bias != 0i) {
      v_10[0i] = (v_10[0i] + bias_ptr[v_65]);
    }
    if (has_delta != 0i) {
      v_10[0i] = (v_10[0i] + delta_ptr[(((v_33 + 2i) * all_outputs) + v_65)]);
    }
    v_26[0i] = capped((activated(v_10[0i]) * scale));
    if (has_residual != 0i) {
      v_26[0i] = (v_26[0i] + residual_ptr[(((v_33 + 2i) * all_outputs) + v_65)]);
    }
    out_ptr[(((v_33 + 2i) * all_outputs) + v_65)] = v_26[0i];
  }
  if (((v_33 + 2i) < podArgs.n) && select(bool(1), ((v_32 + 3i) < outputs), (tails != 0i))) {
    let v_66 : i32 = ((v_32 + 3i) + first_row);
    if (has_bias != 0i) {
      v_11[0i] = (v_11[0i] + bias_ptr[v_66]);
    }
    if (has_delta != 0i) {
      v_11[0i] = (v_11[0i] + delta_ptr[(((v_33 + 2i) * all_outputs) + v_66)]);
    }
    v_27[0i] = capped((activated(v_11[0i]) * scale));
    if (has_residual != 0i) {
      v_27[0i] = (v_27[0i] + residual_ptr[(((v_33 + 2i) * all_outputs) + v_66)]);
    }
    out_ptr[(((v_33 + 2i) * all_outputs) + v_66)] = v_27[0i];
  }
  if (((v_33 + 3i) < podArgs.n) && select(bool(1), (v_32 < outputs), (tails != 0i))) {
    let v_67 : i32 = (v_32 + first_row);
    if (has_bias != 0i) {
      v_12[0i] = (v_12[0i] + bias_ptr[v_67]);
    }
    if (has_delta != 0i) {
      v_12[0i] = (v_12[0i] + delta_ptr[(((v_33 + 3i) * all_outputs) + v_67)]);
    }
    v_28[0i] = capped((activated(v_12[0i]) * scale));
    if (has_residual != 0i) {
      v_28[0i] = (v_28[0i] + residual_ptr[(((v_33 + 3i) * all_outputs) + v_67)]);
    }
    out_ptr[(((v_33 + 3i) * all_outputs) + v_67)] = v_28[0i];
  }
  if (((v_33 + 3i) < podArgs.n) && select(bool(1), ((v_32 + 1i) < outputs), (tails != 0i))) {
    let v_68 : i32 = ((v_32 + 1i) + first_row);
    if (has_bias != 0i) {
      v_13[0i] = (v_13[0i] + bias_ptr[v_68]);
    }
    if (has_delta != 0i) {
      v_13[0i] = (v_13[0i] + delta_ptr[(((v_33 + 3i) * all_outputs) + v_68)]);
    }
    v_29[0i] = capped((activated(v_13[0i]) * scale));
    if (has_residual != 0i) {
      v_29[0i] = (v_29[0i] + residual_ptr[(((v_33 + 3i) * all_outputs) + v_68)]);
    }
    out_ptr[(((v_33 + 3i) * all_outputs) + v_68)] = v_29[0i];
  }
  if (((v_33 + 3i) < podArgs.n) && select(bool(1), ((v_32 + 2i) < outputs), (tails != 0i))) {
    let v_69 : i32 = ((v_32 + 2i) + first_row);
    if (has_bias != 0i) {
      v_14[0i] = (v_14[0i] + bias_ptr[v_69]);
    }
    if (has_delta != 0i) {
      v_14[0i] = (v_14[0i] + delta_ptr[(((v_33 + 3i) * all_outputs) + v_69)]);
    }
    v_30[0i] = capped((activated(v_14[0i]) * scale));
    if (has_residual != 0i) {
      v_30[0i] = (v_30[0i] + residual_ptr[(((v_33 + 3i) * all_outputs) + v_69)]);
    }
    out_ptr[(((v_33 + 3i) * all_outputs) + v_69)] = v_30[0i];
  }
  if (((v_33 + 3i) < podArgs.n) && select(bool(1), ((v_32 + 3i) < outputs), (tails != 0i))) {
    let v_70 : i32 = ((v_32 + 3i) + first_row);
    if (has_bias != 0i) {
      v_15[0i] = (v_15[0i] + bias_ptr[v_70]);
    }
    if (has_delta != 0i) {
      v_15[0i] = (v_15[0i] + delta_ptr[(((v_33 + 3i) * all_outputs) + v_70)]);
    }
    v_31[0i] = capped((activated(v_15[0i]) * scale));
    if (has_residual != 0i) {
      v_31[0i] = (v_31[0i] + residual_ptr[(((v_33 + 3i) * all_outputs) + v_70)]);
    }
    out_ptr[(((v_33 + 3i) * all_outputs) + v_70)] = v_31[0i];
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
