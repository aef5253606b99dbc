// attention_x4_columns1
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

var<workgroup> v_4 : array<f32, 64>;
var<workgroup> v_5 : array<f32, 64>;
@compute @workgroup_size(64, 1, 1)
fn attention_x4_columns1_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  var v_2 : array<f32, 1>;
  var v_3 : array<f32, 1>;
  var v_6 : array<f32, 1>;
  let v_7 : i32 = i32((u32(v__1) / u32(group)));
  let v_8 : i32 = (state_ptr[1i] + i32(blockIdx.y));
  let v_9 : i32 = select(podArgs.n, min(podArgs.n, (i32(blockIdx.y) + window)), (window > 0i));
  let v_10 : i32 = select((v_8 + 1i), (state_ptr[1i] + v_9), (sees_later != 0i));
  let v_11 : i32 = select(0i, max(((v_8 + 1i) - window), 0i), (window > 0i));
  v[0i] = -1.000000e+30f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  for (var v_12 : i32 = i32((u32(v_11) / u32(64i))); v_12 < ((v_10 + 63i)>>6u); v_12++) {
    let v_13 : i32 = ((v_12 * 64i) + i32(threadIdx.x));
    v_3[0i] = -1.000000e+30f;
    if ((v_13 >= v_11) && (v_13 < v_10)) {
      let v_14 : i32 = block_table_ptr[i32((u32(v_13) / u32(page_size)))];
      let v_15 : i32 = i32((u32(v_13) % u32(page_size)));
      v_6[0i] = 0.000000e+00f;
      for (var v_16 : i32 = 0i; v_16 < loads; v_16++) {
        v_6[0i] = (v_6[0i] + dot(q_ptr[((((i32(blockIdx.y) * heads) + v__1) * loads) + v_16)], k_pages_ptr[(v_16 + (((((v_14 * kv_heads) + v_7) * page_size) + v_15) * loads))]));
      }
      v_3[0i] = capped((v_6[0i] * scale));
    }
    v_4[i32(threadIdx.x)] = v_3[0i];
    workgroupBarrier();
    let v_17 : f32 = v[0i];
    for (var v_18 : i32 = 0i; v_18 < 64i; v_18++) {
      v[0i] = max(v[0i], v_4[v_18]);
    }
    v_5[i32(threadIdx.x)] = exp((v_3[0i] - v[0i]));
    workgroupBarrier();
    let v_19 : f32 = exp((v_17 - v[0i]));
    v_1[0i] = (v_1[0i] * v_19);
    v_2[0i] = (v_2[0i] * v_19);
    for (var v_20 : i32 = 0i; v_20 < min(64i, (v_10 - (v_12 * 64i))); v_20++) {
      let v_21 : i32 = ((v_12 * 64i) + v_20);
      let v_22 : i32 = block_table_ptr[i32((u32(v_21) / u32(page_size)))];
      let v_23 : i32 = i32((u32(v_21) % u32(page_size)));
      let v_24 : f32 = v_5[v_20];
      v_1[0i] = (v_1[0i] + v_24);
      v_2[0i] = fma(v_24, v_pages_ptr[(min(i32(threadIdx.x), (head_dim - 1i)) + (((((v_22 * kv_heads) + v_7) * page_size) + v_23) * head_dim))], v_2[0i]);
    }
    workgroupBarrier();
  }
  if (i32(threadIdx.x) < head_dim) {
    out_ptr[((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x))] = (v_2[0i] / v_1[0i]);
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
