// embed_q4_codebook
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
override iq4_nl: i32;
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
fn embed_q4_codebook_kernel(
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
    let v_16 : u32 = (((v_4)[0]>>0u) & 15u);
    let v_17 : u32 = (((v_4)[0]>>8u) & 15u);
    let v_18 : u32 = (((v_4)[0]>>16u) & 15u);
    let v_19 : u32 = (((v_4)[0]>>24u) & 15u);
    let v_20 : vec4<f32> = vec4<f32>(f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_16 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_16 & 4u) != 0u)), ((v_16 & 8u) != 0u))<<(24u - ((v_16 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_17 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_17 & 4u) != 0u)), ((v_17 & 8u) != 0u))<<(24u - ((v_17 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_18 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_18 & 4u) != 0u)), ((v_18 & 8u) != 0u))<<(24u - ((v_18 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_19 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_19 & 4u) != 0u)), ((v_19 & 8u) != 0u))<<(24u - ((v_19 & 3u) * 8u))))>>24u)));
    let v_21 : u32 = (((v_4)[0]>>4u) & 15u);
    let v_22 : u32 = (((v_4)[0]>>12u) & 15u);
    let v_23 : u32 = (((v_4)[0]>>20u) & 15u);
    let v_24 : u32 = (((v_4)[0]>>28u) & 15u);
    let v_25 : vec4<f32> = vec4<f32>(f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_21 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_21 & 4u) != 0u)), ((v_21 & 8u) != 0u))<<(24u - ((v_21 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_22 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_22 & 4u) != 0u)), ((v_22 & 8u) != 0u))<<(24u - ((v_22 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_23 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_23 & 4u) != 0u)), ((v_23 & 8u) != 0u))<<(24u - ((v_23 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_24 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_24 & 4u) != 0u)), ((v_24 & 8u) != 0u))<<(24u - ((v_24 & 3u) * 8u))))>>24u)));
    let v_26 : u32 = (((v_4)[1]>>0u) & 15u);
    let v_27 : u32 = (((v_4)[1]>>8u) & 15u);
    let v_28 : u32 = (((v_4)[1]>>16u) & 15u);
    let v_29 : u32 = (((v_4)[1]>>24u) & 15u);
    let v_30 : vec4<f32> = vec4<f32>(f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_26 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_26 & 4u) != 0u)), ((v_26 & 8u) != 0u))<<(24u - ((v_26 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_27 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_27 & 4u) != 0u)), ((v_27 & 8u) != 0u))<<(24u - ((v_27 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_28 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_28 & 4u) != 0u)), ((v_28 & 8u) != 0u))<<(24u - ((v_28 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_29 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_29 & 4u) != 0u)), ((v_29 & 8u) != 0u))<<(24u - ((v_29 & 3u) * 8u))))>>24u)));
    let v_31 : u32 = (((v_4)[1]>>4u) & 15u);
    let v_32 : u32 = (((v_4)[1]>>12u) & 15u);
    let v_33 : u32 = (((v_4)[1]>>20u) & 15u);
    let v_34 : u32 = (((v_4)[1]>>28u) & 15u);
    let v_35 : vec4<f32> = vec4<f32>(f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_31 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_31 & 4u) != 0u)), ((v_31 & 8u) != 0u))<<(24u - ((v_31 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_32 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_32 & 4u) != 0u)), ((v_32 & 8u) != 0u))<<(24u - ((v_32 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_33 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_33 & 4u) != 0u)), ((v_33 & 8u) != 0u))<<(24u - ((v_33 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_34 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_34 & 4u) != 0u)), ((v_34 & 8u) != 0u))<<(24u - ((v_34 & 3u) * 8u))))>>24u)));
    let v_36 : u32 = (((v_4)[2]>>0u) & 15u);
    let v_37 : u32 = (((v_4)[2]>>8u) & 15u);
    let v_38 : u32 = (((v_4)[2]>>16u) & 15u);
    let v_39 : u32 = (((v_4)[2]>>24u) & 15u);
    let v_40 : vec4<f32> = vec4<f32>(f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_36 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_36 & 4u) != 0u)), ((v_36 & 8u) != 0u))<<(24u - ((v_36 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_37 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_37 & 4u) != 0u)), ((v_37 & 8u) != 0u))<<(24u - ((v_37 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_38 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_38 & 4u) != 0u)), ((v_38 & 8u) != 0u))<<(24u - ((v_38 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_39 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_39 & 4u) != 0u)), ((v_39 & 8u) != 0u))<<(24u - ((v_39 & 3u) * 8u))))>>24u)));
    let v_41 : u32 = (((v_4)[2]>>4u) & 15u);
    let v_42 : u32 = (((v_4)[2]>>12u) & 15u);
    let v_43 : u32 = (((v_4)[2]>>20u) & 15u);
    let v_44 : u32 = (((v_4)[2]>>28u) & 15u);
    let v_45 : vec4<f32> = vec4<f32>(f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_41 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_41 & 4u) != 0u)), ((v_41 & 8u) != 0u))<<(24u - ((v_41 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_42 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_42 & 4u) != 0u)), ((v_42 & 8u) != 0u))<<(24u - ((v_42 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_43 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_43 & 4u) != 0u)), ((v_43 & 8u) != 0u))<<(24u - ((v_43 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_44 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_44 & 4u) != 0u)), ((v_44 & 8u) != 0u))<<(24u - ((v_44 & 3u) * 8u))))>>24u)));
    let v_46 : u32 = (((v_4)[3]>>0u) & 15u);
    let v_47 : u32 = (((v_4)[3]>>8u) & 15u);
    let v_48 : u32 = (((v_4)[3]>>16u) & 15u);
    let v_49 : u32 = (((v_4)[3]>>24u) & 15u);
    let v_50 : vec4<f32> = vec4<f32>(f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_46 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_46 & 4u) != 0u)), ((v_46 & 8u) != 0u))<<(24u - ((v_46 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_47 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_47 & 4u) != 0u)), ((v_47 & 8u) != 0u))<<(24u - ((v_47 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_48 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_48 & 4u) != 0u)), ((v_48 & 8u) != 0u))<<(24u - ((v_48 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_49 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_49 & 4u) != 0u)), ((v_49 & 8u) != 0u))<<(24u - ((v_49 & 3u) * 8u))))>>24u)));
    let v_51 : u32 = (((v_4)[3]>>4u) & 15u);
    let v_52 : u32 = (((v_4)[3]>>12u) & 15u);
    let v_53 : u32 = (((v_4)[3]>>20u) & 15u);
    let v_54 : u32 = (((v_4)[3]>>28u) & 15u);
    let v_55 : vec4<f32> = vec4<f32>(f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_51 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_51 & 4u) != 0u)), ((v_51 & 8u) != 0u))<<(24u - ((v_51 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_52 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_52 & 4u) != 0u)), ((v_52 & 8u) != 0u))<<(24u - ((v_52 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_53 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_53 & 4u) != 0u)), ((v_53 & 8u) != 0u))<<(24u - ((v_53 & 3u) * 8u))))>>24u)), f32((bitcast<i32>((select(select(select(50462976u, 3215825025u, (iq4_nl != 0i)), select(201852420u, 4142587343u, (iq4_nl != 0i)), ((v_54 & 4u) != 0u)), select(select(4261347072u, 639175937u, (iq4_nl != 0i)), select(4109957884u, 1901675829u, (iq4_nl != 0i)), ((v_54 & 4u) != 0u)), ((v_54 & 8u) != 0u))<<(24u - ((v_54 & 3u) * 8u))))>>24u)));
    if ((v_2 * 8i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + (v_2 * 8i))] = (fma(vec4<f32>((v_20)[0], (v_25)[0], (v_20)[1], (v_25)[1]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 1i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 1i))] = (fma(vec4<f32>((v_20)[2], (v_25)[2], (v_20)[3], (v_25)[3]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 2i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 2i))] = (fma(vec4<f32>((v_30)[0], (v_35)[0], (v_30)[1], (v_35)[1]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 3i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 3i))] = (fma(vec4<f32>((v_30)[2], (v_35)[2], (v_30)[3], (v_35)[3]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 4i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 4i))] = (fma(vec4<f32>((v_40)[0], (v_45)[0], (v_40)[1], (v_45)[1]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 5i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 5i))] = (fma(vec4<f32>((v_40)[2], (v_45)[2], (v_40)[3], (v_45)[3]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 6i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 6i))] = (fma(vec4<f32>((v_50)[0], (v_55)[0], (v_50)[1], (v_55)[1]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
    if (((v_2 * 8i) + 7i) < quads) {
      out_ptr[((i32(blockIdx.y) * quads) + ((v_2 * 8i) + 7i))] = (fma(vec4<f32>((v_50)[2], (v_55)[2], (v_50)[3], (v_55)[3]), vec4<f32>(v_14, v_14, v_14, v_14), vec4<f32>(v_15, v_15, v_15, v_15)) * vec4<f32>(scale, scale, scale, scale));
    }
  }
}
