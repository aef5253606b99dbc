// attention_x1_columns4
@group(0) @binding(0) var<storage, read> block_table_ptr : array<i32>;
@group(0) @binding(1) var<storage, read> k_pages_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> q_ptr : array<f32>;
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

var<workgroup> v_7 : array<f32, 64>;
var<workgroup> v_8 : array<f32, 64>;
@compute @workgroup_size(64, 1, 1)
fn attention_x1_columns4_kernel(
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
  var v_9 : array<f32, 1>;
  let v_10 : i32 = i32((u32(v__1) / u32(group)));
  let v_11 : i32 = (state_ptr[1i] + i32(blockIdx.y));
  let v_12 : i32 = select(podArgs.n, min(podArgs.n, (i32(blockIdx.y) + window)), (window > 0i));
  let v_13 : i32 = select((v_11 + 1i), (state_ptr[1i] + v_12), (sees_later != 0i));
  let v_14 : i32 = select(0i, max(((v_11 + 1i) - window), 0i), (window > 0i));
  v[0i] = -1.000000e+30f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  v_3[0i] = 0.000000e+00f;
  v_4[0i] = 0.000000e+00f;
  v_5[0i] = 0.000000e+00f;
  for (var v_15 : i32 = i32((u32(v_14) / u32(64i))); v_15 < ((v_13 + 63i)>>6u); v_15++) {
    let v_16 : i32 = ((v_15 * 64i) + i32(threadIdx.x));
    v_6[0i] = -1.000000e+30f;
    if ((v_16 >= v_14) && (v_16 < v_13)) {
      let v_17 : i32 = block_table_ptr[i32((u32(v_16) / u32(page_size)))];
      let v_18 : i32 = i32((u32(v_16) % u32(page_size)));
      v_9[0i] = 0.000000e+00f;
      for (var v_19 : i32 = 0i; v_19 < loads; v_19++) {
        v_9[0i] = fma(q_ptr[((((i32(blockIdx.y) * heads) + v__1) * loads) + v_19)], k_pages_ptr[(v_19 + (((((v_17 * kv_heads) + v_10) * page_size) + v_18) * loads))], v_9[0i]);
      }
      v_6[0i] = capped((v_9[0i] * scale));
    }
    v_7[i32(threadIdx.x)] = v_6[0i];
    workgroupBarrier();
    let v_20 : f32 = v[0i];
    for (var v_21 : i32 = 0i; v_21 < 64i; v_21++) {
      v[0i] = max(v[0i], v_7[v_21]);
    }
    v_8[i32(threadIdx.x)] = exp((v_6[0i] - v[0i]));
    workgroupBarrier();
    let v_22 : f32 = exp((v_20 - v[0i]));
    v_1[0i] = (v_1[0i] * v_22);
    v_2[0i] = (v_2[0i] * v_22);
    v_3[0i] = (v_3[0i] * v_22);
    v_4[0i] = (v_4[0i] * v_22);
    v_5[0i] = (v_5[0i] * v_22);
    for (var v_23 : i32 = 0i; v_23 < min(64i, (v_13 - (v_15 * 64i))); v_23++) {
      let v_24 : i32 = ((v_15 * 64i) + v_23);
      let v_25 : i32 = block_table_ptr[i32((u32(v_24) / u32(page_size)))];
      let v_26 : i32 = i32((u32(v_24) % u32(page_size)));
      let v_27 : f32 = v_8[v_23];
      v_1[0i] = (v_1[0i] + v_27);
      v_2[0i] = fma(v_27, v_pages_ptr[(min(i32(threadIdx.x), (head_dim - 1i)) + (((((v_25 * kv_heads) + v_10) * page_size) + v_26) * head_dim))], v_2[0i]);
      v_3[0i] = fma(v_27, v_pages_ptr[(min((i32(threadIdx.x) + 64i), (head_dim - 1i)) + (((((v_25 * kv_heads) + v_10) * page_size) + v_26) * head_dim))], v_3[0i]);
      v_4[0i] = fma(v_27, v_pages_ptr[(min((i32(threadIdx.x) + 128i), (head_dim - 1i)) + (((((v_25 * kv_heads) + v_10) * page_size) + v_26) * head_dim))], v_4[0i]);
      v_5[0i] = fma(v_27, v_pages_ptr[(min((i32(threadIdx.x) + 192i), (head_dim - 1i)) + (((((v_25 * kv_heads) + v_10) * page_size) + v_26) * head_dim))], v_5[0i]);
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
