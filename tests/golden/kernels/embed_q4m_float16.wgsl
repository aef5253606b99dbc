// embed_q4m_float16
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

@compute @workgroup_size(64, 1, 1)
fn embed_q4m_float16_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  let v : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  let v_1 : i32 = (max(min(token_ids_ptr[i32(blockIdx.y)], (all_rows - 1i)), 0i) - first_row);
  if ((v < chunks) && ((v_1 >= 0i) && (v_1 < rows))) {
    let v_2 : vec4<u32> = w_ptr[((v_1 * chunks) + v)];
    let v_3 : i32 = ((v_1 * groups) + i32((u32(v) / u32(group_chunks))));
    let v_4 : u32 = w_scale_ptr[v_3];
    let v_5 : f32 = (unpack2x16float(v_4))[0];
    let v_6 : f32 = (unpack2x16float(v_4))[1];
    let v_7 : u32 = ((v_2)[0] & 252645135u);
    let v_8 : vec4<f32> = bytes(v_7);
    let v_9 : u32 = (((v_2)[0]>>4u) & 252645135u);
    let v_10 : vec4<f32> = bytes(v_9);
    let v_11 : u32 = ((v_2)[1] & 252645135u);
    let v_12 : vec4<f32> = bytes(v_11);
    let v_13 : u32 = (((v_2)[1]>>4u) & 252645135u);
    let v_14 : vec4<f32> = bytes(v_13);
    let v_15 : u32 = ((v_2)[2] & 252645135u);
    let v_16 : vec4<f32> = bytes(v_15);
    let v_17 : u32 = (((v_2)[2]>>4u) & 252645135u);
    let v_18 : vec4<f32> = bytes(v_17);
    let v_19 : u32 = ((v_2)[3] & 252645135u);
    let v_20 : vec4<f32> = bytes(v_19);
    let v_21 : u32 = (((v_2)[3]>>4u) & 252645135u);
    let v_22 : vec4<f32> = bytes(v_21);
    if ((v * 8i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + (v * 8i))] = (fma(vec4<f32>((v_8)[0], (v_10)[0], (v_8)[1], (v_10)[1]), vec4<f32>(v_5, v_5, v_5, v_5), vec4<f32>(v_6, v_6, v_6, v_6)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 1i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 1i))] = (fma(vec4<f32>((v_8)[2], (v_10)[2], (v_8)[3], (v_10)[3]), vec4<f32>(v_5, v_5, v_5, v_5), vec4<f32>(v_6, v_6, v_6, v_6)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 2i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 2i))] = (fma(vec4<f32>((v_12)[0], (v_14)[0], (v_12)[1], (v_14)[1]), vec4<f32>(v_5, v_5, v_5, v_5), vec4<f32>(v_6, v_6, v_6, v_6)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 3i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 3i))] = (fma(vec4<f32>((v_12)[2], (v_14)[2], (v_12)[3], (v_14)[3]), vec4<f32>(v_5, v_5, v_5, v_5), vec4<f32>(v_6, v_6, v_6, v_6)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 4i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 4i))] = (fma(vec4<f32>((v_16)[0], (v_18)[0], (v_16)[1], (v_18)[1]), vec4<f32>(v_5, v_5, v_5, v_5), vec4<f32>(v_6, v_6, v_6, v_6)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 5i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 5i))] = (fma(vec4<f32>((v_16)[2], (v_18)[2], (v_16)[3], (v_18)[3]), vec4<f32>(v_5, v_5, v_5, v_5), vec4<f32>(v_6, v_6, v_6, v_6)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 6i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 6i))] = (fma(vec4<f32>((v_20)[0], (v_22)[0], (v_20)[1], (v_22)[1]), vec4<f32>(v_5, v_5, v_5, v_5), vec4<f32>(v_6, v_6, v_6, v_6)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v * 8i) + 7i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v * 8i) + 7i))] = (fma(vec4<f32>((v_20)[2], (v_22)[2], (v_20)[3], (v_22)[3]), vec4<f32>(v_5, v_5, v_5, v_5), vec4<f32>(v_6, v_6, v_6, v_6)) * vec4<f32>(scale, scale, scale, scale));
    }
  }
}
fn bytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}
