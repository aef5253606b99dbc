// attention_x4_columns16
@group(0) @binding(0) var<storage, read> block_table_ptr : array<i32>;
@group(0) @binding(1) var<storage, read> k_pages_ptr : array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> q_ptr : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> state_ptr : array<i32>;
@group(0) @binding(5) var<storage, read> v_pages_ptr : array<f32>;

struct PODArgs {
  n: i32
}
@group(0) @binding(6) var<uniform> podArgs : PODArgs;

override group: i32;
override head_dim: i32;
override heads: i32;
override kv_heads: i32;
override loads: i32;
override page_size: i32;
override scale: f32;
override sees_later: i32;
override window: i32;
override softcap: f32;

var<workgroup> v_19 : array<f32, 64>;
var<workgroup> v_20 : array<f32, 64>;
@compute @workgroup_size(64, 1, 1)
fn attention_x4_columns16_kernel(
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
  var v_21 : array<f32, 1>;
  let v_22 : i32 = i32((u32(v__1) / u32(group)));
  let v_23 : i32 = (state_ptr[1i] + i32(blockIdx.y));
  let v_24 : i32 = select(podArgs.n, min(podArgs.n, (i32(blockIdx.y) + window)), (window > 0i));
  let v_25 : i32 = select((v_23 + 1i), (state_ptr[1i] + v_24), (sees_later != 0i));
  let v_26 : i32 = select(0i, max(((v_23 + 1i) - window), 0i), (window > 0i));
  v[0i] = -1.000000e+30f;
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
  v_16[0i] = 0.000000e+00f;
  v_17[0i] = 0.000000e+00f;
  for (var v_27 : i32 = i32((u32(v_26) / u32(64i))); v_27 < ((v_25 + 63i)>>6u); v_27++) {
    let v_28 : i32 = ((v_27 * 64i) + i32(threadIdx.x));
    v_18[0i] = -1.000000e+30f;
    if ((v_28 >= v_26) && (v_28 < v_25)) {
      let v_29 : i32 = block_table_ptr[i32((u32(v_28) / u32(page_size)))];
      let v_30 : i32 = i32((u32(v_28) % u32(page_size)));
      v_21[0i] = 0.000000e+00f;
      for (var v_31 : i32 = 0i; v_31 < loads; v_31++) {
        v_21[0i] = (v_21[0i] + dot(q_ptr[((((i32(blockIdx.y) * heads) + v__1) * loads) + v_31)], k_pages_ptr[(v_31 + (((((v_29 * kv_heads) + v_22) * page_size) + v_30) * loads))]));
      }
      v_18[0i] = capped((v_21[0i] * scale));
    }
    v_19[i32(threadIdx.x)] = v_18[0i];
    workgroupBarrier();
    let v_32 : f32 = v[0i];
    for (var v_33 : i32 = 0i; v_33 < 64i; v_33++) {
      v[0i] = max(v[0i], v_19[v_33]);
    }
    v_20[i32(threadIdx.x)] = exp((v_18[0i] - v[0i]));
    workgroupBarrier();
    let v_34 : f32 = exp((v_32 - v[0i]));
    v_1[0i] = (v_1[0i] * v_34);
    v_2[0i] = (v_2[0i] * v_34);
    v_3[0i] = (v_3[0i] * v_34);
    v_4[0i] = (v_4[0i] * v_34);
    v_5[0i] = (v_5[0i] * v_34);
    v_6[0i] = (v_6[0i] * v_34);
    v_7[0i] = (v_7[0i] * v_34);
    v_8[0i] = (v_8[0i] * v_34);
    v_9[0i] = (v_9[0i] * v_34);
    v_10[0i] = (v_10[0i] * v_34);
    v_11[0i] = (v_11[0i] * v_34);
    v_12[0i] = (v_12[0i] * v_34);
    v_13[0i] = (v_13[0i] * v_34);
    v_14[0i] = (v_14[0i] * v_34);
    v_15[0i] = (v_15[0i] * v_34);
    v_16[0i] = (v_16[0i] * v_34);
    v_17[0i] = (v_17[0i] * v_34);
    for (var v_35 : i32 = 0i; v_35 < min(64i, (v_25 - (v_27 * 64i))); v_35++) {
      let v_36 : i32 = ((v_27 * 64i) + v_35);
      let v_37 : i32 = block_table_ptr[i32((u32(v_36) / u32(page_size)))];
      let v_38 : i32 = i32((u32(v_36) % u32(page_size)));
      let v_39 : f32 = v_20[v_35];
      v_1[0i] = (v_1[0i] + v_39);
      v_2[0i] = fma(v_39, v_pages_ptr[(min(i32(threadIdx.x), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_2[0i]);
      v_3[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 64i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_3[0i]);
      v_4[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 128i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_4[0i]);
      v_5[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 192i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_5[0i]);
      v_6[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 256i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_6[0i]);
      v_7[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 320i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_7[0i]);
      v_8[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 384i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_8[0i]);
      v_9[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 448i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_9[0i]);
      v_10[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 512i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_10[0i]);
      v_11[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 576i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_11[0i]);
      v_12[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 640i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_12[0i]);
      v_13[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 704i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_13[0i]);
      v_14[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 768i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_14[0i]);
      v_15[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 832i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_15[0i]);
      v_16[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 896i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_16[0i]);
      v_17[0i] = fma(v_39, v_pages_ptr[(min((i32(threadIdx.x) + 960i), (head_dim - 1i)) + (((((v_37 * kv_heads) + v_22) * page_size) + v_38) * head_dim))], v_17[0i]);
    }
    workgroupBarrier();
  }
  if (i32(threadIdx.x) < head_dim) {
    out_ptr[((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x))] = (v_2[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 64i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 64i)] = (v_3[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 128i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 128i)] = (v_4[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 192i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 192i)] = (v_5[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 256i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 256i)] = (v_6[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 320i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 320i)] = (v_7[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 384i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 384i)] = (v_8[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 448i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 448i)] = (v_9[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 512i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 512i)] = (v_10[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 576i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 576i)] = (v_11[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 640i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 640i)] = (v_12[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 704i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 704i)] = (v_13[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 768i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 768i)] = (v_14[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 832i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 832i)] = (v_15[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 896i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 896i)] = (v_16[0i] / v_1[0i]);
  }
  if ((i32(threadIdx.x) + 960i) < head_dim) {
    out_ptr[(((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x)) + 960i)] = (v_17[0i] / v_1[0i]);
  }
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
