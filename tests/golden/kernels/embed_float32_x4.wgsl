// embed_float32_x4
@group(0) @binding(0) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> token_ids_ptr : array<i32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<vec4<f32>>;

override all_rows: i32;
override chunks: i32;
override first_row: i32;
override quads: i32;
override rows: i32;
override scale: f32;

@compute @workgroup_size(64, 1, 1)
fn embed_float32_x4_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  let v : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  let v_1 : i32 = (max(min(token_ids_ptr[i32(blockIdx.y)], (all_rows - 1i)), 0i) - first_row);
  if ((v < chunks) && ((v_1 >= 0i) && (v_1 < rows))) {
    let v_2 : vec4<f32> = w_ptr[((v_1 * chunks) + v)];
    let v_3 : vec4<f32> = v_2;
    out_ptr[((i32(blockIdx.y) * quads) + v)] = (v_3 * vec4<f32>(scale, scale, scale, scale));
  }
}
