// draw
@group(0) @binding(0) var<storage, read> sampling_ptr : array<f32>;
@group(0) @binding(1) var<storage, read_write> state_ptr : array<i32>;
@group(0) @binding(2) var<storage, read_write> token_counts_ptr : array<i32>;
@group(0) @binding(3) var<storage, read_write> tokens_ptr : array<i32>;
@group(0) @binding(4) var<storage, read_write> weights_ptr : array<f32>;

override per_thread: i32;
override vocab_size: i32;

var<workgroup> v_2 : array<u32, 256>;
var<workgroup> v_4 : array<f32, 256>;
@compute @workgroup_size(256, 1, 1)
fn draw_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<u32, 1>;
  var v_1 : array<u32, 1>;
  var v_3 : array<f32, 1>;
  var v_5 : array<f32, 1>;
  var v_6 : array<u32, 1>;
  var v_7 : array<u32, 1>;
  var v_8 : array<u32, 1>;
  var v_9 : array<u32, 1>;
  var v_10 : array<f32, 1>;
  var v_11 : array<i32, 1>;
  var v_12 : array<f32, 1>;
  var v_13 : array<i32, 1>;
  v[0i] = 0u;
  v_1[0i] = 0u;
  for (var v_14 : i32 = 0i; v_14 < per_thread; v_14++) {
    let v_15 : i32 = ((v_14 * 256i) + i32(threadIdx.x));
    if (v_15 < vocab_size) {
      let v_16 : u32 = bitcast<u32>(weights_ptr[v_15]);
      let v_17 : u32 = (v_16 & 2147483647u);
      let v_18 : u32 = select((2139095040u - v_17), (2139095040u + v_17), (v_16 == v_17));
      v_1[0i] = max(v_1[0i], v_18);
    }
  }
  v_2[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  for (var v_19 : i32 = 0i; v_19 < 256i; v_19++) {
    v_1[0i] = max(v_1[0i], v_2[v_19]);
  }
  let v_20 : bool = ((v_1[0i] > 0u) && (v_1[0i] < 4278190080u));
  let v_21 : f32 = bitcast<f32>(select(((2139095040u - v_1[0i]) | 2147483648u), (v_1[0i] - 2139095040u), (v_1[0i] >= 2139095040u)));
  for (var v_22 : i32 = 0i; v_22 < per_thread; v_22++) {
    let v_23 : i32 = ((v_22 * 256i) + i32(threadIdx.x));
    if (v_23 < vocab_size) {
      let v_24 : f32 = (weights_ptr[v_23] - v_21);
      let v_25 : u32 = bitcast<u32>(weights_ptr[v_23]);
      let v_26 : u32 = (v_25 & 2147483647u);
      let v_27 : u32 = select((2139095040u - v_26), (2139095040u + v_26), (v_25 == v_26));
      weights_ptr[v_23] = select(0.000000e+00f, exp(max(v_24, -8.700000e+01f)), ((v_27 > 0u) && (v_24 > -8.700000e+01f)));
    }
  }
  storageBarrier();
  workgroupBarrier();
  if ((sampling_ptr[1i] > 0.000000e+00f) && (sampling_ptr[1i] < f32(vocab_size))) {
    v_6[0i] = v[0i];
    v_7[0i] = 1065353217u;
    for (var v_28 : i32 = 0i; v_28 < 31i; v_28++) {
      let v_29 : u32 = (v_6[0i] + ((v_7[0i] - v_6[0i])>>1u));
      v_3[0i] = 0.000000e+00f;
      for (var v_30 : i32 = 0i; v_30 < per_thread; v_30++) {
        let v_31 : i32 = ((v_30 * 256i) + i32(threadIdx.x));
        if (v_31 < vocab_size) {
          let v_32 : f32 = weights_ptr[v_31];
          if (bitcast<u32>(v_32) >= v_29) {
            v_3[0i] = (v_3[0i] + 1.000000e+00f);
          }
        }
      }
      v_4[i32(threadIdx.x)] = v_3[0i];
      workgroupBarrier();
      v_5[0i] = 0.000000e+00f;
      for (var v_33 : i32 = 0i; v_33 < 256i; v_33++) {
        v_5[0i] = (v_5[0i] + v_4[v_33]);
      }
      workgroupBarrier();
      if (v_5[0i] >= sampling_ptr[1i]) {
        v_6[0i] = v_29;
      } else {
        v_7[0i] = v_29;
      }
    }
    v[0i] = v_6[0i];
  }
  if (sampling_ptr[2i] < 1.000000e+00f) {
    v_3[0i] = 0.000000e+00f;
    for (var v_34 : i32 = 0i; v_34 < per_thread; v_34++) {
      let v_35 : i32 = ((v_34 * 256i) + i32(threadIdx.x));
      if (v_35 < vocab_size) {
        let v_36 : f32 = weights_ptr[v_35];
        if (bitcast<u32>(v_36) >= v[0i]) {
          v_3[0i] = (v_3[0i] + v_36);
        }
      }
    }
    v_4[i32(threadIdx.x)] = v_3[0i];
    workgroupBarrier();
    v_5[0i] = 0.000000e+00f;
    for (var v_37 : i32 = 0i; v_37 < 256i; v_37++) {
      v_5[0i] = (v_5[0i] + v_4[v_37]);
    }
    workgroupBarrier();
    let v_38 : f32 = (v_5[0i] * sampling_ptr[2i]);
    v_8[0i] = v[0i];
    v_9[0i] = 1065353217u;
    for (var v_39 : i32 = 0i; v_39 < 31i; v_39++) {
      let v_40 : u32 = (v_8[0i] + ((v_9[0i] - v_8[0i])>>1u));
      v_3[0i] = 0.000000e+00f;
      for (var v_41 : i32 = 0i; v_41 < per_thread; v_41++) {
        let v_42 : i32 = ((v_41 * 256i) + i32(threadIdx.x));
        if (v_42 < vocab_size) {
          let v_43 : f32 = weights_ptr[v_42];
          if (bitcast<u32>(v_43) >= v_40) {
            v_3[0i] = (v_3[0i] + v_43);
          }
        }
      }
      v_4[i32(threadIdx.x)] = v_3[0i];
      workgroupBarrier();
      v_5[0i] = 0.000000e+00f;
      for (var v_44 : i32 = 0i; v_44 < 256i; v_44++) {
        v_5[0i] = (v_5[0i] + v_4[v_44]);
      }
      workgroupBarrier();
      if (v_5[0i] >= v_38) {
        v_8[0i] = v_40;
      } else {
        v_9[0i] = v_40;
      }
    }
    v[0i] = v_8[0i];
  }
  v[0i] = max(v[0i], bitcast<u32>(sampling_ptr[3i]));
  v_3[0i] = 0.000000e+00f;
  let v_45 : u32 = v[0i];
  let v_46 : i32 = (i32(threadIdx.x) * per_thread);
  let v_47 : i32 = min((v_46 + per_thread), vocab_size);
  for (var v_48 : i32 = 0i; v_48 < per_thread; v_48++) {
    let v_49 : i32 = (v_46 + v_48);
    if (v_49 < v_47) {
      let v_50 : f32 = weights_ptr[v_49];
      if (bitcast<u32>(v_50) >= v_45) {
        v_3[0i] = (v_3[0i] + v_50);
      }
    }
  }
  v_4[i32(threadIdx.x)] = v_3[0i];
  workgroupBarrier();
  v_5[0i] = 0.000000e+00f;
  for (var v_51 : i32 = 0i; v_51 < 256i; v_51++) {
    v_5[0i] = (v_5[0i] + v_4[v_51]);
  }
  workgroupBarrier();
  if (i32(threadIdx.x) == 0i) {
    let v_52 : u32 = ((bitcast<u32>(state_ptr[3i]) * 747796405u) + 2891336453u);
    let v_53 : u32 = (((v_52>>((v_52>>28u) + 4u)) ^ v_52) * 277803737u);
    let v_54 : u32 = ((v_53>>22u) ^ v_53);
    let v_55 : u32 = (((v_54 ^ bitcast<u32>(state_ptr[2i])) * 747796405u) + 2891336453u);
    let v_56 : u32 = (((v_55>>((v_55>>28u) + 4u)) ^ v_55) * 277803737u);
    let v_57 : u32 = ((v_56>>22u) ^ v_56);
    let v_58 : f32 = ((f32((v_57>>8u)) * bitcast<f32>(864026624u)) * v_5[0i]);
    v_10[0i] = 0.000000e+00f;
    v_11[0i] = 0i;
    v_12[0i] = 0.000000e+00f;
    for (var v_59 : i32 = 0i; v_59 < 256i; v_59++) {
      if ((v_4[v_59] > 0.000000e+00f) && (v_10[0i] <= v_58)) {
        v_11[0i] = v_59;
        v_12[0i] = v_10[0i];
      }
      v_10[0i] = (v_10[0i] + v_4[v_59]);
    }
    v_13[0i] = 0i;
    v_10[0i] = v_12[0i];
    for (var v_60 : i32 = 0i; v_60 < per_thread; v_60++) {
      let v_61 : i32 = ((v_11[0i] * per_thread) + v_60);
      if (v_61 < vocab_size) {
        let v_62 : f32 = weights_ptr[v_61];
        if (((bitcast<u32>(v_62) >= v_45) && (v_62 > 0.000000e+00f)) && (v_10[0i] <= v_58)) {
          v_13[0i] = v_61;
          v_10[0i] = (v_10[0i] + v_62);
        }
      }
    }
    let v_63 : i32 = v_13[0i];
    if (v_20) {
      token_counts_ptr[v_63] = (token_counts_ptr[v_63] + 1i);
    }
    let v_64 : i32 = select(-1i, v_63, v_20);
    tokens_ptr[(state_ptr[2i] & 63i)] = v_64;
    if (v_64 >= 0i) {
      state_ptr[0i] = v_64;
    }
    state_ptr[1i] = (state_ptr[1i] + 1i);
    state_ptr[2i] = (state_ptr[2i] + 1i);
  }
}
