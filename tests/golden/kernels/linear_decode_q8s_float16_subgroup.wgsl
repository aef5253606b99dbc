// linear_decode_q8s_float16_subgroup
enable subgroups;

@group(0) @binding(0) var<storage, read> bias_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> delta_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> gain_ptr : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> residual_ptr : array<f32>;
@group(0) @binding(5) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(6) var<storage, read> w_scale_ptr : array<u32>;
@group(0) @binding(7) var<storage, read> x_ptr : array<vec4<f32>>;

override all_outputs: i32;
override chunks: i32;
override columns: i32;
override first_row: i32;
override group_chunks: i32;
override groups: i32;
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
override zero: i32;
override held_quads: i32;
override held_sums: i32;
override activation: i32;
override softcap: f32;

var<workgroup> v_2 : array<vec4<f32>, held_quads>;
var<workgroup> v_3 : array<f32, held_sums>;
@compute @workgroup_size(128, 1, 1)
fn linear_decode_q8s_float16_subgroup_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(subgroup_size) subgroupSize : u32,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<vec4<f32>, 1>;
  var v_1 : array<f32, 1>;
  var v_4 : array<vec4<f32>, 1>;
  var v_5 : array<vec4<f32>, 1>;
  var v_6 : array<vec4<f32>, 1>;
  var v_7 : array<vec4<f32>, 1>;
  var v_8 : array<f32, 1>;
  var v_9 : array<f32, 1>;
  var v_10 : array<vec4<f32>, 1>;
  var v_11 : array<f32, 1>;
  var v_12 : array<f32, 1>;
  let v_13 : i32 = i32((u32(i32(threadIdx.x)) % u32(lanes)));
  let v_14 : i32 = i32((u32(i32(threadIdx.x)) / u32(lanes)));
  let v_15 : i32 = (((v__1 * teams) + v_14) * team_outputs);
  let v_16 : i32 = (select((v_15 + select(0i, 0i, (is_gated != 0i))), min((v_15 + select(0i, 0i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(0))));
  let v_17 : i32 = (select((v_15 + select(1i, 0i, (is_gated != 0i))), min((v_15 + select(1i, 0i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(1))));
  let v_18 : i32 = (select((v_15 + select(2i, 1i, (is_gated != 0i))), min((v_15 + select(2i, 1i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(0))));
  let v_19 : i32 = (select((v_15 + select(3i, 1i, (is_gated != 0i))), min((v_15 + select(3i, 1i, (is_gated != 0i))), (outputs - 1i)), (tails != 0i)) + select(0i, outputs, ((is_gated != 0i) && bool(1))));
  v[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
  v_1[0i] = 0.000000e+00f;
  for (var v_20 : i32 = 0i; v_20 < tiles; v_20++) {
    for (var v_21 : i32 = 0i; v_21 < staging_steps; v_21++) {
      let v_22 : i32 = ((v_21 * 128i) + i32(threadIdx.x));
      let v_23 : i32 = (((v_20 * 256i) + v_22) * 2i);
      if ((v_22 < 256i) && (v_23 < (chunks * 4i))) {
        v_4[0i] = select(x_ptr[select(v_23, min(v_23, (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && (v_23 >= quads)));
        v_5[0i] = select(x_ptr[select((v_23 + 1i), min((v_23 + 1i), (quads - 1i)), (padded != 0i))], vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f), ((padded != 0i) && ((v_23 + 1i) >= quads)));
        if (has_norm != 0i) {
          v_1[0i] = (v_1[0i] + dot(v_4[0i], v_4[0i]));
          v_4[0i] = (v_4[0i] * gain_ptr[select(v_23, min(v_23, (quads - 1i)), (padded != 0i))]);
          v_1[0i] = (v_1[0i] + dot(v_5[0i], v_5[0i]));
          v_5[0i] = (v_5[0i] * gain_ptr[select((v_23 + 1i), min((v_23 + 1i), (quads - 1i)), (padded != 0i))]);
        }
        let v_24 : i32 = (v_22 * 2i);
        let v_25 : i32 = (v_24 + (v_24>>3u));
        let v_26 : vec4<f32> = v_4[0i];
        let v_27 : vec4<f32> = v_5[0i];
        v_2[v_25] = v_26;
        v_2[(v_25 + 1i)] = v_27;
        v_3[v_22] = dot((v_26 + v_27), vec4<f32>(1.000000e+00f, 1.000000e+00f, 1.000000e+00f, 1.000000e+00f));
      }
    }
    workgroupBarrier();
    for (var v_28 : i32 = 0i; v_28 < steps; v_28++) {
      let v_29 : i32 = ((v_28 * lanes) + v_13);
      let v_30 : i32 = ((v_20 * 128i) + v_29);
      if (select(bool(1), (v_30 < chunks), (ragged != 0i))) {
        let v_31 : vec4<u32> = w_ptr[((v_16 * chunks) + v_30)];
        let v_32 : i32 = ((v_16 * groups) + i32((u32(v_30) / u32(group_chunks))));
        let v_33 : f32 = (unpack2x16float((w_scale_ptr[(v_32>>1u)]>>u32(((v_32 & 1i) * 16i)))))[0];
        let v_34 : f32 = (v_33 * (0.000000e+00f - f32(zero)));
        let v_35 : vec4<u32> = w_ptr[((v_17 * chunks) + v_30)];
        let v_36 : i32 = ((v_17 * groups) + i32((u32(v_30) / u32(group_chunks))));
        let v_37 : f32 = (unpack2x16float((w_scale_ptr[(v_36>>1u)]>>u32(((v_36 & 1i) * 16i)))))[0];
        let v_38 : f32 = (v_37 * (0.000000e+00f - f32(zero)));
        let v_39 : vec4<u32> = w_ptr[((v_18 * chunks) + v_30)];
        let v_40 : i32 = ((v_18 * groups) + i32((u32(v_30) / u32(group_chunks))));
        let v_41 : f32 = (unpack2x16float((w_scale_ptr[(v_40>>1u)]>>u32(((v_40 & 1i) * 16i)))))[0];
        let v_42 : f32 = (v_41 * (0.000000e+00f - f32(zero)));
        let v_43 : vec4<u32> = w_ptr[((v_19 * chunks) + v_30)];
        let v_44 : i32 = ((v_19 * groups) + i32((u32(v_30) / u32(group_chunks))));
        let v_45 : f32 = (unpack2x16float((w_scale_ptr[(v_44>>1u)]>>u32(((v_44 & 1i) * 16i)))))[0];
        let v_46 : f32 = (v_45 * (0.000000e+00f - f32(zero)));
        let v_47 : i32 = ((v_29 * 4i) + ((v_29 * 4i)>>3u));
        v_6[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        let v_48 : vec4<f32> = bytes((v_31)[0]);
        let v_49 : vec4<f32> = bytes((v_35)[0]);
        let v_50 : vec4<f32> = bytes((v_39)[0]);
        let v_51 : vec4<f32> = bytes((v_43)[0]);
        let v_52 : vec4<f32> = v_2[v_47];
        v_6[0i] = rows_add(v_52, v_48, v_49, v_50, v_51, v_6[0i]);
        let v_53 : vec4<f32> = bytes((v_31)[1]);
        let v_54 : vec4<f32> = bytes((v_35)[1]);
        let v_55 : vec4<f32> = bytes((v_39)[1]);
        let v_56 : vec4<f32> = bytes((v_43)[1]);
        let v_57 : vec4<f32> = v_2[(v_47 + 1i)];
        v_6[0i] = rows_add(v_57, v_53, v_54, v_55, v_56, v_6[0i]);
        let v_58 : vec4<f32> = bytes((v_31)[2]);
        let v_59 : vec4<f32> = bytes((v_35)[2]);
        let v_60 : vec4<f32> = bytes((v_39)[2]);
        let v_61 : vec4<f32> = bytes((v_43)[2]);
        let v_62 : vec4<f32> = v_2[(v_47 + 2i)];
        v_6[0i] = rows_add(v_62, v_58, v_59, v_60, v_61, v_6[0i]);
        let v_63 : vec4<f32> = bytes((v_31)[3]);
        let v_64 : vec4<f32> = bytes((v_35)[3]);
        let v_65 : vec4<f32> = bytes((v_39)[3]);
        let v_66 : vec4<f32> = bytes((v_43)[3]);
        let v_67 : vec4<f32> = v_2[(v_47 + 3i)];
        v_6[0i] = rows_add(v_67, v_63, v_64, v_65, v_66, v_6[0i]);
        let v_68 : vec4<f32> = vec4<f32>(v_33, v_37, v_41, v_45);
        let v_69 : vec4<f32> = vec4<f32>(v_34, v_38, v_42, v_46);
        let v_70 : i32 = (v_29 * 2i);
        let v_71 : f32 = (v_3[v_70] + v_3[(v_70 + 1i)]);
        v[0i] = (v[0i] + fma(v_69, vec4<f32>(v_71, v_71, v_71, v_71), (v_6[0i] * v_68)));
      }
    }
    workgroupBarrier();
  }
  let v_72 : i32 = i32(subgroupSize);
  let v_73 : bool = ((v_72 <= lanes) && (v_72 >= 8i));
  if (v_73) {
    v[0i] = subgroupAdd(v[0i]);
    if (i32((u32(v_13) % u32(v_72))) == 0i) {
      v_2[((v_14 * lanes) + i32((u32(v_13) / u32(v_72))))] = v[0i];
    }
  } else {
    v_2[i32(threadIdx.x)] = v[0i];
    if (lanes > 8i) {
      workgroupBarrier();
      if (v_13 < 8i) {
        v_7[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
        for (var v_74 : i32 = 0i; v_74 < i32((u32(lanes) / 8u)); v_74++) {
          v_7[0i] = (v_7[0i] + v_2[((v_74 * 8i) + i32(threadIdx.x))]);
        }
        v_2[i32(threadIdx.x)] = v_7[0i];
      }
    }
  }
  workgroupBarrier();
  let v_75 : i32 = select(8i, i32((u32(lanes) / u32(v_72))), v_73);
  v_8[0i] = 1.000000e+00f;
  if (has_norm != 0i) {
    v_9[0i] = 0.000000e+00f;
    let v_76 : i32 = i32(subgroupSize);
    v_1[0i] = subgroupAdd(v_1[0i]);
    if (i32((u32(i32(threadIdx.x)) % u32(v_76))) == 0i) {
      v_3[i32((u32(i32(threadIdx.x)) / u32(v_76)))] = v_1[0i];
    }
    workgroupBarrier();
    for (var v_77 : i32 = 0i; v_77 < i32((u32((v_76 + 127i)) / u32(v_76))); v_77++) {
      v_9[0i] = (v_9[0i] + v_3[v_77]);
    }
    v_8[0i] = (1.000000e+00f / sqrt(((v_9[0i] / f32(columns)) + norm_eps)));
  }
  let v_78 : i32 = (i32(threadIdx.x) & 3i);
  let v_79 : i32 = i32((u32((i32(threadIdx.x)>>2u)) % u32(teams)));
  let v_80 : i32 = i32((u32((i32(threadIdx.x)>>2u)) / u32(teams)));
  let v_81 : i32 = ((((v__1 * teams) + v_79) * team_outputs) + v_78);
  if (((v_80 < 1i) && (v_78 < team_outputs)) && select(bool(1), (v_81 < outputs), (tails != 0i))) {
    v_10[0i] = vec4<f32>(0.000000e+00f, 0.000000e+00f, 0.000000e+00f, 0.000000e+00f);
    for (var v_82 : i32 = 0i; v_82 < 8i; v_82++) {
      if (v_82 < v_75) {
        v_10[0i] = (v_10[0i] + v_2[(v_82 + (v_79 * lanes))]);
      }
    }
    v_11[0i] = select(select((v_10[0i])[3], (v_10[0i])[2], ((select(v_78, (v_78 * 2i), (is_gated != 0i)) & 1i) == 0i)), select((v_10[0i])[1], (v_10[0i])[0], ((select(v_78, (v_78 * 2i), (is_gated != 0i)) & 1i) == 0i)), (select(v_78, (v_78 * 2i), (is_gated != 0i)) < 2i));
    v_12[0i] = select(select((v_10[0i])[3], (v_10[0i])[2], ((((v_78 * 2i) + 1i) & 1i) == 0i)), select((v_10[0i])[1], (v_10[0i])[0], ((((v_78 * 2i) + 1i) & 1i) == 0i)), (((v_78 * 2i) + 1i) < 2i));
    v_11[0i] = (v_11[0i] * v_8[0i]);
    v_12[0i] = (v_12[0i] * v_8[0i]);
    let v_83 : i32 = (v_81 + first_row);
    if (has_bias != 0i) {
      v_11[0i] = (v_11[0i] + bias_ptr[v_83]);
      if (is_gated != 0i) {
        v_12[0i] = (v_12[0i] + bias_ptr[(v_83 + all_outputs)]);
      }
    }
    if (has_delta != 0i) {
      v_11[0i] = (v_11[0i] + delta_ptr[v_83]);
      if (is_gated != 0i) {
        v_12[0i] = (v_12[0i] + delta_ptr[(v_83 + all_outputs)]);
      }
    }
    v_11[0i] = activated(v_11[0i]);
    if (is_gated != 0i) {
      v_11[0i] = (v_11[0i] * v_12[0i]);
    }
    v_11[0i] = capped((v_11[0i] * scale));
    if (has_residual != 0i) {
      v_11[0i] = (v_11[0i] + residual_ptr[v_83]);
    }
    out_ptr[v_83] = v_11[0i];
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
