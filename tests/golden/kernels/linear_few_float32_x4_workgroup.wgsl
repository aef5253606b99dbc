// linear_few_float32_x4_workgroup
@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> w_ptr : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> x_ptr : array<vec4<f32>>;

struct PODArgs {
  n: i32
}
@group(0) @binding(6) var<uniform> podArgs : PODArgs;

override all_outputs: i32;
override all_rows: i32;
override chunks: i32;
override first_row: i32;
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
@compute @workgroup_size(128, 1, 1)
fn linear_few_float32_x4_workgroup_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<vec4<f32>, 1>;
  var v_1 : array<vec4<f32>, 1>;
  var v_2 : array<vec4<f32>, 1>;
  var v_3 : array<vec4<f32>, 1>;
  var v_4 : array<f32, 1>;
  var v_6 : array<vec4<f32>, 1>;
  var v_7 : array<vec4<f32>, 1>;
  var v_8 : array<vec4<f32>, 1>;
  var v_9 : array<vec4<f32>, 1>;
  var v_10 : array<vec4<f32>, 1>;
  var v_11 : array<f32, 1>;
  var v_12 : array<vec4<f32>, 1>;
  var v_13 : array<f32, 1>;
  var v_14 : array<f32, 1>;
  let v_15 : i32 = i32((u32(i32(threadIdx.x)) % u32(lanes)));
  let v_16 : i32 = i32((u32(i32(threadIdx.x)) / u32(lanes)));
  let v_17 : i32 = (((v__1 * teams) + v_16) * team_outputs);
  let v_18 : i32 = (select((v_17 + select(0i, 0i, (is_gated != 0i))), min((v_17 + select(0i, 0i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(0))));
  let v_19 : i32 = (select((v_17 + select(1i, 0i, (is_gated != 0i))), min((v_17 + select(1i, 0i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(1))));
  let v_20 : i32 = (select((v_17 + select(2i, 1i, (is_gated != 0i))), min((v_17 + select(2i, 1i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(0))));
  let v_21 : i32 = (select((v_17 + select(3i, 1i, (is_gated != 0i))), min((v_17 + select(3i, 1i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(1))));
  let v_22 : i32 = (i32(blockIdx.y) * 4i);
  v[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_1[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_2[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_3[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_4[0i] = 0.000000e+00f;
  for (var v_23 : i32 = 0i; v_23 < tiles; v_23++) {
    for (var v_24 : i32 = 0i; v_24 < staging_steps; v_24++) {
      let v_25 : i32 = ((v_24 * 128i) + i32(threadIdx.x));
      let v_26 : i32 = (v_25 & 127i);
      let v_27 : i32 = ((v_23 * 128i) + v_26);
      if (((v_26 < 128i) && (v_27 < chunks)) && (((v_25>>7u) < 4i) && ((v_22 + (v_25>>7u)) < podArgs.n))) {
        v_6[0i] = select(x_ptr[((((v_25>>7u) + v_22) * quads) + select(v_27, min(v_27, (quads - 1i)), (padded != 0i)))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (v_27 >= quads)));
        let v_28 : i32 = v_26;
        let v_29 : i32 = ((((v_25>>7u) * 144i) + v_28) + (v_28>>3u));
        let v_30 : vec4<f32> = v_6[0i];
        v_5[v_29] = v_30;
      }
    }
    workgroupBarrier();
    for (var v_31 : i32 = 0i; v_31 < steps; v_31++) {
      let v_32 : i32 = ((v_31 * lanes) + v_15);
      let v_33 : i32 = ((v_23 * 128i) + v_32);
      if (select(bool(1), (v_33 < chunks), (ragged != 0i))) {
        let v_34 : vec4<f32> = w_ptr[((v_18 * chunks) + v_33)];
        let v_35 : vec4<f32> = w_ptr[((v_19 * chunks) + v_33)];
        let v_36 : vec4<f32> = w_ptr[((v_20 * chunks) + v_33)];
        let v_37 : vec4<f32> = w_ptr[((v_21 * chunks) + v_33)];
        let v_38 : i32 = (v_32 + (v_32>>3u));
        let v_39 : vec4<f32> = v_34;
        let v_40 : vec4<f32> = v_35;
        let v_41 : vec4<f32> = v_36;
        let v_42 : vec4<f32> = v_37;
        let v_43 : vec4<f32> = v_5[v_38];
        v[0i] = rows_add(v_43, v_39, v_40, v_41, v_42, v[0i]);
        let v_44 : vec4<f32> = v_5[(v_38 + 144i)];
        v_1[0i] = rows_add(v_44, v_39, v_40, v_41, v_42, v_1[0i]);
        let v_45 : vec4<f32> = v_5[(v_38 + 288i)];
        v_2[0i] = rows_add(v_45, v_39, v_40, v_41, v_42, v_2[0i]);
        let v_46 : vec4<f32> = v_5[(v_38 + 432i)];
        v_3[0i] = rows_add(v_46, v_39, v_40, v_41, v_42, v_3[0i]);
      }
    }
    workgroupBarrier();
  }
  v_5[i32(threadIdx.x)] = v[0i];
  v_5[(i32(threadIdx.x) + 128i)] = v_1[0i];
  v_5[(i32(threadIdx.x) + 256i)] = v_2[0i];
  v_5[(i32(threadIdx.x) + 384i)] = v_3[0i];
  if (lanes > 8i) {
    workgroupBarrier();
    if (v_15 < 8i) {
      v_7[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
      for (var v_47 : i32 = 0i; v_47 < i32((u32(lanes) / 8u)); v_47++) {
        v_7[0i] = (v_7[0i] + v_5[((v_47 * 8i) + i32(threadIdx.x))]);
      }
      v_5[i32(threadIdx.x)] = v_7[0i];
      v_8[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
      for (var v_48 : i32 = 0i; v_48 < i32((u32(lanes) / 8u)); v_48++) {
        v_8[0i] = (v_8[0i] + v_5[(((v_48 * 8i) + i32(threadIdx.x)) + 128i)]);
      }
      v_5[(i32(threadIdx.x) + 128i)] = v_8[0i];
      v_9[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
      for (var v_49 : i32 = 0i; v_49 < i32((u32(lanes) / 8u)); v_49++) {
        v_9[0i] = (v_9[0i] + v_5[(((v_49 * 8i) + i32(threadIdx.x)) + 256i)]);
      }
      v_5[(i32(threadIdx.x) + 256i)] = v_9[0i];
      v_10[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
      for (var v_50 : i32 = 0i; v_50 < i32((u32(lanes) / 8u)); v_50++) {
        v_10[0i] = (v_10[0i] + v_5[(((v_50 * 8i) + i32(threadIdx.x)) + 384i)]);
      }
      v_5[(i32(threadIdx.x) + 384i)] = v_10[0i];
    }
  }
  workgroupBarrier();
  v_11[0i] = 1.000000e+00f;
  let v_51 : i32 = (i32(threadIdx.x) & 3i);
  let v_52 : i32 = i32((u32((i32(threadIdx.x)>>2u)) % u32(teams)));
  let v_53 : i32 = i32((u32((i32(threadIdx.x)>>2u)) / u32(teams)));
  let v_54 : i32 = ((((v__1 * teams) + v_52) * team_outputs) + v_51);
  if ((((v_53 < 4i) && (v_51 < team_outputs)) && select(bool(1), (v_54 < outputs), (tails != 0i))) && ((v_22 + v_53) < podArgs.n)) {
    let v_55 : i32 = (v_22 + v_53);
    v_12[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
    for (var v_56 : i32 = 0i; v_56 < 8i; v_56++) {
      if (v_56 < 8i) {
        v_12[0i] = (v_12[0i] + v_5[(v_56 + (((v_55 * 128i) + (v_52 * lanes)) - (v_22 * 128i)))]);
      }
    }
    v_13[0i] = select(select((v_12[0i])[3], (v_12[0i])[2], ((select(v_51, (v_51 * 2i), (is_gated != 0i)) & 1i) == 0i)), select((v_12[0i])[1], (v_12[0i])[0], ((select(v_51, (v_51 * 2i), (is_gated != 0i)) & 1i) == 0i)), (select(v_51, (v_51 * 2i), (is_gated != 0i)) < 2i));
    v_14[0i] = select(select((v_12[0i])[3], (v_12[0i])[2], ((((v_51 * 2i) + 1i) & 1i) == 0i)), select((v_12[0i])[1], (v_12[0i])[0], ((((v_51 * 2i) + 1i) & 1i) == 0i)), (((v_51 * 2i) + 1i) < 2i));
    v_13[0i] = (v_13[0i] * v_11[0i]);
    v_14[0i] = (v_14[0i] * v_11[0i]);
    let v_57 : i32 = (v_54 + first_row);
    if (has_bias != 0i) {
      v_13[0i] = (v_13[0i] + bias_ptr[v_57]);
      if (is_gated != 0i) {
        v_14[0i] = (v_14[0i] + bias_ptr[(v_57 + all_outputs)]);
      }
    }
    if (has_delta != 0i) {
      v_13[0i] = (v_13[0i] + delta_ptr[((v_55 * all_rows) + v_57)]);
      if (is_gated != 0i) {
        v_14[0i] = (v_14[0i] + delta_ptr[(((v_55 * all_rows) + v_57) + all_outputs)]);
      }
    }
    v_13[0i] = activated(v_13[0i]);
    if (is_gated != 0i) {
      v_13[0i] = (v_13[0i] * v_14[0i]);
    }
    v_13[0i] = capped((v_13[0i] * scale));
    if (has_residual != 0i) {
      v_13[0i] = (v_13[0i] + residual_ptr[((v_55 * all_outputs) + v_57)]);
    }
    out_ptr[((v_55 * all_outputs) + v_57)] = v_13[0i];
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
