// mask_logits
@group(0) @binding(0) var<storage, read_write> logits_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> token_mask_ptr : array<i32>;

override vocab_size: i32;

@compute @workgroup_size(256, 1, 1)
fn mask_logits_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  let v : i32 = ((v__1 * 256i) + i32(threadIdx.x));
  if (v < vocab_size) {
    let v_1 : i32 = token_mask_ptr[(v>>5u)];
    let v_2 : u32 = select(4286578687u, bitcast<u32>(logits_ptr[v]), (((v_1>>u32((v & 31i))) & 1i) != 0i));
    logits_ptr[v] = bitcast<f32>(v_2);
  }
}
