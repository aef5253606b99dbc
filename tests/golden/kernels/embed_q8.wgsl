// embed_q8
@group(0) @binding(0) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> token_ids_ptr : array<i32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> w_scale_ptr : array<u32>;

override all_rows: i32;
override bfloat_scales: i32;
override chunks: i32;
override first_row: i32;
override float32_scales: i32;
override group_halves: i32;
override groups: i32;
override integer_scales: i32;
override minimum: i32;
override quads: i32;
override rows: i32;
override scale: f32;
override scale_bits: i32;
override signed_scales: i32;
override super_groups: i32;
override supers: i32;
override zero: i32;

@compute @workgroup_size(64, 1, 1)
fn embed_q8_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  let v_2 : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  let v_3 : i32 = (max(min(token_ids_ptr[i32(blockIdx.y)], (all_rows - 1i)), 0i) - first_row);
  if ((v_2 < chunks) && ((v_3 >= 0i) && (v_3 < rows))) {
    let v_4 : vec4<u32> = w_ptr[((v_3 * chunks) + v_2)];
    v[0i] = 0.000000e+00f;
    v_1[0i] = 0.000000e+00f;
    let v_5 : i32 = i32((u32(v_2) / u32(group_halves)));
    if (integer_scales != 0i) {
      let v_6 : i32 = i32((u32(v_5) / u32(super_groups)));
      let v_7 : i32 = (v_5 - (v_6 * super_groups));
      let v_8 : i32 = (((v_3 * supers) + v_6) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
      let v_9 : i32 = (v_7 * ((minimum + 1i) * scale_bits));
      let v_10 : u32 = (w_scale_ptr[(((v_8 + minimum) + (v_9>>5u)) + 1i)]>>u32((v_9 & 31i)));
      v[0i] = (bitcast<f32>(w_scale_ptr[v_8]) * select(f32((v_10 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_10<<24u))>>24u)), (signed_scales != 0i)));
      if (minimum != 0i) {
        let v_11 : u32 = (v_10>>u32(scale_bits));
        v_1[0i] = (bitcast<f32>(w_scale_ptr[(v_8 + 1i)]) * select(f32((v_11 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_11<<24u))>>24u)), (signed_scales != 0i)));
      }
    } else {
      let v_12 : i32 = (((v_3 * groups) + v_5) * (minimum + 1i));
      if (float32_scales != 0i) {
        v[0i] = bitcast<f32>(w_scale_ptr[v_12]);
        if (minimum != 0i) {
          v_1[0i] = bitcast<f32>(w_scale_ptr[(v_12 + 1i)]);
        }
      } else {
        let v_13 : u32 = w_scale_ptr[(v_12>>1u)];
        v[0i] = select((unpack2x16float((v_13>>u32(((v_12 & 1i) * 16i)))))[0], bitcast<f32>(((v_13>>u32(((v_12 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
        if (minimum != 0i) {
          v_1[0i] = select((unpack2x16float(v_13))[1], bitcast<f32>((v_13 & 4294901760u)), (bfloat_scales != 0i));
        }
      }
    }
    if (minimum == 0i) {
      v_1[0i] = (v[0i] * (0.000000e+00f - f32(zero)));
    }
    let v_14 : f32 = v[0i];
    let v_15 : f32 = v_1[0i];
    let v_16 : vec4<f32> = bytes((v_4)[0]);
    let v_17 : vec4<f32> = bytes((v_4)[1]);
    let v_18 : vec4<f32> = bytes((v_4)[2]);
    let v_19 : vec4<f32> = bytes((v_4)[3]);
    if ((v_2 * 4i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + (v_2 * 4i))] = (fma(v_16, vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 4i) + 1i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 4i) + 1i))] = (fma(v_17, vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 4i) + 2i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 4i) + 2i))] = (fma(v_18, vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 4i) + 3i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 4i) + 3i))] = (fma(v_19, vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
  }
}
fn bytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}
