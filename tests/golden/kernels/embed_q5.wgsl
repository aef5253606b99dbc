// embed_q5
@group(0) @binding(0) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> token_ids_ptr : array<i32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<u32>;
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
override narrow: i32;
override quads: i32;
override rows: i32;
override scale: f32;
override scale_bits: i32;
override signed_scales: i32;
override super_groups: i32;
override supers: i32;
override zero: i32;

@compute @workgroup_size(64, 1, 1)
fn embed_q5_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  var v_2 : array<f32, 1>;
  var v_3 : array<f32, 1>;
  let v_4 : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  let v_5 : i32 = (max(min(token_ids_ptr[i32(blockIdx.y)], (all_rows - 1i)), 0i) - first_row);
  if ((v_4 < chunks) && ((v_5 >= 0i) && (v_5 < rows))) {
    let v_6 : u32 = w_ptr[((v_4 * 5i) + ((v_5 * chunks) * 5i))];
    let v_7 : u32 = w_ptr[(((v_4 * 5i) + ((v_5 * chunks) * 5i)) + 1i)];
    let v_8 : u32 = w_ptr[(((v_4 * 5i) + ((v_5 * chunks) * 5i)) + 2i)];
    let v_9 : u32 = w_ptr[(((v_4 * 5i) + ((v_5 * chunks) * 5i)) + 3i)];
    let v_10 : u32 = w_ptr[(((v_4 * 5i) + ((v_5 * chunks) * 5i)) + 4i)];
    let v_11 : u32 = (v_6 & 522133279u);
    let v_12 : vec4<f32> = vec4<f32>(f32(((v_11>>0u) & 255u)), f32(((v_11>>8u) & 255u)), f32(((v_11>>16u) & 255u)), f32((v_11>>24u)));
    let v_13 : u32 = (v_7 & 522133279u);
    let v_14 : vec4<f32> = vec4<f32>(f32(((v_13>>0u) & 255u)), f32(((v_13>>8u) & 255u)), f32(((v_13>>16u) & 255u)), f32((v_13>>24u)));
    let v_15 : u32 = (v_8 & 522133279u);
    let v_16 : vec4<f32> = vec4<f32>(f32(((v_15>>0u) & 255u)), f32(((v_15>>8u) & 255u)), f32(((v_15>>16u) & 255u)), f32((v_15>>24u)));
    let v_17 : u32 = (v_9 & 522133279u);
    let v_18 : vec4<f32> = vec4<f32>(f32(((v_17>>0u) & 255u)), f32(((v_17>>8u) & 255u)), f32(((v_17>>16u) & 255u)), f32((v_17>>24u)));
    let v_19 : u32 = (v_10 & 522133279u);
    let v_20 : vec4<f32> = vec4<f32>(f32(((v_19>>0u) & 255u)), f32(((v_19>>8u) & 255u)), f32(((v_19>>16u) & 255u)), f32((v_19>>24u)));
    let v_21 : u32 = (((v_6>>5u) & 117901063u) | ((v_7>>2u) & 404232216u));
    let v_22 : vec4<f32> = vec4<f32>(f32(((v_21>>0u) & 255u)), f32(((v_21>>8u) & 255u)), f32(((v_21>>16u) & 255u)), f32((v_21>>24u)));
    let v_23 : u32 = (((v_8>>5u) & 117901063u) | ((v_9>>2u) & 404232216u));
    let v_24 : vec4<f32> = vec4<f32>(f32(((v_23>>0u) & 255u)), f32(((v_23>>8u) & 255u)), f32(((v_23>>16u) & 255u)), f32((v_23>>24u)));
    let v_25 : u32 = ((((v_10>>5u) & 117901063u) | ((v_7>>4u) & 134744072u)) | ((v_9>>3u) & 269488144u));
    let v_26 : vec4<f32> = vec4<f32>(f32(((v_25>>0u) & 255u)), f32(((v_25>>8u) & 255u)), f32(((v_25>>16u) & 255u)), f32((v_25>>24u)));
    v[0i] = 0.000000e+00f;
    v_1[0i] = 0.000000e+00f;
    let v_27 : i32 = i32((u32((v_4 * 2i)) / u32(group_halves)));
    if (integer_scales != 0i) {
      let v_28 : i32 = i32((u32(v_27) / u32(super_groups)));
      let v_29 : i32 = (v_27 - (v_28 * super_groups));
      let v_30 : i32 = (((v_5 * supers) + v_28) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
      let v_31 : i32 = (v_29 * ((minimum + 1i) * scale_bits));
      let v_32 : u32 = (w_scale_ptr[(((v_30 + minimum) + (v_31>>5u)) + 1i)]>>u32((v_31 & 31i)));
      v[0i] = (bitcast<f32>(w_scale_ptr[v_30]) * select(f32((v_32 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_32<<24u))>>24u)), (signed_scales != 0i)));
      if (minimum != 0i) {
        let v_33 : u32 = (v_32>>u32(scale_bits));
        v_1[0i] = (bitcast<f32>(w_scale_ptr[(v_30 + 1i)]) * select(f32((v_33 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_33<<24u))>>24u)), (signed_scales != 0i)));
      }
    } else {
      let v_34 : i32 = (((v_5 * groups) + v_27) * (minimum + 1i));
      if (float32_scales != 0i) {
        v[0i] = bitcast<f32>(w_scale_ptr[v_34]);
        if (minimum != 0i) {
          v_1[0i] = bitcast<f32>(w_scale_ptr[(v_34 + 1i)]);
        }
      } else {
        let v_35 : u32 = w_scale_ptr[(v_34>>1u)];
        v[0i] = select((unpack2x16float((v_35>>u32(((v_34 & 1i) * 16i)))))[0], bitcast<f32>(((v_35>>u32(((v_34 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
        if (minimum != 0i) {
          v_1[0i] = select((unpack2x16float(v_35))[1], bitcast<f32>((v_35 & 4294901760u)), (bfloat_scales != 0i));
        }
      }
    }
    if (minimum == 0i) {
      v_1[0i] = (v[0i] * (0.000000e+00f - f32(zero)));
    }
    let v_36 : f32 = v[0i];
    let v_37 : f32 = v_1[0i];
    if (narrow != 0i) {
      let v_38 : i32 = ((v_4 * 2i) + 1i);
      v_2[0i] = 0.000000e+00f;
      v_3[0i] = 0.000000e+00f;
      let v_39 : i32 = v_38;
      if (integer_scales != 0i) {
        let v_40 : i32 = i32((u32(v_39) / u32(super_groups)));
        let v_41 : i32 = (v_39 - (v_40 * super_groups));
        let v_42 : i32 = (((v_5 * supers) + v_40) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
        let v_43 : i32 = (v_41 * ((minimum + 1i) * scale_bits));
        let v_44 : u32 = (w_scale_ptr[(((v_42 + minimum) + (v_43>>5u)) + 1i)]>>u32((v_43 & 31i)));
        v_2[0i] = (bitcast<f32>(w_scale_ptr[v_42]) * select(f32((v_44 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_44<<24u))>>24u)), (signed_scales != 0i)));
        if (minimum != 0i) {
          let v_45 : u32 = (v_44>>u32(scale_bits));
          v_3[0i] = (bitcast<f32>(w_scale_ptr[(v_42 + 1i)]) * select(f32((v_45 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_45<<24u))>>24u)), (signed_scales != 0i)));
        }
      } else {
        let v_46 : i32 = (((v_5 * groups) + v_39) * (minimum + 1i));
        if (float32_scales != 0i) {
          v_2[0i] = bitcast<f32>(w_scale_ptr[v_46]);
          if (minimum != 0i) {
            v_3[0i] = bitcast<f32>(w_scale_ptr[(v_46 + 1i)]);
          }
        } else {
          let v_47 : u32 = w_scale_ptr[(v_46>>1u)];
          v_2[0i] = select((unpack2x16float((v_47>>u32(((v_46 & 1i) * 16i)))))[0], bitcast<f32>(((v_47>>u32(((v_46 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
          if (minimum != 0i) {
            v_3[0i] = select((unpack2x16float(v_47))[1], bitcast<f32>((v_47 & 4294901760u)), (bfloat_scales != 0i));
          }
        }
      }
      if (minimum == 0i) {
        v_3[0i] = (v_2[0i] * (0.000000e+00f - f32(zero)));
      }
      v[0i] = v_2[0i];
      v_1[0i] = v_3[0i];
    }
    let v_48 : f32 = v[0i];
    let v_49 : f32 = v_1[0i];
    if ((v_4 * 8i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + (v_4 * 8i))] = (fma(v_12, vec4<f32>(v_36, v_36, v_36, v_36), vec4<f32>(v_37, v_37, v_37, v_37)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 1i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 1i))] = (fma(v_14, vec4<f32>(v_36, v_36, v_36, v_36), vec4<f32>(v_37, v_37, v_37, v_37)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 2i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 2i))] = (fma(v_16, vec4<f32>(v_36, v_36, v_36, v_36), vec4<f32>(v_37, v_37, v_37, v_37)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 3i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 3i))] = (fma(v_18, vec4<f32>(v_36, v_36, v_36, v_36), vec4<f32>(v_37, v_37, v_37, v_37)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 4i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 4i))] = (fma(v_20, vec4<f32>(v_48, v_48, v_48, v_48), vec4<f32>(v_49, v_49, v_49, v_49)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 5i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 5i))] = (fma(v_22, vec4<f32>(v_48, v_48, v_48, v_48), vec4<f32>(v_49, v_49, v_49, v_49)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 6i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 6i))] = (fma(v_24, vec4<f32>(v_48, v_48, v_48, v_48), vec4<f32>(v_49, v_49, v_49, v_49)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 7i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 7i))] = (fma(v_26, vec4<f32>(v_48, v_48, v_48, v_48), vec4<f32>(v_49, v_49, v_49, v_49)) * vec4<f32>(scale, scale, scale, scale));
    }
  }
}
