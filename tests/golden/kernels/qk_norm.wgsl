// qk_norm
@group(0) @binding(0) var<storage, read> k_gain_ptr : array<f32>;
@group(0) @binding(1) var<storage, read_write> normed_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> q_gain_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> qkv_ptr : array<f32>;

override head_dim: i32;
override heads: i32;
override kv_heads: i32;
override qk_norm_eps: f32;
override whole: i32;

var<workgroup> v_1 : array<f32, 64>;
@compute @workgroup_size(64, 1, 1)
fn qk_norm_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_2 : array<f32, 1>;
  var v_3 : array<f32, 1>;
  let v_4 : i32 = (v__1 - select(heads, 0i, (v__1 < heads)));
  let v_5 : i32 = (select(1i, select(kv_heads, heads, (v__1 < heads)), (whole != 0i)) * head_dim);
  let v_6 : i32 = (select(v__1, select(heads, 0i, (v__1 < heads)), (whole != 0i)) * head_dim);
  v[0i] = 0.000000e+00f;
  for (var v_7 : i32 = 0i; v_7 < i32((u32(((v_5 + 63i) - i32(threadIdx.x))) / 64u)); v_7++) {
    let v_8 : f32 = qkv_ptr[((((v_7 * 64i) + ((i32(blockIdx.y) * ((kv_heads * 2i) + heads)) * head_dim)) + v_6) + i32(threadIdx.x))];
    v[0i] = fma(v_8, v_8, v[0i]);
  }
  v_1[i32(threadIdx.x)] = v[0i];
  workgroupBarrier();
  v_2[0i] = 0.000000e+00f;
  for (var v_9 : i32 = 0i; v_9 < 64i; v_9++) {
    v_2[0i] = (v_2[0i] + v_1[v_9]);
  }
  let v_10 : f32 = (1.000000e+00f / sqrt(((v_2[0i] / f32(v_5)) + qk_norm_eps)));
  for (var v_11 : i32 = 0i; v_11 < i32((u32(((head_dim + 63i) - i32(threadIdx.x))) / 64u)); v_11++) {
    let v_12 : i32 = ((v_11 * 64i) + i32(threadIdx.x));
    let v_13 : i32 = (select(0i, (v_4 * head_dim), (whole != 0i)) + v_12);
    v_3[0i] = 1.000000e+00f;
    if (v__1 < heads) {
      v_3[0i] = (v_10 * q_gain_ptr[v_13]);
    } else {
      if (!(v__1 >= (heads + kv_heads))) {
        v_3[0i] = (v_10 * k_gain_ptr[v_13]);
      }
    }
    normed_ptr[((((i32(blockIdx.y) * ((kv_heads * 2i) + heads)) + v__1) * head_dim) + v_12)] = (qkv_ptr[((((i32(blockIdx.y) * ((kv_heads * 2i) + heads)) + v__1) * head_dim) + v_12)] * v_3[0i]);
  }
}
