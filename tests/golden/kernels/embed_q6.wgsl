// embed_q6
@group(0) @binding(0) var<storage, read_write> out_ptr : array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> token_ids_ptr : array<i32>;
@group(0) @binding(2) var<storage, read> w_ptr : array<vec2<u32>>;
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
fn embed_q6_kernel(
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
    let v_6 : vec2<u32> = w_ptr[((v_4 * 3i) + ((v_5 * chunks) * 3i))];
    let v_7 : vec2<u32> = w_ptr[(((v_4 * 3i) + ((v_5 * chunks) * 3i)) + 1i)];
    let v_8 : vec2<u32> = w_ptr[(((v_4 * 3i) + ((v_5 * chunks) * 3i)) + 2i)];
    v[0i] = 0.000000e+00f;
    v_1[0i] = 0.000000e+00f;
    let v_9 : i32 = i32((u32((v_4 * 2i)) / u32(group_halves)));
    if (integer_scales != 0i) {
      let v_10 : i32 = i32((u32(v_9) / u32(super_groups)));
      let v_11 : i32 = (v_9 - (v_10 * super_groups));
      let v_12 : i32 = (((v_5 * supers) + v_10) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
      let v_13 : i32 = (v_11 * ((minimum + 1i) * scale_bits));
      let v_14 : u32 = (w_scale_ptr[(((v_12 + minimum) + (v_13>>5u)) + 1i)]>>u32((v_13 & 31i)));
      v[0i] = (bitcast<f32>(w_scale_ptr[v_12]) * select(f32((v_14 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_14<<24u))>>24u)), (signed_scales != 0i)));
      if (minimum != 0i) {
        let v_15 : u32 = (v_14>>u32(scale_bits));
        v_1[0i] = (bitcast<f32>(w_scale_ptr[(v_12 + 1i)]) * select(f32((v_15 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_15<<24u))>>24u)), (signed_scales != 0i)));
      }
    } else {
      let v_16 : i32 = (((v_5 * groups) + v_9) * (minimum + 1i));
      if (float32_scales != 0i) {
        v[0i] = bitcast<f32>(w_scale_ptr[v_16]);
        if (minimum != 0i) {
          v_1[0i] = bitcast<f32>(w_scale_ptr[(v_16 + 1i)]);
        }
      } else {
        let v_17 : u32 = w_scale_ptr[(v_16>>1u)];
        v[0i] = select((unpack2x16float((v_17>>u32(((v_16 & 1i) * 16i)))))[0], bitcast<f32>(((v_17>>u32(((v_16 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
        if (minimum != 0i) {
          v_1[0i] = select((unpack2x16float(v_17))[1], bitcast<f32>((v_17 & 4294901760u)), (bfloat_scales != 0i));
        }
      }
    }
    if (minimum == 0i) {
      v_1[0i] = (v[0i] * (0.000000e+00f - f32(zero)));
    }
    let v_18 : f32 = v[0i];
    let v_19 : f32 = v_1[0i];
    if (narrow != 0i) {
      let v_20 : i32 = ((v_4 * 2i) + 1i);
      v_2[0i] = 0.000000e+00f;
      v_3[0i] = 0.000000e+00f;
      let v_21 : i32 = v_20;
      if (integer_scales != 0i) {
        let v_22 : i32 = i32((u32(v_21) / u32(super_groups)));
        let v_23 : i32 = (v_21 - (v_22 * super_groups));
        let v_24 : i32 = (((v_5 * supers) + v_22) * ((minimum + 1i) + i32((u32((super_groups * ((minimum + 1i) * scale_bits))) / u32(32i)))));
        let v_25 : i32 = (v_23 * ((minimum + 1i) * scale_bits));
        let v_26 : u32 = (w_scale_ptr[(((v_24 + minimum) + (v_25>>5u)) + 1i)]>>u32((v_25 & 31i)));
        v_2[0i] = (bitcast<f32>(w_scale_ptr[v_24]) * select(f32((v_26 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_26<<24u))>>24u)), (signed_scales != 0i)));
        if (minimum != 0i) {
          let v_27 : u32 = (v_26>>u32(scale_bits));
          v_3[0i] = (bitcast<f32>(w_scale_ptr[(v_24 + 1i)]) * select(f32((v_27 & ((1u<<u32(scale_bits)) - 1u))), f32((bitcast<i32>((v_27<<24u))>>24u)), (signed_scales != 0i)));
        }
      } else {
        let v_28 : i32 = (((v_5 * groups) + v_21) * (minimum + 1i));
        if (float32_scales != 0i) {
          v_2[0i] = bitcast<f32>(w_scale_ptr[v_28]);
          if (minimum != 0i) {
            v_3[0i] = bitcast<f32>(w_scale_ptr[(v_28 + 1i)]);
          }
        } else {
          let v_29 : u32 = w_scale_ptr[(v_28>>1u)];
          v_2[0i] = select((unpack2x16float((v_29>>u32(((v_28 & 1i) * 16i)))))[0], bitcast<f32>(((v_29>>u32(((v_28 & 1i) * 16i)))<<16u)), (bfloat_scales != 0i));
          if (minimum != 0i) {
            v_3[0i] = select((unpack2x16float(v_29))[1], bitcast<f32>((v_29 & 4294901760u)), (bfloat_scales != 0i));
          }
        }
      }
      if (minimum == 0i) {
        v_3[0i] = (v_2[0i] * (0.000000e+00f - f32(zero)));
      }
      v[0i] = v_2[0i];
      v_1[0i] = v_3[0i];
    }
    let v_30 : f32 = v[0i];
    let v_31 : f32 = v_1[0i];
    let v_32 : u32 = ((v_6)[0] & 1061109567u);
    let v_33 : vec4<f32> = bytes(v_32);
    let v_34 : u32 = ((v_6)[1] & 1061109567u);
    let v_35 : vec4<f32> = bytes(v_34);
    let v_36 : u32 = ((v_7)[0] & 1061109567u);
    let v_37 : vec4<f32> = bytes(v_36);
    let v_38 : u32 = ((v_7)[1] & 1061109567u);
    let v_39 : vec4<f32> = bytes(v_38);
    let v_40 : u32 = ((v_8)[0] & 1061109567u);
    let v_41 : vec4<f32> = bytes(v_40);
    let v_42 : u32 = ((v_8)[1] & 1061109567u);
    let v_43 : vec4<f32> = bytes(v_42);
    let v_44 : u32 = (((((v_6)[0]>>6u) & 50529027u) | (((v_6)[1]>>4u) & 202116108u)) | (((v_7)[0]>>2u) & 808464432u));
    let v_45 : vec4<f32> = bytes(v_44);
    let v_46 : u32 = (((((v_7)[1]>>6u) & 50529027u) | (((v_8)[0]>>4u) & 202116108u)) | (((v_8)[1]>>2u) & 808464432u));
    let v_47 : vec4<f32> = bytes(v_46);
    if ((v_4 * 8i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + (v_4 * 8i))] = (fma(v_33, vec4<f32>(v_18, v_18, v_18, v_18), vec4<f32>(v_19, v_19, v_19, v_19)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 1i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 1i))] = (fma(v_35, vec4<f32>(v_18, v_18, v_18, v_18), vec4<f32>(v_19, v_19, v_19, v_19)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 2i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 2i))] = (fma(v_37, vec4<f32>(v_18, v_18, v_18, v_18), vec4<f32>(v_19, v_19, v_19, v_19)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 3i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 3i))] = (fma(v_39, vec4<f32>(v_18, v_18, v_18, v_18), vec4<f32>(v_19, v_19, v_19, v_19)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 4i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 4i))] = (fma(v_41, vec4<f32>(v_30, v_30, v_30, v_30), vec4<f32>(v_31, v_31, v_31, v_31)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 5i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 5i))] = (fma(v_43, vec4<f32>(v_30, v_30, v_30, v_30), vec4<f32>(v_31, v_31, v_31, v_31)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 6i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 6i))] = (fma(v_45, vec4<f32>(v_30, v_30, v_30, v_30), vec4<f32>(v_31, v_31, v_31, v_31)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_4 * 8i) + 7i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_4 * 8i) + 7i))] = (fma(v_47, vec4<f32>(v_30, v_30, v_30, v_30), vec4<f32>(v_31, v_31, v_31, v_31)) * vec4<f32>(scale, scale, scale, scale));
    }
  }
}
fn bytes(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}
