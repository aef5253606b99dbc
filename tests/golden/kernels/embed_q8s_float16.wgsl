// embed_q8s_float16
@group(0) @binding(0) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> token_ids_ptr : array<i32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> w_scale_ptr : array<u32>;

override all_rows: i32;
override chunks: i32;
override first_row: i32;
override group_chunks: i32;
override groups: i32;
override quads: i32;
override rows: i32;
override scale: f32;
override zero: i32;

@compute @workgroup_size(64, 1, 1)
fn embed_q8s_float16_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  let v : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  let v_1 : i32 = (max(min(token_ids_ptr[i32(blockIdx.y)], (all_rows - 1i)), 0i) - first_row);
  if ((v < chunks) && ((v_1 >= 0i) && (v_1 < rows))) {
    let v_2 : vec4<u32> = w_ptr[((v_1 * chunks) + v)];
    let v_3 : i32 = ((v_1 * groups) + i32((u32(v) / u32(group_chunks))));
    let v_4 : f32 = (unpack2x16float((w_scale_ptr[(v_3>>1u)]>>u32(((v_3 & 1i) * 16i)))))[0];
    let v_5 : f32 = (v_4 * (0.000000e+00f - f32(zero)));
    let v_6 : vec4<f32> = bytes((v_2)[0]);
    let v_7 : vec4<f32> = bytes((v_2)[1]);
    let v_8 : vec4<f32> = bytes((v_2)[2]);
    let v_9 : vec4<f32> = bytes((v_2)[3]);
    if ((v * 4i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + (v * 4i))] = (fma(v_6, vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 4i) + 1i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 4i) + 1i))] = (fma(v_7, vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 4i) + 2i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 4i) + 2i))] = (fma(v_8, vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 4i) + 3i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 4i) + 3i))] = (fma(v_9, vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
  }
}
fn bytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}
