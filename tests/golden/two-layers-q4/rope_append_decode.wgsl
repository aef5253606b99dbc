// rope_append_decode
@group(0) @binding(0) var<storage, read> block_table_ptr : array<i32>;
@group(0) @binding(1) var<storage, read> inv_freq_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> k_pages_ptr : array<f32>;
@group(0) @binding(3) var<storage, read_write> q_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> qkv_ptr : array<f32>;
@group(0) @binding(5) var<storage, read> state_ptr : array<i32>;
@group(0) @binding(6) var<storage, read_write> v_pages_ptr : array<f32>;

struct PODArgs {
  packGridDimX: u32
}
@group(0) @binding(7) var<uniform> podArgs : PODArgs;

@compute @workgroup_size(64, 1, 1)
fn rope_append_decode_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(num_workgroups) gridDim : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }
  let v__1 : i32 = i32(blockIdx.z * gridDim.x + blockIdx.x);
  let v : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  if (v < 80i) {
    let v_1 : i32 = (v>>3u);
    let v_2 : i32 = (v & 7i);
    let v_3 : f32 = qkv_ptr[((v_1 * 16i) + v_2)];
    let v_4 : f32 = qkv_ptr[(((v_1 * 16i) + v_2) + 8i)];
    let v_5 : i32 = (state_ptr[1i] + i32(blockIdx.y));
    let v_6 : i32 = block_table_ptr[(v_5>>4u)];
    let v_7 : i32 = (v_5 & 15i);
    if (v_1 < 8i) {
      let v_8 : f32 = (f32(v_5) * inv_freq_ptr[v_2]);
      let v_9 : f32 = floor(fma(v_8, bitcast<f32>(1059256707u), 5.000000e-01f));
      let v_10 : f32 = (v_8 - (v_9 * bitcast<f32>(1070137344u)));
      let v_11 : f32 = (v_10 - (v_9 * bitcast<f32>(972914688u)));
      let v_12 : f32 = (v_11 - (v_9 * 3.138557e-07f));
      let v_13 : f32 = (v_12 - (v_9 * bitcast<f32>(780509952u)));
      let v_14 : f32 = (v_13 * v_13);
      let v_15 : f32 = fma((v_13 * v_14), fma(fma(fma(bitcast<f32>(909700893u), v_14, -1.984127e-04f), v_14, 8.333334e-03f), v_14, bitcast<f32>(3190467243u)), v_13);
      let v_16 : f32 = fma((v_14 * v_14), fma(fma(fma(-2.755732e-07f, v_14, bitcast<f32>(936381697u)), v_14, bitcast<f32>(3132492641u)), v_14, bitcast<f32>(1026206379u)), (1.000000e+00f - (v_14 * 5.000000e-01f)));
      let v_17 : i32 = (i32(v_9) & 3i);
      let v_18 : bool = ((v_17 & 1i) == 1i);
      let v_19 : f32 = (select(v_16, v_15, v_18) * select(1.000000e+00f, -1.000000e+00f, ((v_17 == 1i) || (v_17 == 2i))));
      let v_20 : f32 = (select(v_15, v_16, v_18) * select(1.000000e+00f, -1.000000e+00f, (v_17 >= 2i)));
      let v_21 : f32 = ((v_3 * v_19) - (v_4 * v_20));
      let v_22 : f32 = fma(v_3, v_20, (v_4 * v_19));
      if (v_1 < 6i) {
        q_ptr[((v_1 * 16i) + v_2)] = v_21;
        q_ptr[(((v_1 * 16i) + v_2) + 8i)] = v_22;
      } else {
        k_pages_ptr[(((((v_6 * 512i) + (v_1 * 256i)) + (v_7 * 16i)) + v_2) - 1536i)] = v_21;
        k_pages_ptr[(((((v_6 * 512i) + (v_1 * 256i)) + (v_7 * 16i)) + v_2) - 1528i)] = v_22;
      }
    } else {
      v_pages_ptr[(((((v_6 * 512i) + (v_1 * 256i)) + (v_7 * 16i)) + v_2) - 2048i)] = v_3;
      v_pages_ptr[(((((v_6 * 512i) + (v_1 * 256i)) + (v_7 * 16i)) + v_2) - 2040i)] = v_4;
    }
  }
}
