// embed_q4
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
fn embed_q4_kernel(
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
    let v_5 : i32 = i32((u32((v_2 * 2i)) / u32(group_halves)));
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
    let v_16 : u32 = ((v_4)[0] & 252645135u);
    let v_17 : vec4<f32> = bytes(v_16);
    let v_18 : u32 = (((v_4)[0]>>4u) & 252645135u);
    let v_19 : vec4<f32> = bytes(v_18);
    let v_20 : u32 = ((v_4)[1] & 252645135u);
    let v_21 : vec4<f32> = bytes(v_20);
    let v_22 : u32 = (((v_4)[1]>>4u) & 252645135u);
    let v_23 : vec4<f32> = bytes(v_22);
    let v_24 : u32 = ((v_4)[2] & 252645135u);
    let v_25 : vec4<f32> = bytes(v_24);
    let v_26 : u32 = (((v_4)[2]>>4u) & 252645135u);
    let v_27 : vec4<f32> = bytes(v_26);
    let v_28 : u32 = ((v_4)[3] & 252645135u);
    let v_29 : vec4<f32> = bytes(v_28);
    let v_30 : u32 = (((v_4)[3]>>4u) & 252645135u);
    let v_31 : vec4<f32> = bytes(v_30);
    if ((v_2 * 8i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + (v_2 * 8i))] = (fma(vec4<f32>((v_17)[0], (v_19)[0], (v_17)[1], (v_19)[1]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 1i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 1i))] = (fma(vec4<f32>((v_17)[2], (v_19)[2], (v_17)[3], (v_19)[3]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 2i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 2i))] = (fma(vec4<f32>((v_21)[0], (v_23)[0], (v_21)[1], (v_23)[1]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 3i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 3i))] = (fma(vec4<f32>((v_21)[2], (v_23)[2], (v_21)[3], (v_23)[3]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 4i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 4i))] = (fma(vec4<f32>((v_25)[0], (v_27)[0], (v_25)[1], (v_27)[1]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 5i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 5i))] = (fma(vec4<f32>((v_25)[2], (v_27)[2], (v_25)[3], (v_27)[3]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 6i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 6i))] = (fma(vec4<f32>((v_29)[0], (v_31)[0], (v_29)[1], (v_31)[1]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 7i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 7i))] = (fma(vec4<f32>((v_29)[2], (v_31)[2], (v_29)[3], (v_31)[3]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
  }
}
fn bytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}
