"""Writes an encoder as ONNX for transformers.js: python export_encoder.py CHECKPOINT TARGET

TARGET gets onnx/model.onnx in float32, onnx/model_quantized.onnx in 8 bits as the hub hosts it,
and the JSON files. The graph takes input_ids, attention_mask and token_type_ids (batch, tokens) int64 and gives
last_hidden_state (batch, tokens, hidden) float32.
"""

import shutil
import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel


class Encoder(torch.nn.Module):
    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        return hidden


def main(checkpoint: Path, target: Path) -> None:
    onnx = target / "onnx"
    onnx.mkdir(parents=True)
    model = AutoModel.from_pretrained(checkpoint, attn_implementation="eager").eval()
    ids = torch.ones((2, 9), dtype=torch.int64)
    axes = {0: "batch", 1: "tokens"}
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        Encoder(model),
        (ids, ids, torch.zeros_like(ids)),
        str(onnx / "model.onnx"),
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes={name: axes for name in [*names, "last_hidden_state"]},
        opset_version=17,
        dynamo=False,
    )
    quantize_dynamic(onnx / "model.onnx", onnx / "model_quantized.onnx", weight_type=QuantType.QInt8)
    for file in checkpoint.glob("*.json"):
        shutil.copy(file, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
