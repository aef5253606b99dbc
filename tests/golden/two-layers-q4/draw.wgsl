// draw
@group(0) @binding(0) var<storage, read> sampling_ptr : array<f32>;
@group(0) @binding(1) var<storage, read_write> state_ptr : array<i32>;
@group(0) @binding(2) var<storage, read_write> token_counts_ptr : array<i32>;
@group(0) @binding(3) var<storage, read_write> tokens_ptr : array<i32>;
@group(0) @binding(4) var<storage, read_write> weights_ptr : array<f32>;

struct PODArgs {
  packGridDimX: u32
}
@group(0) @binding(5) var<uniform> podArgs : PODArgs;

var<workgroup> v_2 : array<f32, 256>;
@compute @workgroup_size(256, 1, 1)
fn draw_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(num_workgroups) gridDim : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }
  let v__1 : i32 = i32(blockIdx.z * gridDim.x + blockIdx.x);
  var v : array<u32, 1>;
  var v_1 : array<f32, 1>;
  var v_3 : array<f32, 1>;
  var v_4 : array<u32, 1>;
  var v_5 : array<u32, 1>;
  var v_6 : array<u32, 1>;
  var v_7 : array<u32, 1>;
  var v_8 : array<f32, 1>;
  var v_9 : array<i32, 1>;
  var v_10 : array<f32, 1>;
  var v_11 : array<i32, 1>;
  v[0i] = 0u;
  v_1[0i] = bitcast<f32>(4286578687u);
  for (var v_12 : i32 = 0i; v_12 < 2i; v_12++) {
    let v_13 : i32 = ((v_12 * 256i) + i32(threadIdx.x));
    if (v_13 < 512i) {
      v_1[0i] = max(v_1[0i], weights_ptr[v_13]);
    }
  }
  v_2[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  v_3[0i] = bitcast<f32>(4286578687u);
  for (var v_14 : i32 = 0i; v_14 < 256i; v_14++) {
    v_3[0i] = max(v_3[0i], v_2[v_14]);
  }
  workgroupBarrier();
  let v_15 : f32 = v_3[0i];
  for (var v_16 : i32 = 0i; v_16 < 2i; v_16++) {
    let v_17 : i32 = ((v_16 * 256i) + i32(threadIdx.x));
    if (v_17 < 512i) {
      weights_ptr[v_17] = exp((weights_ptr[v_17] - v_15));
    }
  }
  storageBarrier();
  workgroupBarrier();
  if ((sampling_ptr[1i] > 0.000000e+00f) && (sampling_ptr[1i] < 5.120000e+02f)) {
    v_4[0i] = v[0i];
    v_5[0i] = 1065353217u;
    for (var v_18 : i32 = 0i; v_18 < 31i; v_18++) {
      let v_19 : u32 = (v_4[0i] + ((v_5[0i] - v_4[0i])>>1u));
      v_1[0i] = 0.000000e+00f;
      for (var v_20 : i32 = 0i; v_20 < 2i; v_20++) {
        let v_21 : i32 = ((v_20 * 256i) + i32(threadIdx.x));
        if (v_21 < 512i) {
          let v_22 : f32 = weights_ptr[v_21];
          if (bitcast<u32>(v_22) >= v_19) {
            v_1[0i] = (v_1[0i] + 1.000000e+00f);
          }
        }
      }
      v_2[i32(threadIdx.x)] = v_1[0i];
      workgroupBarrier();
      v_3[0i] = 0.000000e+00f;
      for (var v_23 : i32 = 0i; v_23 < 256i; v_23++) {
        v_3[0i] = (v_3[0i] + v_2[v_23]);
      }
      workgroupBarrier();
      if (v_3[0i] >= sampling_ptr[1i]) {
        v_4[0i] = v_19;
      } else {
        v_5[0i] = v_19;
      }
    }
    v[0i] = v_4[0i];
  }
  if (sampling_ptr[2i] < 1.000000e+00f) {
    v_1[0i] = 0.000000e+00f;
    for (var v_24 : i32 = 0i; v_24 < 2i; v_24++) {
      let v_25 : i32 = ((v_24 * 256i) + i32(threadIdx.x));
      if (v_25 < 512i) {
        let v_26 : f32 = weights_ptr[v_25];
        if (bitcast<u32>(v_26) >= v[0i]) {
          v_1[0i] = (v_1[0i] + v_26);
        }
      }
    }
    v_2[i32(threadIdx.x)] = v_1[0i];
    workgroupBarrier();
    v_3[0i] = 0.000000e+00f;
    for (var v_27 : i32 = 0i; v_27 < 256i; v_27++) {
      v_3[0i] = (v_3[0i] + v_2[v_27]);
    }
    workgroupBarrier();
    let v_28 : f32 = (v_3[0i] * sampling_ptr[2i]);
    v_6[0i] = v[0i];
    v_7[0i] = 1065353217u;
    for (var v_29 : i32 = 0i; v_29 < 31i; v_29++) {
      let v_30 : u32 = (v_6[0i] + ((v_7[0i] - v_6[0i])>>1u));
      v_1[0i] = 0.000000e+00f;
      for (var v_31 : i32 = 0i; v_31 < 2i; v_31++) {
        let v_32 : i32 = ((v_31 * 256i) + i32(threadIdx.x));
        if (v_32 < 512i) {
          let v_33 : f32 = weights_ptr[v_32];
          if (bitcast<u32>(v_33) >= v_30) {
            v_1[0i] = (v_1[0i] + v_33);
          }
        }
      }
      v_2[i32(threadIdx.x)] = v_1[0i];
      workgroupBarrier();
      v_3[0i] = 0.000000e+00f;
      for (var v_34 : i32 = 0i; v_34 < 256i; v_34++) {
        v_3[0i] = (v_3[0i] + v_2[v_34]);
      }
      workgroupBarrier();
      if (v_3[0i] >= v_28) {
        v_6[0i] = v_30;
      } else {
        v_7[0i] = v_30;
      }
    }
    v[0i] = v_6[0i];
  }
  v[0i] = max(v[0i], bitcast<u32>(sampling_ptr[3i]));
  v_1[0i] = 0.000000e+00f;
  let v_35 : u32 = v[0i];
  let v_36 : i32 = (i32(threadIdx.x) * 2i);
  let v_37 : i32 = min((v_36 + 2i), 512i);
  for (var v_38 : i32 = 0i; v_38 < 2i; v_38++) {
    let v_39 : i32 = (v_36 + v_38);
    if (v_39 < v_37) {
      let v_40 : f32 = weights_ptr[v_39];
      if (bitcast<u32>(v_40) >= v_35) {
        v_1[0i] = (v_1[0i] + v_40);
      }
    }
  }
  v_2[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  v_3[0i] = 0.000000e+00f;
  for (var v_41 : i32 = 0i; v_41 < 256i; v_41++) {
    v_3[0i] = (v_3[0i] + v_2[v_41]);
  }
  workgroupBarrier();
  if (i32(threadIdx.x) == 0i) {
    let v_42 : u32 = ((bitcast<u32>(state_ptr[3i]) * 747796405u) + 2891336453u);
    let v_43 : u32 = (((v_42>>((v_42>>28u) + 4u)) ^ v_42) * 277803737u);
    let v_44 : u32 = ((v_43>>22u) ^ v_43);
    let v_45 : u32 = (((v_44 ^ bitcast<u32>(state_ptr[2i])) * 747796405u) + 2891336453u);
    let v_46 : u32 = (((v_45>>((v_45>>28u) + 4u)) ^ v_45) * 277803737u);
    let v_47 : u32 = ((v_46>>22u) ^ v_46);
    let v_48 : f32 = ((f32((v_47>>8u)) * bitcast<f32>(864026624u)) * v_3[0i]);
    v_8[0i] = 0.000000e+00f;
    v_9[0i] = 0i;
    v_10[0i] = 0.000000e+00f;
    for (var v_49 : i32 = 0i; v_49 < 256i; v_49++) {
      if ((v_2[v_49] > 0.000000e+00f) && (v_8[0i] <= v_48)) {
        v_9[0i] = v_49;
        v_10[0i] = v_8[0i];
      }
      v_8[0i] = (v_8[0i] + v_2[v_49]);
    }
    v_11[0i] = 0i;
    v_8[0i] = v_10[0i];
    for (var v_50 : i32 = 0i; v_50 < 2i; v_50++) {
      let v_51 : i32 = ((v_9[0i] * 2i) + v_50);
      if (v_51 < 512i) {
        let v_52 : f32 = weights_ptr[v_51];
        if (((bitcast<u32>(v_52) >= v_35) && (v_52 > 0.000000e+00f)) && (v_8[0i] <= v_48)) {
          v_11[0i] = v_51;
          v_8[0i] = (v_8[0i] + v_52);
        }
      }
    }
    let v_53 : i32 = v_11[0i];
    token_counts_ptr[v_53] = (token_counts_ptr[v_53] + 1i);
    let v_54 : i32 = v_53;
    tokens_ptr[(state_ptr[2i] & 63i)] = v_54;
    state_ptr[0i] = v_54;
    state_ptr[1i] = (state_ptr[1i] + 1i);
    state_ptr[2i] = (state_ptr[2i] + 1i);
  }
}
