// rope_append
@group(0) @binding(0) var<storage, read> block_table_ptr : array<i32>;
@group(0) @binding(1) var<storage, read> inv_freq_ptr : array<f32>;
@group(0) @binding(2) var<storage, read_write> k_pages_ptr : array<f32>;
@group(0) @binding(3) var<storage, read_write> q_ptr : array<f32>;
@group(0) @binding(4) var<storage, read> qkv_ptr : array<f32>;
@group(0) @binding(5) var<storage, read> state_ptr : array<i32>;
@group(0) @binding(6) var<storage, read_write> v_pages_ptr : array<f32>;

override attention_scaling: f32;
override dynamic: i32;
override factor: f32;
override half_dim: i32;
override head_dim: i32;
override head_dim_less_2: i32;
override heads: i32;
override kv_heads: i32;
override length_divisor: i32;
override page_size: i32;
override pairs: i32;
override theta: f32;
override trained_length: i32;

@compute @workgroup_size(64, 1, 1)
fn rope_append_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<f32, 1>;
  let v_1 : i32 = ((v__1 * 64i) + i32(threadIdx.x));
  if (v_1 < pairs) {
    let v_2 : i32 = i32((u32(v_1) / u32(half_dim)));
    let v_3 : i32 = i32((u32(v_1) % u32(half_dim)));
    let v_4 : f32 = qkv_ptr[((i32(blockIdx.y) * (((kv_heads * 2i) + heads) * head_dim)) + ((v_2 * head_dim) + v_3))];
    let v_5 : f32 = qkv_ptr[((i32(blockIdx.y) * (((kv_heads * 2i) + heads) * head_dim)) + (((v_2 * head_dim) + v_3) + half_dim))];
    let v_6 : i32 = (state_ptr[1i] + i32(blockIdx.y));
    let v_7 : i32 = block_table_ptr[i32((u32(v_6) / u32(page_size)))];
    let v_8 : i32 = i32((u32(v_6) % u32(page_size)));
    if (v_2 < (heads + kv_heads)) {
      v[0i] = inv_freq_ptr[v_3];
      if ((dynamic != 0i) && (v_6 >= trained_length)) {
        let v_9 : f32 = fma(log((((factor / f32(length_divisor)) * f32((v_6 + 1i))) - (factor - 1.000000e+00f))), (f32(head_dim) / f32(head_dim_less_2)), log(theta));
        v[0i] = exp(((f32(v_3) * (-2.000000e+00f / f32(head_dim))) * v_9));
      }
      let v_10 : f32 = v[0i];
      let v_11 : f32 = (f32(v_6) * v_10);
      let v_12 : f32 = floor(fma(v_11, bitcast<f32>(1059256707u), 5.000000e-01f));
      let v_13 : f32 = (v_11 - (v_12 * bitcast<f32>(1070137344u)));
      let v_14 : f32 = (v_13 - (v_12 * bitcast<f32>(972914688u)));
      let v_15 : f32 = (v_14 - (v_12 * 3.138557e-07f));
      let v_16 : f32 = (v_15 - (v_12 * bitcast<f32>(780509952u)));
      let v_17 : f32 = (v_16 * v_16);
      let v_18 : f32 = fma((v_16 * v_17), fma(fma(fma(bitcast<f32>(909700893u), v_17, -1.984127e-04f), v_17, 8.333334e-03f), v_17, bitcast<f32>(3190467243u)), v_16);
      let v_19 : f32 = fma((v_17 * v_17), fma(fma(fma(-2.755732e-07f, v_17, bitcast<f32>(936381697u)), v_17, bitcast<f32>(3132492641u)), v_17, bitcast<f32>(1026206379u)), (1.000000e+00f - (v_17 * 5.000000e-01f)));
      let v_20 : i32 = (i32(v_12) & 3i);
      let v_21 : bool = ((v_20 & 1i) == 1i);
      let v_22 : f32 = (select(v_19, v_18, v_21) * select(1.000000e+00f, -1.000000e+00f, ((v_20 == 1i) || (v_20 == 2i))));
      let v_23 : f32 = (select(v_18, v_19, v_21) * select(1.000000e+00f, -1.000000e+00f, (v_20 >= 2i)));
      let v_24 : f32 = (v_22 * attention_scaling);
      let v_25 : f32 = (v_23 * attention_scaling);
      let v_26 : f32 = ((v_4 * v_24) - (v_5 * v_25));
      let v_27 : f32 = fma(v_4, v_25, (v_5 * v_24));
      if (v_2 < heads) {
        q_ptr[((i32(blockIdx.y) * (heads * head_dim)) + ((v_2 * head_dim) + v_3))] = v_26;
        q_ptr[((i32(blockIdx.y) * (heads * head_dim)) + (((v_2 * head_dim) + v_3) + half_dim))] = v_27;
      } else {
        k_pages_ptr[(((((((v_7 * kv_heads) + v_2) - heads) * page_size) + v_8) * head_dim) + v_3)] = v_26;
        k_pages_ptr[((((((((v_7 * kv_heads) + v_2) - heads) * page_size) + v_8) * head_dim) + v_3) + half_dim)] = v_27;
      }
    } else {
      v_pages_ptr[((((((((v_7 * kv_heads) + v_2) - heads) - kv_heads) * page_size) + v_8) * head_dim) + v_3)] = v_4;
      v_pages_ptr[(((((((((v_7 * kv_heads) + v_2) - heads) - kv_heads) * page_size) + v_8) * head_dim) + v_3) + half_dim)] = v_5;
    }
  }
}
