// embed_decode_q8s128_g32_float16_512x96
@group(0) @binding(0) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> token_ids_ptr : array<i32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> w_scale_ptr : array<u32>;

struct PODArgs {
  packGridDimX: u32
}
@group(0) @binding(4) var<uniform> podArgs : PODArgs;

@compute @workgroup_size(64, 1, 1)
fn embed_decode_q8s128_g32_float16_512x96_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(num_workgroups) gridDim : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }
  let v__1 : i32 = i32(blockIdx.z * gridDim.x + blockIdx.x);
  let v : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  if (v < 6i) {
    let v_1 : i32 = max(min(token_ids_ptr[0i], 511i), 0i);
    let v_2 : vec4<u32> = w_ptr[((v_1 * 6i) + v)];
    let v_3 : vec4<f32> = vec4<f32>(f32((((v_2)[0]>>0u) & 255u)), f32((((v_2)[0]>>8u) & 255u)), f32((((v_2)[0]>>16u) & 255u)), f32((((v_2)[0]>>24u) & 255u)));
    let v_4 : vec4<f32> = vec4<f32>(f32((((v_2)[1]>>0u) & 255u)), f32((((v_2)[1]>>8u) & 255u)), f32((((v_2)[1]>>16u) & 255u)), f32((((v_2)[1]>>24u) & 255u)));
    let v_5 : vec4<f32> = vec4<f32>(f32((((v_2)[2]>>0u) & 255u)), f32((((v_2)[2]>>8u) & 255u)), f32((((v_2)[2]>>16u) & 255u)), f32((((v_2)[2]>>24u) & 255u)));
    let v_6 : vec4<f32> = vec4<f32>(f32((((v_2)[3]>>0u) & 255u)), f32((((v_2)[3]>>8u) & 255u)), f32((((v_2)[3]>>16u) & 255u)), f32((((v_2)[3]>>24u) & 255u)));
    let v_7 : f32 = (unpack2x16float((w_scale_ptr[(((v_1 * 3i) + (v>>1u))>>1u)]>>u32(((((v_1 * 3i) + (v>>1u)) & 1i) * 16i)))))[0];
    let v_8 : f32 = (v_7 * -1.280000e+02f);
    out_ptr[(v * 4i)] = fma(v_3, vec4<f32>(v_7, v_7, v_7, v_7), vec4<f32>(v_8, v_8, v_8, v_8));
    out_ptr[((v * 4i) + 1i)] = fma(v_4, vec4<f32>(v_7, v_7, v_7, v_7), vec4<f32>(v_8, v_8, v_8, v_8));
    out_ptr[((v * 4i) + 2i)] = fma(v_5, vec4<f32>(v_7, v_7, v_7, v_7), vec4<f32>(v_8, v_8, v_8, v_8));
    out_ptr[((v * 4i) + 3i)] = fma(v_6, vec4<f32>(v_7, v_7, v_7, v_7), vec4<f32>(v_8, v_8, v_8, v_8));
  }
}
