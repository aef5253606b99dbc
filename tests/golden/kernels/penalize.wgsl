// penalize
@group(0) @binding(0) var<storage, read> logits_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> sampling_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> token_counts_ptr : array<i32>;
@group(0) @binding(3) var<storage, read_write> weights_ptr : array<f32>;

override vocab_size: i32;

@compute @workgroup_size(256, 1, 1)
fn penalize_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  let v_1 : i32 = ((v__1 * 256i) + i32(threadIdx.x));
  if (v_1 < vocab_size) {
    let v_2 : i32 = token_counts_ptr[v_1];
    v[0i] = logits_ptr[v_1];
    if (v_2 > 0i) {
      let v_3 : f32 = v[0i];
      v[0i] = ((select((v_3 * sampling_ptr[4i]), (v_3 / sampling_ptr[4i]), (v_3 > 0.000000e+00f)) - (sampling_ptr[6i] * f32(v_2))) - sampling_ptr[5i]);
    }
    let v_4 : u32 = bitcast<u32>(logits_ptr[v_1]);
    weights_ptr[v_1] = bitcast<f32>(select(bitcast<u32>((v[0i] / sampling_ptr[0i])), v_4, ((v_4 & 2139095040u) == 2139095040u)));
  }
}
