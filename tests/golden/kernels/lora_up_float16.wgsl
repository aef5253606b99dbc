// lora_up_float16
@group(0) @binding(0) var<storage, read> b_ptr : array<u32>;
@group(0) @binding(1) var<storage, read> h_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> h_scale_ptr : array<f32>;
@group(0) @binding(3) var<storage, read_write> out_ptr : array<f32>;

override begin_part_1: i32;
override begin_part_2: i32;
override h_values: i32;
override pairs: i32;
override rank: i32;
override rows: i32;

@compute @workgroup_size(64, 1, 1)
fn lora_up_float16_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  let v_1 : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  if (v_1 < rows) {
    let v_2 : i32 = (select(0i, rank, (v_1 >= begin_part_1)) + select(0i, rank, (v_1 >= begin_part_2)));
    v[0i] = 0.000000e+00f;
    for (var v_3 : i32 = 0i; v_3 < pairs; v_3++) {
      let v_4 : u32 = b_ptr[((v_3 * rows) + v_1)];
      let v_5 : i32 = (v_2 + (2i * v_3));
      v[0i] = fma(((unpack2x16float(v_4))[0] * h_ptr[((i32(blockIdx.y) * h_values) + v_5)]), h_scale_ptr[v_5], v[0i]);
      let v_6 : i32 = ((v_2 + (2i * v_3)) + 1i);
      v[0i] = fma(((unpack2x16float(v_4))[1] * h_ptr[((i32(blockIdx.y) * h_values) + v_6)]), h_scale_ptr[v_6], v[0i]);
    }
    out_ptr[((i32(blockIdx.y) * rows) + v_1)] = v[0i];
  }
}
