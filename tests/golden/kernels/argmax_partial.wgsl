// argmax_partial
@group(0) @binding(0) var<storage, read_write> best_index_ptr : array<i32>;
@group(0) @binding(1) var<storage, read_write> best_key_ptr : array<u32>;
@group(0) @binding(2) var<storage, read> logits_ptr : array<f32>;

override steps: i32;
override vocab_size: i32;

@compute @workgroup_size(64, 1, 1)
fn argmax_partial_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<u32, 1>;
  var v_1 : array<i32, 1>;
  let v_2 : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  v[0i] = 0u;
  v_1[0i] = vocab_size;
  for (var v_3 : i32 = 0i; v_3 < steps; v_3++) {
    let v_4 : i32 = ((v_3 * 1024i) + v_2);
    if (v_4 < vocab_size) {
      let v_5 : u32 = bitcast<u32>(logits_ptr[v_4]);
      let v_6 : u32 = (v_5 & 2147483647u);
      let v_7 : u32 = select((2139095040u - v_6), (2139095040u + v_6), (v_5 == v_6));
      if (v_7 > v[0i]) {
        v[0i] = v_7;
        v_1[0i] = v_4;
      }
    }
  }
  best_key_ptr[v_2] = v[0i];
  best_index_ptr[v_2] = v_1[0i];
}
