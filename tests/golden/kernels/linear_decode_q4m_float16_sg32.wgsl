// linear_decode_q4m_float16_sg32
enable subgroups;

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

@compute @workgroup_size(64, 1, 1)
fn linear_decode_q4m_float16_sg32_kernel(
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
  var v_11 : array<f32, 1>;
  var v_12 : array<f32, 1>;
  var v_13 : array<f32, 1>;
  let v_14 : i32 = (i32(threadIdx.x) & 31i);
  let v_15 : i32 = (((v__1 * 2i) + (i32(threadIdx.x)>>5u)) * 2i);
  let v_16 : i32 = select(v_15, min(v_15, (outputs - 1i)), (tails != 0i));
  let v_17 : i32 = select((v_15 + 1i), min((v_15 + 1i), (outputs - 1i)), (tails != 0i));
  v[0i] = 0.000000e+00f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  for (var v_18 : i32 = 0i; v_18 < steps; v_18++) {
    let v_19 : i32 = ((v_18 * 32i) + v_14);
    if (select(bool(1), (v_19 < chunks), (ragged != 0i))) {
      v_3[0i] = x_ptr[(v_19 * 8i)];
      v_4[0i] = x_ptr[((v_19 * 8i) + 1i)];
      v_5[0i] = x_ptr[((v_19 * 8i) + 2i)];
      v_6[0i] = x_ptr[((v_19 * 8i) + 3i)];
      v_7[0i] = x_ptr[((v_19 * 8i) + 4i)];
      v_8[0i] = x_ptr[((v_19 * 8i) + 5i)];
      v_9[0i] = x_ptr[((v_19 * 8i) + 6i)];
      v_10[0i] = x_ptr[((v_19 * 8i) + 7i)];
      if (has_norm != 0i) {
        v_2[0i] = (v_2[0i] + dot(v_3[0i], v_3[0i]));
        v_3[0i] = (v_3[0i] * gain_ptr[(v_19 * 8i)]);
        v_2[0i] = (v_2[0i] + dot(v_4[0i], v_4[0i]));
        v_4[0i] = (v_4[0i] * gain_ptr[((v_19 * 8i) + 1i)]);
        v_2[0i] = (v_2[0i] + dot(v_5[0i], v_5[0i]));
        v_5[0i] = (v_5[0i] * gain_ptr[((v_19 * 8i) + 2i)]);
        v_2[0i] = (v_2[0i] + dot(v_6[0i], v_6[0i]));
        v_6[0i] = (v_6[0i] * gain_ptr[((v_19 * 8i) + 3i)]);
        v_2[0i] = (v_2[0i] + dot(v_7[0i], v_7[0i]));
        v_7[0i] = (v_7[0i] * gain_ptr[((v_19 * 8i) + 4i)]);
        v_2[0i] = (v_2[0i] + dot(v_8[0i], v_8[0i]));
        v_8[0i] = (v_8[0i] * gain_ptr[((v_19 * 8i) + 5i)]);
        v_2[0i] = (v_2[0i] + dot(v_9[0i], v_9[0i]));
        v_9[0i] = (v_9[0i] * gain_ptr[((v_19 * 8i) + 6i)]);
        v_2[0i] = (v_2[0i] + dot(v_10[0i], v_10[0i]));
        v_10[0i] = (v_10[0i] * gain_ptr[((v_19 * 8i) + 7i)]);
      }
      let v_20 : f32 = dot((((((((v_3[0i] + v_4[0i]) + v_5[0i]) + v_6[0i]) + v_7[0i]) + v_8[0i]) + v_9[0i]) + v_10[0i]), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
      let v_21 : vec4<u32> = w_ptr[((v_16 * chunks) + v_19)];
      let v_22 : vec4<f32> = vec4<f32>(f32((((v_21)[0]>>0u) & 15u)), f32((((v_21)[0]>>4u) & 15u)), f32((((v_21)[0]>>8u) & 15u)), f32((((v_21)[0]>>12u) & 15u)));
      let v_23 : vec4<f32> = vec4<f32>(f32((((v_21)[0]>>16u) & 15u)), f32((((v_21)[0]>>20u) & 15u)), f32((((v_21)[0]>>24u) & 15u)), f32((((v_21)[0]>>28u) & 15u)));
      let v_24 : vec4<f32> = vec4<f32>(f32((((v_21)[1]>>0u) & 15u)), f32((((v_21)[1]>>4u) & 15u)), f32((((v_21)[1]>>8u) & 15u)), f32((((v_21)[1]>>12u) & 15u)));
      let v_25 : vec4<f32> = vec4<f32>(f32((((v_21)[1]>>16u) & 15u)), f32((((v_21)[1]>>20u) & 15u)), f32((((v_21)[1]>>24u) & 15u)), f32((((v_21)[1]>>28u) & 15u)));
      let v_26 : vec4<f32> = vec4<f32>(f32((((v_21)[2]>>0u) & 15u)), f32((((v_21)[2]>>4u) & 15u)), f32((((v_21)[2]>>8u) & 15u)), f32((((v_21)[2]>>12u) & 15u)));
      let v_27 : vec4<f32> = vec4<f32>(f32((((v_21)[2]>>16u) & 15u)), f32((((v_21)[2]>>20u) & 15u)), f32((((v_21)[2]>>24u) & 15u)), f32((((v_21)[2]>>28u) & 15u)));
      let v_28 : vec4<f32> = vec4<f32>(f32((((v_21)[3]>>0u) & 15u)), f32((((v_21)[3]>>4u) & 15u)), f32((((v_21)[3]>>8u) & 15u)), f32((((v_21)[3]>>12u) & 15u)));
      let v_29 : vec4<f32> = vec4<f32>(f32((((v_21)[3]>>16u) & 15u)), f32((((v_21)[3]>>20u) & 15u)), f32((((v_21)[3]>>24u) & 15u)), f32((((v_21)[3]>>28u) & 15u)));
      let v_30 : i32 = ((v_16 * groups) + i32((u32(v_19) / u32(group_chunks))));
      let v_31 : u32 = w_scale_ptr[v_30];
      let v_32 : f32 = (unpack2x16float(v_31))[0];
      let v_33 : f32 = (unpack2x16float(v_31))[1];
      v[0i] = (v[0i] + fma(v_33, v_20, ((((((((dot(v_3[0i], v_22) + dot(v_4[0i], v_23)) + dot(v_5[0i], v_24)) + dot(v_6[0i], v_25)) + dot(v_7[0i], v_26)) + dot(v_8[0i], v_27)) + dot(v_9[0i], v_28)) + dot(v_10[0i], v_29)) * v_32)));
      let v_34 : vec4<u32> = w_ptr[((v_17 * chunks) + v_19)];
      let v_35 : vec4<f32> = vec4<f32>(f32((((v_34)[0]>>0u) & 15u)), f32((((v_34)[0]>>4u) & 15u)), f32((((v_34)[0]>>8u) & 15u)), f32((((v_34)[0]>>12u) & 15u)));
      let v_36 : vec4<f32> = vec4<f32>(f32((((v_34)[0]>>16u) & 15u)), f32((((v_34)[0]>>20u) & 15u)), f32((((v_34)[0]>>24u) & 15u)), f32((((v_34)[0]>>28u) & 15u)));
      let v_37 : vec4<f32> = vec4<f32>(f32((((v_34)[1]>>0u) & 15u)), f32((((v_34)[1]>>4u) & 15u)), f32((((v_34)[1]>>8u) & 15u)), f32((((v_34)[1]>>12u) & 15u)));
      let v_38 : vec4<f32> = vec4<f32>(f32((((v_34)[1]>>16u) & 15u)), f32((((v_34)[1]>>20u) & 15u)), f32((((v_34)[1]>>24u) & 15u)), f32((((v_34)[1]>>28u) & 15u)));
      let v_39 : vec4<f32> = vec4<f32>(f32((((v_34)[2]>>0u) & 15u)), f32((((v_34)[2]>>4u) & 15u)), f32((((v_34)[2]>>8u) & 15u)), f32((((v_34)[2]>>12u) & 15u)));
      let v_40 : vec4<f32> = vec4<f32>(f32((((v_34)[2]>>16u) & 15u)), f32((((v_34)[2]>>20u) & 15u)), f32((((v_34)[2]>>24u) & 15u)), f32((((v_34)[2]>>28u) & 15u)));
      let v_41 : vec4<f32> = vec4<f32>(f32((((v_34)[3]>>0u) & 15u)), f32((((v_34)[3]>>4u) & 15u)), f32((((v_34)[3]>>8u) & 15u)), f32((((v_34)[3]>>12u) & 15u)));
      let v_42 : vec4<f32> = vec4<f32>(f32((((v_34)[3]>>16u) & 15u)), f32((((v_34)[3]>>20u) & 15u)), f32((((v_34)[3]>>24u) & 15u)), f32((((v_34)[3]>>28u) & 15u)));
      let v_43 : i32 = ((v_17 * groups) + i32((u32(v_19) / u32(group_chunks))));
      let v_44 : u32 = w_scale_ptr[v_43];
      let v_45 : f32 = (unpack2x16float(v_44))[0];
      let v_46 : f32 = (unpack2x16float(v_44))[1];
      v_1[0i] = (v_1[0i] + fma(v_46, v_20, ((((((((dot(v_3[0i], v_35) + dot(v_4[0i], v_36)) + dot(v_5[0i], v_37)) + dot(v_6[0i], v_38)) + dot(v_7[0i], v_39)) + dot(v_8[0i], v_40)) + dot(v_9[0i], v_41)) + dot(v_10[0i], v_42)) * v_45)));
    }
  }
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 16u));
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 8u));
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 4u));
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 2u));
  v[0i] = (v[0i] + subgroupShuffleDown(v[0i], 1u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 16u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 8u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 4u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 2u));
  v_1[0i] = (v_1[0i] + subgroupShuffleDown(v_1[0i], 1u));
  if (has_norm != 0i) {
    v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 16u));
    v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 8u));
    v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 4u));
    v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 2u));
    v_2[0i] = (v_2[0i] + subgroupShuffleDown(v_2[0i], 1u));
  }
  v_11[0i] = 1.000000e+00f;
  if (has_norm != 0i) {
    v_11[0i] = (1.000000e+00f / sqrt(((v_2[0i] / f32(columns)) + norm_eps)));
  }
  if (v_14 == 0i) {
    if (select(bool(1), (v_15 < outputs), (tails != 0i))) {
      let v_47 : f32 = v_11[0i];
      let v_48 : i32 = (v_15 + first_row);
      v[0i] = (v[0i] * v_47);
      if (has_bias != 0i) {
        v[0i] = (v[0i] + bias_ptr[v_48]);
      }
      if (has_delta != 0i) {
        v[0i] = (v[0i] + delta_ptr[v_48]);
      }
      v_12[0i] = capped((activated(v[0i]) * scale));
      if (has_residual != 0i) {
        v_12[0i] = (v_12[0i] + residual_ptr[v_48]);
      }
      out_ptr[v_48] = v_12[0i];
    }
    if (select(bool(1), ((v_15 + 1i) < outputs), (tails != 0i))) {
      let v_49 : f32 = v_11[0i];
      let v_50 : i32 = ((v_15 + 1i) + first_row);
      v_1[0i] = (v_1[0i] * v_49);
      if (has_bias != 0i) {
        v_1[0i] = (v_1[0i] + bias_ptr[v_50]);
      }
      if (has_delta != 0i) {
        v_1[0i] = (v_1[0i] + delta_ptr[v_50]);
      }
      v_13[0i] = capped((activated(v_1[0i]) * scale));
      if (has_residual != 0i) {
        v_13[0i] = (v_13[0i] + residual_ptr[v_50]);
      }
      out_ptr[v_50] = v_13[0i];
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
