// position_rows
@group(0) @binding(0) var<storage, read> state_ptr : array<i32>;
@group(0) @binding(1) var<storage, read_write> token_ids_ptr : array<i32>;

struct PODArgs {
  n: i32
}
@group(0) @binding(2) var<uniform> podArgs : PODArgs;

override first: i32;

@compute @workgroup_size(64, 1, 1)
fn position_rows_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  let v : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  if (v < podArgs.n) {
    token_ids_ptr[v] = ((first + state_ptr[1i]) + v);
  }
}
