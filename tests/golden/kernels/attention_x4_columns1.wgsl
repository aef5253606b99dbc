// attention_x4_columns1
@group(0) @binding(0) var<storage, read> block_table_ptr : array<i32>;
@group(0) @binding(1) var<storage, read> k_pages_ptr : array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> q_ptr : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> state_ptr : array<i32>;
@group(0) @binding(5) var<storage, read> v_pages_ptr : array<f32>;

override group: i32;
override head_dim: i32;
override heads: i32;
override kv_heads: i32;
override loads: i32;
override page_size: i32;

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
  let v_8 : i32 = ((state_ptr[1i] + i32(blockIdx.y)) + 1i);
  v[0i] = -1.000000e+30f;
  v_1[0i] = 0.000000e+00f;
  v_2[0i] = 0.000000e+00f;
  for (var v_9 : i32 = 0i; v_9 < ((v_8 + 63i)>>6u); v_9++) {
    let v_10 : i32 = ((v_9 * 64i) + i32(threadIdx.x));
    v_3[0i] = -1.000000e+30f;
    if (v_10 < v_8) {
      let v_11 : i32 = block_table_ptr[i32((u32(v_10) / u32(page_size)))];
      let v_12 : i32 = i32((u32(v_10) % u32(page_size)));
      v_6[0i] = 0.000000e+00f;
      for (var v_13 : i32 = 0i; v_13 < loads; v_13++) {
        v_6[0i] = (v_6[0i] + dot(q_ptr[((((i32(blockIdx.y) * heads) + v__1) * loads) + v_13)], k_pages_ptr[(v_13 + (((((v_11 * kv_heads) + v_7) * page_size) + v_12) * loads))]));
      }
      v_3[0i] = (v_6[0i] * (1.000000e+00f / sqrt(f32(head_dim))));
    }
    v_4[i32(threadIdx.x)] = v_3[0i];
    workgroupBarrier();
    let v_14 : f32 = v[0i];
    for (var v_15 : i32 = 0i; v_15 < 64i; v_15++) {
      v[0i] = max(v[0i], v_4[v_15]);
    }
    v_5[i32(threadIdx.x)] = exp((v_3[0i] - v[0i]));
    workgroupBarrier();
    let v_16 : f32 = exp((v_14 - v[0i]));
    v_1[0i] = (v_1[0i] * v_16);
    v_2[0i] = (v_2[0i] * v_16);
    for (var v_17 : i32 = 0i; v_17 < min(64i, (v_8 - (v_9 * 64i))); v_17++) {
      let v_18 : i32 = ((v_9 * 64i) + v_17);
      let v_19 : i32 = block_table_ptr[i32((u32(v_18) / u32(page_size)))];
      let v_20 : i32 = i32((u32(v_18) % u32(page_size)));
      let v_21 : f32 = v_5[v_17];
      v_1[0i] = (v_1[0i] + v_21);
      v_2[0i] = fma(v_21, v_pages_ptr[(min(i32(threadIdx.x), (head_dim - 1i)) + (((((v_19 * kv_heads) + v_7) * page_size) + v_20) * head_dim))], v_2[0i]);
    }
    workgroupBarrier();
  }
  if (i32(threadIdx.x) < head_dim) {
    out_ptr[((((i32(blockIdx.y) * heads) + v__1) * head_dim) + i32(threadIdx.x))] = (v_2[0i] / v_1[0i]);
  }
}
