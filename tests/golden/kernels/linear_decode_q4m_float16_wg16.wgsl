// linear_decode_q4m_float16_wg16
@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(5) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(6) var<storage, read> w_scale_ptr : array<u32>;
@group(0) @binding(7) var<storage, read> x_ptr : array<vec4<f32>>;

override chunks: i32;
override columns: i32;
override first_row: i32;
override group_chunks: i32;
override groups: i32;
override has_bias: i32;
override has_delta: i32;
override has_norm: i32;
override has_residual: i32;
override norm_eps: f32;
override outputs: i32;
override ragged: i32;
override scale: f32;
override steps: i32;
override tails: i32;
override activation: i32;
override softcap: f32;

var<workgroup> v_11 : array<f32, 192>;
@compute @workgroup_size(64, 1, 1)
fn linear_decode_q4m_float16_wg16_kernel(
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
  var v_12 : array<f32, 1>;
  var v_13 : array<f32, 1>;
  var v_14 : array<f32, 1>;
  let v_15 : i32 = (i32(threadIdx.x) & 15i);
  let v_16 : i32 = (((v__1 * 4i) + (i32(threadIdx.x)>>4u)) * 2i);
  let v_17 : i32 = select(v_16, min(v_16, (outputs - 1i)), (tails != 0i));
  let v_18 : i32 = select((v_16 + 1i), min((v_16 + 1i), (outputs - 1i)), (tails != 0i));
  v[0i] = 0.000000e+00f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  for (var v_19 : i32 = 0i; v_19 < steps; v_19++) {
    let v_20 : i32 = ((v_19 * 16i) + v_15);
    if (select(bool(1), (v_20 < chunks), (ragged != 0i))) {
      v_3[0i] = x_ptr[(v_20 * 8i)];
      v_4[0i] = x_ptr[((v_20 * 8i) + 1i)];
      v_5[0i] = x_ptr[((v_20 * 8i) + 2i)];
      v_6[0i] = x_ptr[((v_20 * 8i) + 3i)];
      v_7[0i] = x_ptr[((v_20 * 8i) + 4i)];
      v_8[0i] = x_ptr[((v_20 * 8i) + 5i)];
      v_9[0i] = x_ptr[((v_20 * 8i) + 6i)];
      v_10[0i] = x_ptr[((v_20 * 8i) + 7i)];
      if (has_norm != 0i) {
        v_2[0i] = (v_2[0i] + dot(v_3[0i], v_3[0i]));
        v_3[0i] = (v_3[0i] * gain_ptr[(v_20 * 8i)]);
        v_2[0i] = (v_2[0i] + dot(v_4[0i], v_4[0i]));
        v_4[0i] = (v_4[0i] * gain_ptr[((v_20 * 8i) + 1i)]);
        v_2[0i] = (v_2[0i] + dot(v_5[0i], v_5[0i]));
        v_5[0i] = (v_5[0i] * gain_ptr[((v_20 * 8i) + 2i)]);
        v_2[0i] = (v_2[0i] + dot(v_6[0i], v_6[0i]));
        v_6[0i] = (v_6[0i] * gain_ptr[((v_20 * 8i) + 3i)]);
        v_2[0i] = (v_2[0i] + dot(v_7[0i], v_7[0i]));
        v_7[0i] = (v_7[0i] * gain_ptr[((v_20 * 8i) + 4i)]);
        v_2[0i] = (v_2[0i] + dot(v_8[0i], v_8[0i]));
        v_8[0i] = (v_8[0i] * gain_ptr[((v_20 * 8i) + 5i)]);
        v_2[0i] = (v_2[0i] + dot(v_9[0i], v_9[0i]));
        v_9[0i] = (v_9[0i] * gain_ptr[((v_20 * 8i) + 6i)]);
        v_2[0i] = (v_2[0i] + dot(v_10[0i], v_10[0i]));
        v_10[0i] = (v_10[0i] * gain_ptr[((v_20 * 8i) + 7i)]);
      }
      let v_21 : f32 = dot((((((((v_3[0i] + v_4[0i]) + v_5[0i]) + v_6[0i]) + v_7[0i]) + v_8[0i]) + v_9[0i]) + v_10[0i]), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
      let v_22 : vec4<u32> = w_ptr[((v_17 * chunks) + v_20)];
      let v_23 : vec4<f32> = vec4<f32>(f32((((v_22)[0]>>0u) & 15u)), f32((((v_22)[0]>>4u) & 15u)), f32((((v_22)[0]>>8u) & 15u)), f32((((v_22)[0]>>12u) & 15u)));
      let v_24 : vec4<f32> = vec4<f32>(f32((((v_22)[0]>>16u) & 15u)), f32((((v_22)[0]>>20u) & 15u)), f32((((v_22)[0]>>24u) & 15u)), f32((((v_22)[0]>>28u) & 15u)));
      let v_25 : vec4<f32> = vec4<f32>(f32((((v_22)[1]>>0u) & 15u)), f32((((v_22)[1]>>4u) & 15u)), f32((((v_22)[1]>>8u) & 15u)), f32((((v_22)[1]>>12u) & 15u)));
      let v_26 : vec4<f32> = vec4<f32>(f32((((v_22)[1]>>16u) & 15u)), f32((((v_22)[1]>>20u) & 15u)), f32((((v_22)[1]>>24u) & 15u)), f32((((v_22)[1]>>28u) & 15u)));
      let v_27 : vec4<f32> = vec4<f32>(f32((((v_22)[2]>>0u) & 15u)), f32((((v_22)[2]>>4u) & 15u)), f32((((v_22)[2]>>8u) & 15u)), f32((((v_22)[2]>>12u) & 15u)));
      let v_28 : vec4<f32> = vec4<f32>(f32((((v_22)[2]>>16u) & 15u)), f32((((v_22)[2]>>20u) & 15u)), f32((((v_22)[2]>>24u) & 15u)), f32((((v_22)[2]>>28u) & 15u)));
      let v_29 : vec4<f32> = vec4<f32>(f32((((v_22)[3]>>0u) & 15u)), f32((((v_22)[3]>>4u) & 15u)), f32((((v_22)[3]>>8u) & 15u)), f32((((v_22)[3]>>12u) & 15u)));
      let v_30 : vec4<f32> = vec4<f32>(f32((((v_22)[3]>>16u) & 15u)), f32((((v_22)[3]>>20u) & 15u)), f32((((v_22)[3]>>24u) & 15u)), f32((((v_22)[3]>>28u) & 15u)));
      let v_31 : i32 = ((v_17 * groups) + i32((u32(v_20) / u32(group_chunks))));
      let v_32 : u32 = w_scale_ptr[v_31];
      let v_33 : f32 = (unpack2x16float(v_32))[0];
      let v_34 : f32 = (unpack2x16float(v_32))[1];
      v[0i] = (v[0i] + fma(v_34, v_21, ((((((((dot(v_3[0i], v_23) + dot(v_4[0i], v_24)) + dot(v_5[0i], v_25)) + dot(v_6[0i], v_26)) + dot(v_7[0i], v_27)) + dot(v_8[0i], v_28)) + dot(v_9[0i], v_29)) + dot(v_10[0i], v_30)) * v_33)));
      let v_35 : vec4<u32> = w_ptr[((v_18 * chunks) + v_20)];
      let v_36 : vec4<f32> = vec4<f32>(f32((((v_35)[0]>>0u) & 15u)), f32((((v_35)[0]>>4u) & 15u)), f32((((v_35)[0]>>8u) & 15u)), f32((((v_35)[0]>>12u) & 15u)));
      let v_37 : vec4<f32> = vec4<f32>(f32((((v_35)[0]>>16u) & 15u)), f32((((v_35)[0]>>20u) & 15u)), f32((((v_35)[0]>>24u) & 15u)), f32((((v_35)[0]>>28u) & 15u)));
      let v_38 : vec4<f32> = vec4<f32>(f32((((v_35)[1]>>0u) & 15u)), f32((((v_35)[1]>>4u) & 15u)), f32((((v_35)[1]>>8u) & 15u)), f32((((v_35)[1]>>12u) & 15u)));
      let v_39 : vec4<f32> = vec4<f32>(f32((((v_35)[1]>>16u) & 15u)), f32((((v_35)[1]>>20u) & 15u)), f32((((v_35)[1]>>24u) & 15u)), f32((((v_35)[1]>>28u) & 15u)));
      let v_40 : vec4<f32> = vec4<f32>(f32((((v_35)[2]>>0u) & 15u)), f32((((v_35)[2]>>4u) & 15u)), f32((((v_35)[2]>>8u) & 15u)), f32((((v_35)[2]>>12u) & 15u)));
      let v_41 : vec4<f32> = vec4<f32>(f32((((v_35)[2]>>16u) & 15u)), f32((((v_35)[2]>>20u) & 15u)), f32((((v_35)[2]>>24u) & 15u)), f32((((v_35)[2]>>28u) & 15u)));
      let v_42 : vec4<f32> = vec4<f32>(f32((((v_35)[3]>>0u) & 15u)), f32((((v_35)[3]>>4u) & 15u)), f32((((v_35)[3]>>8u) & 15u)), f32((((v_35)[3]>>12u) & 15u)));
      let v_43 : vec4<f32> = vec4<f32>(f32((((v_35)[3]>>16u) & 15u)), f32((((v_35)[3]>>20u) & 15u)), f32((((v_35)[3]>>24u) & 15u)), f32((((v_35)[3]>>28u) & 15u)));
      let v_44 : i32 = ((v_18 * groups) + i32((u32(v_20) / u32(group_chunks))));
      let v_45 : u32 = w_scale_ptr[v_44];
      let v_46 : f32 = (unpack2x16float(v_45))[0];
      let v_47 : f32 = (unpack2x16float(v_45))[1];
      v_1[0i] = (v_1[0i] + fma(v_47, v_21, ((((((((dot(v_3[0i], v_36) + dot(v_4[0i], v_37)) + dot(v_5[0i], v_38)) + dot(v_6[0i], v_39)) + dot(v_7[0i], v_40)) + dot(v_8[0i], v_41)) + dot(v_9[0i], v_42)) + dot(v_10[0i], v_43)) * v_46)));
    }
  }
  v_11[i32(threadIdx.x)] = v[0i];
  v_11[(i32(threadIdx.x) + 64i)] = v_1[0i];
  if (has_norm != 0i) {
    v_11[(i32(threadIdx.x) + 128i)] = v_2[0i];
  }
  workgroupBarrier();
  if (v_15 == 0i) {
    for (var v_48 : i32 = 0i; v_48 < 15i; v_48++) {
      v[0i] = (v[0i] + v_11[((i32(threadIdx.x) + v_48) + 1i)]);
    }
    for (var v_49 : i32 = 0i; v_49 < 15i; v_49++) {
      v_1[0i] = (v_1[0i] + v_11[((i32(threadIdx.x) + v_49) + 65i)]);
    }
    if (has_norm != 0i) {
      for (var v_50 : i32 = 0i; v_50 < 15i; v_50++) {
        v_2[0i] = (v_2[0i] + v_11[((i32(threadIdx.x) + v_50) + 129i)]);
      }
    }
  }
  v_12[0i] = 1.000000e+00f;
  if (has_norm != 0i) {
    v_12[0i] = (1.000000e+00f / sqrt(((v_2[0i] / f32(columns)) + norm_eps)));
  }
  if (v_15 == 0i) {
    if (select(bool(1), (v_16 < outputs), (tails != 0i))) {
      let v_51 : f32 = v_12[0i];
      let v_52 : i32 = (v_16 + first_row);
      v[0i] = (v[0i] * v_51);
      if (has_bias != 0i) {
        v[0i] = (v[0i] + bias_ptr[v_52]);
      }
      if (has_delta != 0i) {
        v[0i] = (v[0i] + delta_ptr[v_52]);
      }
      v_13[0i] = capped((activated(v[0i]) * scale));
      if (has_residual != 0i) {
        v_13[0i] = (v_13[0i] + residual_ptr[v_52]);
      }
      out_ptr[v_52] = v_13[0i];
    }
    if (select(bool(1), ((v_16 + 1i) < outputs), (tails != 0i))) {
      let v_53 : f32 = v_12[0i];
      let v_54 : i32 = ((v_16 + 1i) + first_row);
      v_1[0i] = (v_1[0i] * v_53);
      if (has_bias != 0i) {
        v_1[0i] = (v_1[0i] + bias_ptr[v_54]);
      }
      if (has_delta != 0i) {
        v_1[0i] = (v_1[0i] + delta_ptr[v_54]);
      }
      v_14[0i] = capped((activated(v_1[0i]) * scale));
      if (has_residual != 0i) {
        v_14[0i] = (v_14[0i] + residual_ptr[v_54]);
      }
      out_ptr[v_54] = v_14[0i];
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
