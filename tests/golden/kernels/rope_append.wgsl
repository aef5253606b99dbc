// rope_append
@group(0) @binding(0) var<storage, read> block_table_ptr : array<i32>;
@group(0) @binding(1) var<storage, read> inv_freq_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> k_pages_ptr : array<f32>;
@group(0) @binding(3) var<storage, read> long_inv_freq_ptr : array<f32>;
@group(0) @binding(4) var<storage, read_write> q_ptr : array<f32>;
@group(0) @binding(5) var<storage, read> qkv_ptr : array<f32>;
@group(0) @binding(6) var<storage, read> state_ptr : array<i32>;
@group(0) @binding(7) var<storage, read_write> v_pages_ptr : array<f32>;

override attention_scaling: f32;
override dimensions: i32;
override dynamic: i32;
override factor: f32;
override half_dim: i32;
override half_rotary: i32;
override head_dim: i32;
override heads: i32;
override kv_heads: i32;
override length_divisor: i32;
override long_from: i32;
override page_size: i32;
override pairs: i32;
override partial: i32;
override rotary_dim: i32;
override rotary_dim_less_2: i32;
override theta: f32;
override trained_length: i32;

@compute @workgroup_size(64, 1, 1)
fn rope_append_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  var v_1 : array<f32, 1>;
  var v_2 : array<f32, 1>;
  let v_3 : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  if (v_3 < pairs) {
    let v_4 : i32 = i32((u32(v_3) / u32(half_dim)));
    let v_5 : i32 = i32((u32(v_3) % u32(half_dim)));
    let v_6 : i32 = select(((rotary_dim + v_5) - half_rotary), v_5, select(bool(1), (v_5 < half_rotary), (partial != 0i)));
    let v_7 : i32 = (v_6 + select((half_dim - half_rotary), half_rotary, select(bool(1), (v_5 < half_rotary), (partial != 0i))));
    v[0i] = qkv_ptr[((i32(blockIdx.y) * (((kv_heads * 2i) + heads) * head_dim)) + ((v_4 * head_dim) + v_6))];
    v_1[0i] = qkv_ptr[((i32(blockIdx.y) * (((kv_heads * 2i) + heads) * head_dim)) + ((v_4 * head_dim) + v_7))];
    let v_8 : i32 = (state_ptr[1i] + i32(blockIdx.y));
    let v_9 : i32 = block_table_ptr[i32((u32(v_8) / u32(page_size)))];
    let v_10 : i32 = i32((u32(v_8) % u32(page_size)));
    if (v_4 < (heads + kv_heads)) {
      if (select(bool(1), (v_5 < half_rotary), (partial != 0i))) {
        v_2[0i] = inv_freq_ptr[v_5];
        if ((long_from > 0i) && (state_ptr[5i] > long_from)) {
          v_2[0i] = long_inv_freq_ptr[v_5];
        }
        if ((dynamic != 0i) && (v_8 >= trained_length)) {
          let v_11 : f32 = fma(log((((factor / f32(length_divisor)) * f32((v_8 + 1i))) - (factor - 1.000000e+00f))), (f32(dimensions) / f32(rotary_dim_less_2)), log(theta));
          v_2[0i] = exp(((f32(v_5) * (-2.000000e+00f / f32(dimensions))) * v_11));
        }
        let v_12 : f32 = v_2[0i];
        let v_13 : f32 = (f32(v_8) * v_12);
        let v_14 : f32 = floor(fma(v_13, bitcast<f32>(1059256707u), 5.000000e-01f));
        let v_15 : f32 = (v_13 - (v_14 * bitcast<f32>(1070137344u)));
        let v_16 : f32 = (v_15 - (v_14 * bitcast<f32>(972914688u)));
        let v_17 : f32 = (v_16 - (v_14 * 3.138557e-07f));
        let v_18 : f32 = (v_17 - (v_14 * bitcast<f32>(780509952u)));
        let v_19 : f32 = (v_18 * v_18);
        let v_20 : f32 = fma((v_18 * v_19), fma(fma(fma(bitcast<f32>(909700893u), v_19, -1.984127e-04f), v_19, 8.333334e-03f), v_19, bitcast<f32>(3190467243u)), v_18);
        let v_21 : f32 = fma((v_19 * v_19), fma(fma(fma(-2.755732e-07f, v_19, bitcast<f32>(936381697u)), v_19, bitcast<f32>(3132492641u)), v_19, bitcast<f32>(1026206379u)), (1.000000e+00f - (v_19 * 5.000000e-01f)));
        let v_22 : i32 = (i32(v_14) & 3i);
        let v_23 : bool = ((v_22 & 1i) == 1i);
        let v_24 : f32 = (select(v_21, v_20, v_23) * select(1.000000e+00f, -1.000000e+00f, ((v_22 == 1i) || (v_22 == 2i))));
        let v_25 : f32 = (select(v_20, v_21, v_23) * select(1.000000e+00f, -1.000000e+00f, (v_22 >= 2i)));
        let v_26 : f32 = (v_24 * attention_scaling);
        let v_27 : f32 = (v_25 * attention_scaling);
        let v_28 : f32 = v[0i];
        let v_29 : f32 = v_1[0i];
        v[0i] = ((v_28 * v_26) - (v_29 * v_27));
        v_1[0i] = fma(v_28, v_27, (v_29 * v_26));
      }
      if (v_4 < heads) {
        q_ptr[((i32(blockIdx.y) * (heads * head_dim)) + ((v_4 * head_dim) + v_6))] = v[0i];
        q_ptr[((i32(blockIdx.y) * (heads * head_dim)) + ((v_4 * head_dim) + v_7))] = v_1[0i];
      } else {
        k_pages_ptr[(((((((v_9 * kv_heads) + v_4) - heads) * page_size) + v_10) * head_dim) + v_6)] = v[0i];
        k_pages_ptr[(((((((v_9 * kv_heads) + v_4) - heads) * page_size) + v_10) * head_dim) + v_7)] = v_1[0i];
      }
    } else {
      v_pages_ptr[((((((((v_9 * kv_heads) + v_4) - heads) - kv_heads) * page_size) + v_10) * head_dim) + v_6)] = v[0i];
      v_pages_ptr[((((((((v_9 * kv_heads) + v_4) - heads) - kv_heads) * page_size) + v_10) * head_dim) + v_7)] = v_1[0i];
    }
  }
}
