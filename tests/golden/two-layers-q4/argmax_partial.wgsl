// argmax_partial
@group(0) @binding(0) var<storage, read_write> best_index_ptr : array<i32>;
@group(0) @binding(1) var<storage, read_write> best_key_ptr : array<u32>;
@group(0) @binding(2) var<storage, read> logits_ptr : array<f32>;

struct PODArgs {
  packGridDimX: u32
}
@group(0) @binding(3) var<uniform> podArgs : PODArgs;

@compute @workgroup_size(64, 1, 1)
fn argmax_partial_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(num_workgroups) gridDim : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }
  let v__1 : i32 = i32(blockIdx.z * gridDim.x + blockIdx.x);
  var v : array<u32, 1>;
  var v_1 : array<i32, 1>;
  let v_2 : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  v[0i] = 0u;
  v_1[0i] = 512i;
  let v_3 : i32 = ((0i * 1024i) + v_2);
  if (v_3 < 512i) {
    let v_4 : u32 = bitcast<u32>(logits_ptr[v_3]);
    let v_5 : u32 = (v_4 & 2147483647u);
    let v_6 : u32 = select((2139095040u - v_5), (2139095040u + v_5), (v_4 == v_5));
    if (v_6 > v[0i]) {
      v[0i] = v_6;
      v_1[0i] = v_3;
    }
  }
  best_key_ptr[v_2] = v[0i];
  best_index_ptr[v_2] = v_1[0i];
}
