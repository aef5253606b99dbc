// linear_decode_gated_float16_x8_wg4
@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(5) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(6) var<storage, read> x_ptr : array<vec4<f32>>;

override all_outputs: i32;
override chunks: i32;
override columns: i32;
override first_row: i32;
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

var<workgroup> v_5 : array<f32, 192>;
@compute @workgroup_size(64, 1, 1)
fn linear_decode_gated_float16_x8_wg4_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  var v_2 : array<f32, 1>;
  var v_3 : array<vec4<f32>, 1>;
  var v_4 : array<vec4<f32>, 1>;
  var v_6 : array<f32, 1>;
  var v_7 : array<f32, 1>;
  let v_8 : i32 = (i32(threadIdx.x) & 3i);
  let v_9 : i32 = ((v__1 * 16i) + (i32(threadIdx.x)>>2u));
  let v_10 : i32 = select(v_9, min(v_9, (outputs - 1i)), (tails != 0i));
  v[0i] = 0.000000e+00f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  for (var v_11 : i32 = 0i; v_11 < steps; v_11++) {
    let v_12 : i32 = ((v_11 * 4i) + v_8);
    if (select(bool(1), (v_12 < chunks), (ragged != 0i))) {
      v_3[0i] = x_ptr[(v_12 * 2i)];
      v_4[0i] = x_ptr[((v_12 * 2i) + 1i)];
      if (has_norm != 0i) {
        v_2[0i] = (v_2[0i] + dot(v_3[0i], v_3[0i]));
        v_3[0i] = (v_3[0i] * gain_ptr[(v_12 * 2i)]);
        v_2[0i] = (v_2[0i] + dot(v_4[0i], v_4[0i]));
        v_4[0i] = (v_4[0i] * gain_ptr[((v_12 * 2i) + 1i)]);
      }
      let v_13 : vec4<u32> = w_ptr[((v_10 * chunks) + v_12)];
      let v_14 : vec4<f32> = vec4<f32>((unpack2x16float((v_13)[0]))[0], (unpack2x16float((v_13)[0]))[1], (unpack2x16float((v_13)[1]))[0], (unpack2x16float((v_13)[1]))[1]);
      let v_15 : vec4<f32> = vec4<f32>((unpack2x16float((v_13)[2]))[0], (unpack2x16float((v_13)[2]))[1], (unpack2x16float((v_13)[3]))[0], (unpack2x16float((v_13)[3]))[1]);
      v[0i] = (v[0i] + (dot(v_3[0i], v_14) + dot(v_4[0i], v_15)));
      let v_16 : vec4<u32> = w_ptr[(((v_10 + outputs) * chunks) + v_12)];
      let v_17 : vec4<f32> = vec4<f32>((unpack2x16float((v_16)[0]))[0], (unpack2x16float((v_16)[0]))[1], (unpack2x16float((v_16)[1]))[0], (unpack2x16float((v_16)[1]))[1]);
      let v_18 : vec4<f32> = vec4<f32>((unpack2x16float((v_16)[2]))[0], (unpack2x16float((v_16)[2]))[1], (unpack2x16float((v_16)[3]))[0], (unpack2x16float((v_16)[3]))[1]);
      v_1[0i] = (v_1[0i] + (dot(v_3[0i], v_17) + dot(v_4[0i], v_18)));
    }
  }
  v_5[i32(threadIdx.x)] = v[0i];
  v_5[(i32(threadIdx.x) + 64i)] = v_1[0i];
  if (has_norm != 0i) {
    v_5[(i32(threadIdx.x) + 128i)] = v_2[0i];
  }
  workgroupBarrier();
  if (v_8 == 0i) {
    for (var v_19 : i32 = 0i; v_19 < 3i; v_19++) {
      v[0i] = (v[0i] + v_5[((i32(threadIdx.x) + v_19) + 1i)]);
    }
    for (var v_20 : i32 = 0i; v_20 < 3i; v_20++) {
      v_1[0i] = (v_1[0i] + v_5[((i32(threadIdx.x) + v_20) + 65i)]);
    }
    if (has_norm != 0i) {
      for (var v_21 : i32 = 0i; v_21 < 3i; v_21++) {
        v_2[0i] = (v_2[0i] + v_5[((i32(threadIdx.x) + v_21) + 129i)]);
      }
    }
  }
  v_6[0i] = 1.000000e+00f;
  if (has_norm != 0i) {
    v_6[0i] = (1.000000e+00f / sqrt(((v_2[0i] / f32(columns)) + norm_eps)));
  }
  if (v_8 == 0i) {
    if (select(bool(1), (v_9 < outputs), (tails != 0i))) {
      let v_22 : f32 = v_6[0i];
      let v_23 : i32 = (v_9 + first_row);
      v[0i] = (v[0i] * v_22);
      v_1[0i] = (v_1[0i] * v_22);
      if (has_bias != 0i) {
        v[0i] = (v[0i] + bias_ptr[v_23]);
        v_1[0i] = (v_1[0i] + bias_ptr[(v_23 + all_outputs)]);
      }
      if (has_delta != 0i) {
        v[0i] = (v[0i] + delta_ptr[v_23]);
        v_1[0i] = (v_1[0i] + delta_ptr[(v_23 + all_outputs)]);
      }
      v_7[0i] = capped(((activated(v[0i]) * v_1[0i]) * scale));
      if (has_residual != 0i) {
        v_7[0i] = (v_7[0i] + residual_ptr[v_23]);
      }
      out_ptr[v_23] = v_7[0i];
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
