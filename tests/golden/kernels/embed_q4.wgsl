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
    let v_5 : vec4<f32> = vec4<f32>(f32((((v_4)[0]>>0u) & 15u)), f32((((v_4)[0]>>4u) & 15u)), f32((((v_4)[0]>>8u) & 15u)), f32((((v_4)[0]>>12u) & 15u)));
    let v_6 : vec4<f32> = vec4<f32>(f32((((v_4)[0]>>16u) & 15u)), f32((((v_4)[0]>>20u) & 15u)), f32((((v_4)[0]>>24u) & 15u)), f32((((v_4)[0]>>28u) & 15u)));
    let v_7 : vec4<f32> = vec4<f32>(f32((((v_4)[1]>>0u) & 15u)), f32((((v_4)[1]>>4u) & 15u)), f32((((v_4)[1]>>8u) & 15u)), f32((((v_4)[1]>>12u) & 15u)));
    let v_8 : vec4<f32> = vec4<f32>(f32((((v_4)[1]>>16u) & 15u)), f32((((v_4)[1]>>20u) & 15u)), f32((((v_4)[1]>>24u) & 15u)), f32((((v_4)[1]>>28u) & 15u)));
    let v_9 : vec4<f32> = vec4<f32>(f32((((v_4)[2]>>0u) & 15u)), f32((((v_4)[2]>>4u) & 15u)), f32((((v_4)[2]>>8u) & 15u)), f32((((v_4)[2]>>12u) & 15u)));
    let v_10 : vec4<f32> = vec4<f32>(f32((((v_4)[2]>>16u) & 15u)), f32((((v_4)[2]>>20u) & 15u)), f32((((v_4)[2]>>24u) & 15u)), f32((((v_4)[2]>>28u) & 15u)));
    let v_11 : vec4<f32> = vec4<f32>(f32((((v_4)[3]>>0u) & 15u)), f32((((v_4)[3]>>4u) & 15u)), f32((((v_4)[3]>>8u) & 15u)), f32((((v_4)[3]>>12u) & 15u)));
    let v_12 : vec4<f32> = vec4<f32>(f32((((v_4)[3]>>16u) & 15u)), f32((((v_4)[3]>>20u) & 15u)), f32((((v_4)[3]>>24u) & 15u)), f32((((v_4)[3]>>28u) & 15u)));
    v[0i] = 0.000000e+00f;
    v_1[0i] = 0.000000e+00f;
    let v_13 : i32 = i32((u32((v_2 * 2i)) / u32(group_halves)));
    if (integer_scales != 0i) {
      let v_14 : i32 = i32((u32(v_13) / u32(super_groups)));
      let v_15 : i32 = (v_13 - (v_14 * super_groups));
      let v_16 : i32 = (((v_3 * supers) + v_14) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
      let v_17 : i32 = (v_15 * ((minimum + 1i) * scale_bits));
      let v_18 : u32 = (w_scale_ptr[(((v_16 + minimum) + (v_17>>5u)) + 1i)]>>u32((v_17 & 31i)));
      v[0i] = (bitcast<f32>(w_scale_ptr[v_16]) * select(f32((v_18 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_18<<24u))>>24u)), (signed_scales != 0i)));
      if (minimum != 0i) {
        let v_19 : u32 = (v_18>>u32(scale_bits));
        v_1[0i] = (bitcast<f32>(w_scale_ptr[(v_16 + 1i)]) * select(f32((v_19 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_19<<24u))>>24u)), (signed_scales != 0i)));
      }
    } else {
      let v_20 : i32 = (((v_3 * groups) + v_13) * (minimum + 1i));
      if (float32_scales != 0i) {
        v[0i] = bitcast<f32>(w_scale_ptr[v_20]);
        if (minimum != 0i) {
          v_1[0i] = bitcast<f32>(w_scale_ptr[(v_20 + 1i)]);
        }
      } else {
        let v_21 : u32 = w_scale_ptr[(v_20>>1u)];
        v[0i] = select((unpack2x16float((v_21>>u32(((v_20 & 1i) * 16i)))))[0], bitcast<f32>(((v_21>>u32(((v_20 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
        if (minimum != 0i) {
          v_1[0i] = select((unpack2x16float(v_21))[1], bitcast<f32>((v_21 & 4294901760u)), (bfloat_scales != 0i));
        }
      }
    }
    if (minimum == 0i) {
      v_1[0i] = (v[0i] * (0.000000e+00f - f32(zero)));
    }
    let v_22 : f32 = v[0i];
    let v_23 : f32 = v_1[0i];
    if ((v_2 * 8i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + (v_2 * 8i))] = (fma(v_5, vec4<f32>(v_22, v_22, v_22, v_22), vec4<f32>(v_23, v_23, v_23, v_23)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 1i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 1i))] = (fma(v_6, vec4<f32>(v_22, v_22, v_22, v_22), vec4<f32>(v_23, v_23, v_23, v_23)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 2i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 2i))] = (fma(v_7, vec4<f32>(v_22, v_22, v_22, v_22), vec4<f32>(v_23, v_23, v_23, v_23)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 3i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 3i))] = (fma(v_8, vec4<f32>(v_22, v_22, v_22, v_22), vec4<f32>(v_23, v_23, v_23, v_23)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 4i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 4i))] = (fma(v_9, vec4<f32>(v_22, v_22, v_22, v_22), vec4<f32>(v_23, v_23, v_23, v_23)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 5i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 5i))] = (fma(v_10, vec4<f32>(v_22, v_22, v_22, v_22), vec4<f32>(v_23, v_23, v_23, v_23)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 6i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 6i))] = (fma(v_11, vec4<f32>(v_22, v_22, v_22, v_22), vec4<f32>(v_23, v_23, v_23, v_23)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 7i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 7i))] = (fma(v_12, vec4<f32>(v_22, v_22, v_22, v_22), vec4<f32>(v_23, v_23, v_23, v_23)) * vec4<f32>(scale, scale, scale, scale));
    }
  }
}
