// linear_decode_bfloat16_x4_workgroup
@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(5) var<storage, read> w_ptr : array<vec2<u32>>;
@group(0) @binding(6) var<storage, read> x_ptr : array<vec4<f32>>;

override all_outputs: i32;
override chunks: i32;
override columns: i32;
override first_row: i32;
override has_bias: i32;
override has_delta: i32;
override has_norm: i32;
override has_residual: i32;
override is_gated: i32;
override lanes: i32;
override norm_eps: f32;
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
override held_quads: i32;
override held_sums: i32;
override activation: i32;
override softcap: f32;

var<workgroup> v_2 : array<vec4<f32>, held_quads>;
var<workgroup> v_6 : array<f32, held_sums>;
@compute @workgroup_size(128, 1, 1)
fn linear_decode_bfloat16_x4_workgroup_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<vec4<f32>, 1>;
  var v_1 : array<f32, 1>;
  var v_3 : array<vec4<f32>, 1>;
  var v_4 : array<vec4<f32>, 1>;
  var v_5 : array<f32, 1>;
  var v_7 : array<f32, 1>;
  var v_8 : array<vec4<f32>, 1>;
  var v_9 : array<f32, 1>;
  var v_10 : array<f32, 1>;
  let v_11 : i32 = i32((u32(i32(threadIdx.x)) % u32(lanes)));
  let v_12 : i32 = i32((u32(i32(threadIdx.x)) / u32(lanes)));
  let v_13 : i32 = (((v__1 * teams) + v_12) * team_outputs);
  let v_14 : i32 = (select((v_13 + select(0i, 0i, (is_gated != 0i))), min((v_13 + select(0i, 0i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(0))));
  let v_15 : i32 = (select((v_13 + select(1i, 0i, (is_gated != 0i))), min((v_13 + select(1i, 0i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(1))));
  let v_16 : i32 = (select((v_13 + select(2i, 1i, (is_gated != 0i))), min((v_13 + select(2i, 1i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(0))));
  let v_17 : i32 = (select((v_13 + select(3i, 1i, (is_gated != 0i))), min((v_13 + select(3i, 1i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(1))));
  v[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_1[0i] = 0.000000e+00f;
  for (var v_18 : i32 = 0i; v_18 < tiles; v_18++) {
    for (var v_19 : i32 = 0i; v_19 < staging_steps; v_19++) {
      let v_20 : i32 = ((v_19 * 128i) + i32(threadIdx.x));
      let v_21 : i32 = ((v_18 * 512i) + v_20);
      if ((v_20 < 512i) && (v_21 < chunks)) {
        v_3[0i] = select(x_ptr[select(v_21, min(v_21, (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (v_21 >= quads)));
        if (has_norm != 0i) {
          v_1[0i] = (v_1[0i] + dot(v_3[0i], v_3[0i]));
          v_3[0i] = (v_3[0i] * gain_ptr[select(v_21, min(v_21, (quads - 1i)), (padded != 0i))]);
        }
        let v_22 : i32 = v_20;
        let v_23 : i32 = (v_22 + (v_22>>3u));
        let v_24 : vec4<f32> = v_3[0i];
        v_2[v_23] = v_24;
      }
    }
    workgroupBarrier();
    for (var v_25 : i32 = 0i; v_25 < steps; v_25++) {
      let v_26 : i32 = ((v_25 * lanes) + v_11);
      let v_27 : i32 = ((v_18 * 512i) + v_26);
      if (select(bool(1), (v_27 < chunks), (ragged != 0i))) {
        let v_28 : vec2<u32> = w_ptr[((v_14 * chunks) + v_27)];
        let v_29 : vec2<u32> = w_ptr[((v_15 * chunks) + v_27)];
        let v_30 : vec2<u32> = w_ptr[((v_16 * chunks) + v_27)];
        let v_31 : vec2<u32> = w_ptr[((v_17 * chunks) + v_27)];
        let v_32 : i32 = (v_26 + (v_26>>3u));
        let v_33 : vec4<f32> = vec4<f32>(bitcast<f32>(((v_28)[0]<<16u)), bitcast<f32>(((v_28)[0] & 4294901760u)), bitcast<f32>(((v_28)[1]<<16u)), bitcast<f32>(((v_28)[1] & 4294901760u)));
        let v_34 : vec4<f32> = vec4<f32>(bitcast<f32>(((v_29)[0]<<16u)), bitcast<f32>(((v_29)[0] & 4294901760u)), bitcast<f32>(((v_29)[1]<<16u)), bitcast<f32>(((v_29)[1] & 4294901760u)));
        let v_35 : vec4<f32> = vec4<f32>(bitcast<f32>(((v_30)[0]<<16u)), bitcast<f32>(((v_30)[0] & 4294901760u)), bitcast<f32>(((v_30)[1]<<16u)), bitcast<f32>(((v_30)[1] & 4294901760u)));
        let v_36 : vec4<f32> = vec4<f32>(bitcast<f32>(((v_31)[0]<<16u)), bitcast<f32>(((v_31)[0] & 4294901760u)), bitcast<f32>(((v_31)[1]<<16u)), bitcast<f32>(((v_31)[1] & 4294901760u)));
        let v_37 : vec4<f32> = v_2[v_32];
        v[0i] = rows_add(v_37, v_33, v_34, v_35, v_36, v[0i]);
      }
    }
    workgroupBarrier();
  }
  v_2[i32(threadIdx.x)] = v[0i];
  if (lanes > 8i) {
    workgroupBarrier();
    if (v_11 < 8i) {
      v_4[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
      for (var v_38 : i32 = 0i; v_38 < i32((u32(lanes) / 8u)); v_38++) {
        v_4[0i] = (v_4[0i] + v_2[((v_38 * 8i) + i32(threadIdx.x))]);
      }
      v_2[i32(threadIdx.x)] = v_4[0i];
    }
  }
  workgroupBarrier();
  v_5[0i] = 1.000000e+00f;
  if (has_norm != 0i) {
    v_7[0i] = 0.000000e+00f;
    v_6[i32(threadIdx.x)] = v_1[0i];
    workgroupBarrier();
    if (i32(threadIdx.x) < 8i) {
      for (var v_39 : i32 = 0i; v_39 < 15i; v_39++) {
        v_1[0i] = (v_1[0i] + v_6[(((v_39 * 8i) + i32(threadIdx.x)) + 8i)]);
      }
      v_6[i32(threadIdx.x)] = v_1[0i];
    }
    workgroupBarrier();
    for (var v_40 : i32 = 0i; v_40 < 8i; v_40++) {
      v_7[0i] = (v_7[0i] + v_6[v_40]);
    }
    v_5[0i] = (1.000000e+00f / sqrt(((v_7[0i] / f32(columns)) + norm_eps)));
  }
  let v_41 : i32 = (i32(threadIdx.x) & 3i);
  let v_42 : i32 = i32((u32((i32(threadIdx.x)>>2u)) % u32(teams)));
  let v_43 : i32 = i32((u32((i32(threadIdx.x)>>2u)) / u32(teams)));
  let v_44 : i32 = ((((v__1 * teams) + v_42) * team_outputs) + v_41);
  if (((v_43 < 1i) && (v_41 < team_outputs)) && select(bool(1), (v_44 < outputs), (tails != 0i))) {
    v_8[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
    for (var v_45 : i32 = 0i; v_45 < 8i; v_45++) {
      if (v_45 < 8i) {
        v_8[0i] = (v_8[0i] + v_2[(v_45 + (v_42 * lanes))]);
      }
    }
    v_9[0i] = select(select((v_8[0i])[3], (v_8[0i])[2], ((select(v_41, (v_41 * 2i), (is_gated != 0i)) & 1i) == 0i)), select((v_8[0i])[1], (v_8[0i])[0], ((select(v_41, (v_41 * 2i), (is_gated != 0i)) & 1i) == 0i)), (select(v_41, (v_41 * 2i), (is_gated != 0i)) < 2i));
    v_10[0i] = select(select((v_8[0i])[3], (v_8[0i])[2], ((((v_41 * 2i) + 1i) & 1i) == 0i)), select((v_8[0i])[1], (v_8[0i])[0], ((((v_41 * 2i) + 1i) & 1i) == 0i)), (((v_41 * 2i) + 1i) < 2i));
    v_9[0i] = (v_9[0i] * v_5[0i]);
    v_10[0i] = (v_10[0i] * v_5[0i]);
    let v_46 : i32 = (v_44 + first_row);
    if (has_bias != 0i) {
      v_9[0i] = (v_9[0i] + bias_ptr[v_46]);
      if (is_gated != 0i) {
        v_10[0i] = (v_10[0i] + bias_ptr[(v_46 + all_outputs)]);
      }
    }
    if (has_delta != 0i) {
      v_9[0i] = (v_9[0i] + delta_ptr[v_46]);
      if (is_gated != 0i) {
        v_10[0i] = (v_10[0i] + delta_ptr[(v_46 + all_outputs)]);
      }
    }
    v_9[0i] = activated(v_9[0i]);
    if (is_gated != 0i) {
      v_9[0i] = (v_9[0i] * v_10[0i]);
    }
    v_9[0i] = capped((v_9[0i] * scale));
    if (has_residual != 0i) {
      v_9[0i] = (v_9[0i] + residual_ptr[v_46]);
    }
    out_ptr[v_46] = v_9[0i];
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
