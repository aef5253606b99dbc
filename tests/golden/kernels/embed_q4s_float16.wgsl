// embed_q4s_float16
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
fn embed_q4s_float16_kernel(
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
    let v_6 : u32 = ((v_2)[0] & 252645135u);
    let v_7 : vec4<f32> = bytes(v_6);
    let v_8 : u32 = (((v_2)[0]>>4u) & 252645135u);
    let v_9 : vec4<f32> = bytes(v_8);
    let v_10 : u32 = ((v_2)[1] & 252645135u);
    let v_11 : vec4<f32> = bytes(v_10);
    let v_12 : u32 = (((v_2)[1]>>4u) & 252645135u);
    let v_13 : vec4<f32> = bytes(v_12);
    let v_14 : u32 = ((v_2)[2] & 252645135u);
    let v_15 : vec4<f32> = bytes(v_14);
    let v_16 : u32 = (((v_2)[2]>>4u) & 252645135u);
    let v_17 : vec4<f32> = bytes(v_16);
    let v_18 : u32 = ((v_2)[3] & 252645135u);
    let v_19 : vec4<f32> = bytes(v_18);
    let v_20 : u32 = (((v_2)[3]>>4u) & 252645135u);
    let v_21 : vec4<f32> = bytes(v_20);
    if ((v * 8i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + (v * 8i))] = (fma(vec4<f32>((v_7)[0], (v_9)[0], (v_7)[1], (v_9)[1]), vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 1i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 1i))] = (fma(vec4<f32>((v_7)[2], (v_9)[2], (v_7)[3], (v_9)[3]), vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 2i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 2i))] = (fma(vec4<f32>((v_11)[0], (v_13)[0], (v_11)[1], (v_13)[1]), vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 3i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 3i))] = (fma(vec4<f32>((v_11)[2], (v_13)[2], (v_11)[3], (v_13)[3]), vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 4i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 4i))] = (fma(vec4<f32>((v_15)[0], (v_17)[0], (v_15)[1], (v_17)[1]), vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 5i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 5i))] = (fma(vec4<f32>((v_15)[2], (v_17)[2], (v_15)[3], (v_17)[3]), vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 6i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 6i))] = (fma(vec4<f32>((v_19)[0], (v_21)[0], (v_19)[1], (v_21)[1]), vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 7i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 7i))] = (fma(vec4<f32>((v_19)[2], (v_21)[2], (v_19)[3], (v_21)[3]), vec4<f32>(v_4, v_4, v_4, v_4), vec4<f32>(v_5, v_5, v_5, v_5)) * vec4<f32>(scale, scale, scale, scale));
    }
  }
}
fn bytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}
