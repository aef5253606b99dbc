// argmax
@group(0) @binding(0) var<storage, read> logits_ptr : array<f32>;
@group(0) @binding(1) var<storage, read_write> state_ptr : array<i32>;
@group(0) @binding(2) var<storage, read_write> tokens_ptr : array<i32>;

override steps: i32;
override vocab_size: i32;

var<workgroup> v_2 : array<u32, 256>;
var<workgroup> v_3 : array<i32, 256>;
@compute @workgroup_size(256, 1, 1)
fn argmax_kernel(
  @builtin(workgroup_id) blockIdx : vec3<u32>,
  @builtin(local_invocation_id) threadIdx : vec3<u32>
) {
  let v__1 : i32 = i32(blockIdx.x);
  var v : array<u32, 1>;
  var v_1 : array<i32, 1>;
  v[0i] = 0u;
  v_1[0i] = 2147483647i;
  for (var v_4 : i32 = 0i; v_4 < steps; v_4++) {
    let v_5 : i32 = ((v_4 * 4096i) + i32(threadIdx.x));
    let v_6 : i32 = min(v_5, (vocab_size - 1i));
    let v_7 : i32 = min((v_5 + 256i), (vocab_size - 1i));
    let v_8 : i32 = min((v_5 + 512i), (vocab_size - 1i));
    let v_9 : i32 = min((v_5 + 768i), (vocab_size - 1i));
    let v_10 : i32 = min((v_5 + 1024i), (vocab_size - 1i));
    let v_11 : i32 = min((v_5 + 1280i), (vocab_size - 1i));
    let v_12 : i32 = min((v_5 + 1536i), (vocab_size - 1i));
    let v_13 : i32 = min((v_5 + 1792i), (vocab_size - 1i));
    let v_14 : i32 = min((v_5 + 2048i), (vocab_size - 1i));
    let v_15 : i32 = min((v_5 + 2304i), (vocab_size - 1i));
    let v_16 : i32 = min((v_5 + 2560i), (vocab_size - 1i));
    let v_17 : i32 = min((v_5 + 2816i), (vocab_size - 1i));
    let v_18 : i32 = min((v_5 + 3072i), (vocab_size - 1i));
    let v_19 : i32 = min((v_5 + 3328i), (vocab_size - 1i));
    let v_20 : i32 = min((v_5 + 3584i), (vocab_size - 1i));
    let v_21 : i32 = min((v_5 + 3840i), (vocab_size - 1i));
    let v_22 : f32 = logits_ptr[v_6];
    let v_23 : f32 = logits_ptr[v_7];
    let v_24 : f32 = logits_ptr[v_8];
    let v_25 : f32 = logits_ptr[v_9];
    let v_26 : f32 = logits_ptr[v_10];
    let v_27 : f32 = logits_ptr[v_11];
    let v_28 : f32 = logits_ptr[v_12];
    let v_29 : f32 = logits_ptr[v_13];
    let v_30 : f32 = logits_ptr[v_14];
    let v_31 : f32 = logits_ptr[v_15];
    let v_32 : f32 = logits_ptr[v_16];
    let v_33 : f32 = logits_ptr[v_17];
    let v_34 : f32 = logits_ptr[v_18];
    let v_35 : f32 = logits_ptr[v_19];
    let v_36 : f32 = logits_ptr[v_20];
    let v_37 : f32 = logits_ptr[v_21];
    let v_38 : u32 = bitcast<u32>(v_22);
    let v_39 : u32 = (v_38 & 2147483647u);
    let v_40 : u32 = select((2139095040u - v_39), (2139095040u + v_39), (v_38 == v_39));
    if ((v_40 > v[0i]) || ((v_40 == v[0i]) && (v_6 < v_1[0i]))) {
      v[0i] = v_40;
      v_1[0i] = v_6;
    }
    let v_41 : u32 = bitcast<u32>(v_23);
    let v_42 : u32 = (v_41 & 2147483647u);
    let v_43 : u32 = select((2139095040u - v_42), (2139095040u + v_42), (v_41 == v_42));
    if ((v_43 > v[0i]) || ((v_43 == v[0i]) && (v_7 < v_1[0i]))) {
      v[0i] = v_43;
      v_1[0i] = v_7;
    }
    let v_44 : u32 = bitcast<u32>(v_24);
    let v_45 : u32 = (v_44 & 2147483647u);
    let v_46 : u32 = select((2139095040u - v_45), (2139095040u + v_45), (v_44 == v_45));
    if ((v_46 > v[0i]) || ((v_46 == v[0i]) && (v_8 < v_1[0i]))) {
      v[0i] = v_46;
      v_1[0i] = v_8;
    }
    let v_47 : u32 = bitcast<u32>(v_25);
    let v_48 : u32 = (v_47 & 2147483647u);
    let v_49 : u32 = select((2139095040u - v_48), (2139095040u + v_48), (v_47 == v_48));
    if ((v_49 > v[0i]) || ((v_49 == v[0i]) && (v_9 < v_1[0i]))) {
      v[0i] = v_49;
      v_1[0i] = v_9;
    }
    let v_50 : u32 = bitcast<u32>(v_26);
    let v_51 : u32 = (v_50 & 2147483647u);
    let v_52 : u32 = select((2139095040u - v_51), (2139095040u + v_51), (v_50 == v_51));
    if ((v_52 > v[0i]) || ((v_52 == v[0i]) && (v_10 < v_1[0i]))) {
      v[0i] = v_52;
      v_1[0i] = v_10;
    }
    let v_53 : u32 = bitcast<u32>(v_27);
    let v_54 : u32 = (v_53 & 2147483647u);
    let v_55 : u32 = select((2139095040u - v_54), (2139095040u + v_54), (v_53 == v_54));
    if ((v_55 > v[0i]) || ((v_55 == v[0i]) && (v_11 < v_1[0i]))) {
      v[0i] = v_55;
      v_1[0i] = v_11;
    }
    let v_56 : u32 = bitcast<u32>(v_28);
    let v_57 : u32 = (v_56 & 2147483647u);
    let v_58 : u32 = select((2139095040u - v_57), (2139095040u + v_57), (v_56 == v_57));
    if ((v_58 > v[0i]) || ((v_58 == v[0i]) && (v_12 < v_1[0i]))) {
      v[0i] = v_58;
      v_1[0i] = v_12;
    }
    let v_59 : u32 = bitcast<u32>(v_29);
    let v_60 : u32 = (v_59 & 2147483647u);
    let v_61 : u32 = select((2139095040u - v_60), (2139095040u + v_60), (v_59 == v_60));
    if ((v_61 > v[0i]) || ((v_61 == v[0i]) && (v_13 < v_1[0i]))) {
      v[0i] = v_61;
      v_1[0i] = v_13;
    }
    let v_62 : u32 = bitcast<u32>(v_30);
    let v_63 : u32 = (v_62 & 2147483647u);
    let v_64 : u32 = select((2139095040u - v_63), (2139095040u + v_63), (v_62 == v_63));
    if ((v_64 > v[0i]) || ((v_64 == v[0i]) && (v_14 < v_1[0i]))) {
      v[0i] = v_64;
      v_1[0i] = v_14;
    }
    let v_65 : u32 = bitcast<u32>(v_31);
    let v_66 : u32 = (v_65 & 2147483647u);
    let v_67 : u32 = select((2139095040u - v_66), (2139095040u + v_66), (v_65 == v_66));
    if ((v_67 > v[0i]) || ((v_67 == v[0i]) && (v_15 < v_1[0i]))) {
      v[0i] = v_67;
      v_1[0i] = v_15;
    }
    let v_68 : u32 = bitcast<u32>(v_32);
    let v_69 : u32 = (v_68 & 2147483647u);
    let v_70 : u32 = select((2139095040u - v_69), (2139095040u + v_69), (v_68 == v_69));
    if ((v_70 > v[0i]) || ((v_70 == v[0i]) && (v_16 < v_1[0i]))) {
      v[0i] = v_70;
      v_1[0i] = v_16;
    }
    let v_71 : u32 = bitcast<u32>(v_33);
    let v_72 : u32 = (v_71 & 2147483647u);
    let v_73 : u32 = select((2139095040u - v_72), (2139095040u + v_72), (v_71 == v_72));
    if ((v_73 > v[0i]) || ((v_73 == v[0i]) && (v_17 < v_1[0i]))) {
      v[0i] = v_73;
      v_1[0i] = v_17;
    }
    let v_74 : u32 = bitcast<u32>(v_34);
    let v_75 : u32 = (v_74 & 2147483647u);
    let v_76 : u32 = select((2139095040u - v_75), (2139095040u + v_75), (v_74 == v_75));
    if ((v_76 > v[0i]) || ((v_76 == v[0i]) && (v_18 < v_1[0i]))) {
      v[0i] = v_76;
      v_1[0i] = v_18;
    }
    let v_77 : u32 = bitcast<u32>(v_35);
    let v_78 : u32 = (v_77 & 2147483647u);
    let v_79 : u32 = select((2139095040u - v_78), (2139095040u + v_78), (v_77 == v_78));
    if ((v_79 > v[0i]) || ((v_79 == v[0i]) && (v_19 < v_1[0i]))) {
      v[0i] = v_79;
      v_1[0i] = v_19;
    }
    let v_80 : u32 = bitcast<u32>(v_36);
    let v_81 : u32 = (v_80 & 2147483647u);
    let v_82 : u32 = select((2139095040u - v_81), (2139095040u + v_81), (v_80 == v_81));
    if ((v_82 > v[0i]) || ((v_82 == v[0i]) && (v_20 < v_1[0i]))) {
      v[0i] = v_82;
      v_1[0i] = v_20;
    }
    let v_83 : u32 = bitcast<u32>(v_37);
    let v_84 : u32 = (v_83 & 2147483647u);
    let v_85 : u32 = select((2139095040u - v_84), (2139095040u + v_84), (v_83 == v_84));
    if ((v_85 > v[0i]) || ((v_85 == v[0i]) && (v_21 < v_1[0i]))) {
      v[0i] = v_85;
      v_1[0i] = v_21;
    }
  }
  v_2[i32(threadIdx.x)] = v[0i];
  v_3[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  if (i32(threadIdx.x) < 16i) {
    for (var v_86 : i32 = 0i; v_86 < 16i; v_86++) {
      let v_87 : i32 = (i32(threadIdx.x) + (v_86 * 16i));
      let v_88 : u32 = v_2[v_87];
      let v_89 : i32 = v_3[v_87];
      if ((v_88 > v[0i]) || ((v_88 == v[0i]) && (v_89 < v_1[0i]))) {
        v[0i] = v_88;
        v_1[0i] = v_89;
      }
    }
  }
  workgroupBarrier();
  v_2[i32(threadIdx.x)] = v[0i];
  v_3[i32(threadIdx.x)] = v_1[0i];
  workgroupBarrier();
  if (i32(threadIdx.x) < 1i) {
    for (var v_90 : i32 = 0i; v_90 < 16i; v_90++) {
      let v_91 : i32 = (i32(threadIdx.x) + v_90);
      let v_92 : u32 = v_2[v_91];
      let v_93 : i32 = v_3[v_91];
      if ((v_92 > v[0i]) || ((v_92 == v[0i]) && (v_93 < v_1[0i]))) {
        v[0i] = v_92;
        v_1[0i] = v_93;
      }
    }
  }
  workgroupBarrier();
  if (i32(threadIdx.x) == 0i) {
    let v_94 : i32 = select(-1i, v_1[0i], ((v[0i] > 0u) && (v[0i] < 4278190080u)));
    tokens_ptr[(state_ptr[2i] & 63i)] = v_94;
    if (v_94 >= 0i) {
      state_ptr[0i] = v_94;
    }
    state_ptr[1i] = (state_ptr[1i] + 1i);
    state_ptr[2i] = (state_ptr[2i] + 1i);
  }
}
