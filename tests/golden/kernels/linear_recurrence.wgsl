// linear_recurrence
@group(0) @binding(0) var<storage, read> decay_ptr : array<f32>;
@group(0) @binding(1) var<storage, read_write> memory_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> out_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> state_ptr : array<i32>;
@group(0) @binding(4) var<storage, read> x_ptr : array<f32>;

struct PODArgs {
  n: i32
}
@group(0) @binding(5) var<uniform> podArgs : PODArgs;

override columns: i32;

@compute @workgroup_size(64, 1, 1)
fn linear_recurrence_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  let v_1 : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  if (v_1 < columns) {
    let v_2 : i32 = state_ptr[4i];
    let v_3 : f32 = decay_ptr[v_1];
    v[0i] = 0.000000e+00f;
    if (state_ptr[1i] > 0i) {
      v[0i] = memory_ptr[((v_2 * columns) + v_1)];
    }
    for (var v_4 : i32 = 0i; v_4 < podArgs.n; v_4++) {
      v[0i] = fma(v_3, v[0i], x_ptr[((v_4 * columns) + v_1)]);
      out_ptr[((v_4 * columns) + v_1)] = v[0i];
    }
    memory_ptr[((v_2 * columns) + v_1)] = v[0i];
  }
}
