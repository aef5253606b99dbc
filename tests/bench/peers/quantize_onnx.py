"""model.onnx in float32 to the two files that transformers.js asks for: dtype q8 and q4. Runs in the benchmark's venv.

    python quantize_onnx.py MODEL.onnx FOLDER

With the parameters of transformers.js's own conversion script, which made the files on the hub: q8 is dynamic
quantization of every operator that has an integer form, with unsigned weights because the graph has
GroupQueryAttention; q4 is MatMulNBits, symmetric, blocks of 32. Prints as JSON the bytes of weights that one decoded
token reads: everything stored but the embedding table and the rotary tables, of which a token reads one row.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx  # type: ignore[import-not-found]
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantizationMode, QuantType  # type: ignore[import-not-found]
from onnxruntime.quantization.matmul_nbits_quantizer import (  # type: ignore[import-not-found]
    MatMulNBitsQuantizer,
)
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer  # type: ignore[import-not-found]
from onnxruntime.quantization.registry import IntegerOpsRegistry  # type: ignore[import-not-found]

HEAD_DIM = 64
ROW_LOOKUPS = ("embed_tokens", "cos_cache", "sin_cache")


def main(source: Path, folder: Path) -> None:
    quantized = {"model_quantized.onnx": q8(prepared(source)), "model_q4.onnx": q4(prepared(source))}
    sizes = {}
    for name, model in quantized.items():
        onnx.save(model, folder / name)
        sizes[name] = bytes_per_token(model)
    print(json.dumps(sizes))


def prepared(source: Path) -> onnx.ModelProto:
    """The float32 graph as transformers.js wants it: caches of known width, and ``num_logits_to_keep``.

    With that input it asks for the last position's logits only, and a long prompt costs no logits nobody reads.
    """
    model = onnx.load(source)
    graph = model.graph
    for value in (*graph.input, *graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param == "kv_cache_dim":
                dimension.dim_value = HEAD_DIM
    graph.input.append(helper.make_tensor_value_info("num_logits_to_keep", onnx.TensorProto.INT64, []))
    at, head = next((i, node) for i, node in enumerate(graph.node) if node.name == "/lm_head/MatMul")
    constants = {"keep_shape": [1], "keep_end": [2**62], "keep_axis": [1]}
    graph.initializer.extend(numpy_helper.from_array(np.array(v, np.int64), name) for name, v in constants.items())
    slicing = [
        helper.make_node("Neg", ["num_logits_to_keep"], ["keep_negative"]),
        helper.make_node("Reshape", ["keep_negative", "keep_shape"], ["keep_start"]),  # 0, all of them, starts at 0
        helper.make_node("Slice", [head.input[0], "keep_start", "keep_end", "keep_axis"], ["kept"]),
    ]
    head.input[0] = "kept"
    for node in reversed(slicing):
        graph.node.insert(at, node)
    return model


def q8(model: onnx.ModelProto) -> onnx.ModelProto:
    quantizer = ONNXQuantizer(
        model,
        per_channel=False,
        reduce_range=False,
        mode=QuantizationMode.IntegerOps,
        static=False,
        weight_qType=QuantType.QUInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=None,
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=list(IntegerOpsRegistry),
        extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True},
    )
    quantizer.quantize_model()
    return quantizer.model.model


def q4(model: onnx.ModelProto) -> onnx.ModelProto:
    quantizer = MatMulNBitsQuantizer(model, bits=4, block_size=32, is_symmetric=True)
    quantizer.process()
    return quantizer.model.model


def bytes_per_token(model: onnx.ModelProto) -> int:
    return sum(
        len(tensor.raw_data)
        for tensor in model.graph.initializer
        if not any(part in tensor.name for part in ROW_LOOKUPS)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
