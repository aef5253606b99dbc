// embed_q8m_float32
@group(0) @binding(0) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> token_ids_ptr : array<i32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> w_scale_ptr : array<f32>;

override all_rows: i32;
override chunks: i32;
override first_row: i32;
override group_chunks: i32;
override groups: i32;
override quads: i32;
override rows: i32;
override scale: f32;

@compute @workgroup_size(64, 1, 1)
fn embed_q8m_float32_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  let v : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  let v_1 : i32 = (max(min(token_ids_ptr[i32(blockIdx.y)], (all_rows - 1i)), 0i) - first_row);
  if ((v < chunks) && ((v_1 >= 0i) && (v_1 < rows))) {
    let v_2 : vec4<u32> = w_ptr[((v_1 * chunks) + v)];
    let v_3 : vec4<f32> = vec4<f32>(f32((((v_2)[0]>>0u) & 255u)), f32((((v_2)[0]>>8u) & 255u)), f32((((v_2)[0]>>16u) & 255u)), f32((((v_2)[0]>>24u) & 255u)));
    let v_4 : vec4<f32> = vec4<f32>(f32((((v_2)[1]>>0u) & 255u)), f32((((v_2)[1]>>8u) & 255u)), f32((((v_2)[1]>>16u) & 255u)), f32((((v_2)[1]>>24u) & 255u)));
    let v_5 : vec4<f32> = vec4<f32>(f32((((v_2)[2]>>0u) & 255u)), f32((((v_2)[2]>>8u) & 255u)), f32((((v_2)[2]>>16u) & 255u)), f32((((v_2)[2]>>24u) & 255u)));
    let v_6 : vec4<f32> = vec4<f32>(f32((((v_2)[3]>>0u) & 255u)), f32((((v_2)[3]>>8u) & 255u)), f32((((v_2)[3]>>16u) & 255u)), f32((((v_2)[3]>>24u) & 255u)));
    let v_7 : i32 = ((v_1 * groups) + i32((u32(v) / u32(group_chunks))));
    let v_8 : f32 = w_scale_ptr[(v_7 * 2i)];
    let v_9 : f32 = w_scale_ptr[((v_7 * 2i) + 1i)];
    if ((v * 4i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + (v * 4i))] = (fma(v_3, vec4<f32>(v_8, v_8, v_8, v_8), vec4<f32>(v_9, v_9, v_9, v_9)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 4i) + 1i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 4i) + 1i))] = (fma(v_4, vec4<f32>(v_8, v_8, v_8, v_8), vec4<f32>(v_9, v_9, v_9, v_9)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 4i) + 2i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 4i) + 2i))] = (fma(v_5, vec4<f32>(v_8, v_8, v_8, v_8), vec4<f32>(v_9, v_9, v_9, v_9)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 4i) + 3i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 4i) + 3i))] = (fma(v_6, vec4<f32>(v_8, v_8, v_8, v_8), vec4<f32>(v_9, v_9, v_9, v_9)) * vec4<f32>(scale, scale, scale, scale));
    }
  }
}
