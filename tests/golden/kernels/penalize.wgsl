// penalize
@group(0) @binding(0) var<storage, read> logits_ptr : array<f32>;
@group(0) @binding(1) var<storage, read> sampling_ptr : array<f32>;
@group(0) @binding(2) var<storage, read> token_counts_ptr : array<i32>;
@group(0) @binding(3) var<storage, read_write> tops_ptr : array<u32>;
@group(0) @binding(4) var<storage, read_write> weights_ptr : array<f32>;

override vocab_size: i32;

var<workgroup> v_6 : array<u32, 256>;
var<workgroup> v_7 : array<i32, 256>;
@compute @workgroup_size(256, 1, 1)
fn penalize_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<u32, 1>;
  var v_1 : array<i32, 1>;
  var v_2 : array<f32, 1>;
  var v_3 : array<f32, 1>;
  var v_4 : array<f32, 1>;
  var v_5 : array<f32, 1>;
  v[0i] = 0u;
  v_1[0i] = 2147483647i;
  let v_8 : i32 = ((v__1 * 1024i) + i32(threadIdx.x));
  let v_9 : i32 = min(v_8, (vocab_size - 1i));
  let v_10 : i32 = min((v_8 + 256i), (vocab_size - 1i));
  let v_11 : i32 = min((v_8 + 512i), (vocab_size - 1i));
  let v_12 : i32 = min((v_8 + 768i), (vocab_size - 1i));
  let v_13 : f32 = logits_ptr[v_9];
  let v_14 : f32 = logits_ptr[v_10];
  let v_15 : f32 = logits_ptr[v_11];
  let v_16 : f32 = logits_ptr[v_12];
  let v_17 : i32 = token_counts_ptr[v_9];
  let v_18 : i32 = token_counts_ptr[v_10];
  let v_19 : i32 = token_counts_ptr[v_11];
  let v_20 : i32 = token_counts_ptr[v_12];
  v_2[0i] = v_13;
  if (v_17 > 0i) {
    v_2[0i] = ((select((v_13 * sampling_ptr[4i]), (v_13 / sampling_ptr[4i]), (v_13 > 0.000000e+00f)) - (sampling_ptr[6i] * f32(v_17))) - sampling_ptr[5i]);
  }
  let v_21 : u32 = bitcast<u32>(v_13);
  let v_22 : f32 = bitcast<f32>(select(bitcast<u32>((v_2[0i] / sampling_ptr[0i])), v_21, ((v_21 & 2139095040u) == 2139095040u)));
  weights_ptr[v_9] = v_22;
  let v_23 : u32 = bitcast<u32>(v_22);
  let v_24 : u32 = (v_23 & 2147483647u);
  let v_25 : u32 = select((2139095040u - v_24), (2139095040u + v_24), (v_23 == v_24));
  if ((v_25 > v[0i]) || ((v_25 == v[0i]) && (v_9 < v_1[0i]))) {
    v[0i] = v_25;
    v_1[0i] = v_9;
  }
  v_3[0i] = v_14;
  if (v_18 > 0i) {
    v_3[0i] = ((select((v_14 * sampling_ptr[4i]), (v_14 / sampling_ptr[4i]), (v_14 > 0.000000e+00f)) - (sampling_ptr[6i] * f32(v_18))) - sampling_ptr[5i]);
  }
  let v_26 : u32 = bitcast<u32>(v_14);
  let v_27 : f32 = bitcast<f32>(select(bitcast<u32>((v_3[0i] / sampling_ptr[0i])), v_26, ((v_26 & 2139095040u) == 2139095040u)));
  weights_ptr[v_10] = v_27;
  let v_28 : u32 = bitcast<u32>(v_27);
  let v_29 : u32 = (v_28 & 2147483647u);
  let v_30 : u32 = select((2139095040u - v_29), (2139095040u + v_29), (v_28 == v_29));
  if ((v_30 > v[0i]) || ((v_30 == v[0i]) && (v_10 < v_1[0i]))) {
    v[0i] = v_30;
    v_1[0i] = v_10;
  }
  v_4[0i] = v_15;
  if (v_19 > 0i) {
    v_4[0i] = ((select((v_15 * sampling_ptr[4i]), (v_15 / sampling_ptr[4i]), (v_15 > 0.000000e+00f)) - (sampling_ptr[6i] * f32(v_19))) - sampling_ptr[5i]);
  }
  let v_31 : u32 = bitcast<u32>(v_15);
  let v_32 : f32 = bitcast<f32>(select(bitcast<u32>((v_4[0i] / sampling_ptr[0i])), v_31, ((v_31 & 2139095040u) == 2139095040u)));
  weights_ptr[v_11] = v_32;
  let v_33 : u32 = bitcast<u32>(v_32);
  let v_34 : u32 = (v_33 & 2147483647u);
  let v_35 : u32 = select((2139095040u - v_34), (2139095040u + v_34), (v_33 == v_34));
  if ((v_35 > v[0i]) || ((v_35 == v[0i]) && (v_11 < v_1[0i]))) {
    v[0i] = v_35;
    v_1[0i] = v_11;
  }
  v_5[0i] = v_16;
  if (v_20 > 0i) {
    v_5[0i] = ((select((v_16 * sampling_ptr[4i]), (v_16 / sampling_ptr[4i]), (v_16 > 0.000000e+00f)) - (sampling_ptr[6i] * f32(v_20))) - sampling_ptr[5i]);
  }
  let v_36 : u32 = bitcast<u32>(v_16);
  let v_37 : f32 = bitcast<f32>(select(bitcast<u32>((v_5[0i] / sampling_ptr[0i])), v_36, ((v_36 & 2139095040u) == 2139095040u)));
  weights_ptr[v_12] = v_37;
  let v_38 : u32 = bitcast<u32>(v_37);
  let v_39 : u32 = (v_38 & 2147483647u);
  let v_40 : u32 = select((2139095040u - v_39), (2139095040u + v_39), (v_38 == v_39));
  if ((v_40 > v[0i]) || ((v_40 == v[0i]) && (v_12 < v_1[0i]))) {
    v[0i] = v_40;
    v_1[0i] = v_12;
  }
  v_6[i32(threadIdx.x)] = v[0i];
  v_7[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  if (i32(threadIdx.x) < 16i) {
    for (var v_41 : i32 = 0i; v_41 < 16i; v_41++) {
      let v_42 : i32 = (i32(threadIdx.x) + (v_41 * 16i));
      let v_43 : u32 = v_6[v_42];
      let v_44 : i32 = v_7[v_42];
      if ((v_43 > v[0i]) || ((v_43 == v[0i]) && (v_44 < v_1[0i]))) {
        v[0i] = v_43;
        v_1[0i] = v_44;
      }
    }
  }
  workgroupBarrier();
  v_6[i32(threadIdx.x)] = v[0i];
  v_7[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  if (i32(threadIdx.x) < 1i) {
    for (var v_45 : i32 = 0i; v_45 < 16i; v_45++) {
      let v_46 : i32 = (i32(threadIdx.x) + v_45);
      let v_47 : u32 = v_6[v_46];
      let v_48 : i32 = v_7[v_46];
      if ((v_47 > v[0i]) || ((v_47 == v[0i]) && (v_48 < v_1[0i]))) {
        v[0i] = v_47;
        v_1[0i] = v_48;
      }
    }
  }
  workgroupBarrier();
  if (i32(threadIdx.x) == 0i) {
    tops_ptr[v__1] = v[0i];
  }
}
