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

import onnx
from onnxruntime.quantization import QuantizationMode, QuantType
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
from onnxruntime.quantization.registry import IntegerOpsRegistry

ROW_LOOKUPS = ("embed_tokens", "cos_cache", "sin_cache")


def main(source: Path, folder: Path) -> None:
    quantized = {"model_quantized.onnx": q8(onnx.load(source)), "model_q4.onnx": q4(onnx.load(source))}
    sizes = {}
    for name, model in quantized.items():
        onnx.save(model, folder / name)
        sizes[name] = bytes_per_token(model)
    print(json.dumps(sizes))


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
