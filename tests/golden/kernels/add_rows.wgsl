// add_rows
@group(0) @binding(0) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x_ptr : array<vec4<f32>>;

override quads: i32;

@compute @workgroup_size(64, 1, 1)
fn add_rows_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  let v : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  if (v < quads) {
    out_ptr[((i32(blockIdx.y) * quads) + v)] = (out_ptr[((i32(blockIdx.y) * quads) + v)] + x_ptr[((i32(blockIdx.y) * quads) + v)]);
  }
}
