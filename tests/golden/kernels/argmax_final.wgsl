// argmax_final
@group(0) @binding(0) var<storage, read> best_index_ptr : array<i32>;
@group(0) @binding(1) var<storage, read> best_key_ptr : array<u32>;
@group(0) @binding(2) var<storage, read_write> state_ptr : array<i32>;
@group(0) @binding(3) var<storage, read_write> tokens_ptr : array<i32>;

override vocab_size: i32;

var<workgroup> v_2 : array<u32, 256>;
var<workgroup> v_3 : array<i32, 256>;
@compute @workgroup_size(256, 1, 1)
fn argmax_final_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<u32, 1>;
  var v_1 : array<i32, 1>;
  v[0i] = 0u;
  v_1[0i] = vocab_size;
  let v_4 : i32 = i32(threadIdx.x);
  let v_5 : u32 = best_key_ptr[v_4];
  let v_6 : i32 = best_index_ptr[v_4];
  if ((v_5 > v[0i]) || ((v_5 == v[0i]) && (v_6 < v_1[0i]))) {
    v[0i] = v_5;
    v_1[0i] = v_6;
  }
  let v_7 : i32 = (256i + i32(threadIdx.x));
  let v_8 : u32 = best_key_ptr[v_7];
  let v_9 : i32 = best_index_ptr[v_7];
  if ((v_8 > v[0i]) || ((v_8 == v[0i]) && (v_9 < v_1[0i]))) {
    v[0i] = v_8;
    v_1[0i] = v_9;
  }
  let v_10 : i32 = (512i + i32(threadIdx.x));
  let v_11 : u32 = best_key_ptr[v_10];
  let v_12 : i32 = best_index_ptr[v_10];
  if ((v_11 > v[0i]) || ((v_11 == v[0i]) && (v_12 < v_1[0i]))) {
    v[0i] = v_11;
    v_1[0i] = v_12;
  }
  let v_13 : i32 = (768i + i32(threadIdx.x));
  let v_14 : u32 = best_key_ptr[v_13];
  let v_15 : i32 = best_index_ptr[v_13];
  if ((v_14 > v[0i]) || ((v_14 == v[0i]) && (v_15 < v_1[0i]))) {
    v[0i] = v_14;
    v_1[0i] = v_15;
  }
  v_2[i32(threadIdx.x)] = v[0i];
  v_3[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  if (i32(threadIdx.x) == 0i) {
    for (var v_16 : i32 = 0i; v_16 < 256i; v_16++) {
      let v_17 : u32 = v_2[v_16];
      let v_18 : i32 = v_3[v_16];
      if ((v_17 > v[0i]) || ((v_17 == v[0i]) && (v_18 < v_1[0i]))) {
        v[0i] = v_17;
        v_1[0i] = v_18;
      }
    }
    let v_19 : i32 = select(-1i, v_1[0i], ((v[0i] > 0u) && (v[0i] < 4278190080u)));
    tokens_ptr[(state_ptr[2i] & 63i)] = v_19;
    if (v_19 >= 0i) {
      state_ptr[0i] = v_19;
    }
    state_ptr[1i] = (state_ptr[1i] + 1i);
    state_ptr[2i] = (state_ptr[2i] + 1i);
  }
}
