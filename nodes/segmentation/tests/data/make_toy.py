"""Writes a toy segmenter that keeps the real one's contract: `python make_toy.py` (needs torch and onnx).

It segments what has the colour of the clicked pixel (of the mask, of the memory), near the mask where there is
one. Small enough to commit, and its answers can be computed by hand.
"""

import hashlib
import pathlib
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
W, H, N, C = 64, 36, 4, 3


def unit(x, dim=1):
    return x / (x.pow(2).sum(dim, keepdim=True) + 1e-4).sqrt()


class Encoder(nn.Module):
    def forward(self, image, depth, plane):
        return image + 0 * depth + 0 * plane.sum(), F.avg_pool2d(image, 4), image.mean((2, 3), keepdim=True)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("columns", torch.arange(W).float().reshape(1, 1, 1, W))
        self.register_buffer("rows", torch.arange(H).float().reshape(1, 1, H, 1))

    def forward(self, features, keys, context, point_coords, point_labels, mask_input, has_mask_input, memory, has_memory):
        def at(label):
            on = (point_labels == label).float().reshape(1, N, 1, 1)
            x, y = point_coords[:, :, 0].reshape(1, N, 1, 1), point_coords[:, :, 1].reshape(1, N, 1, 1)
            spot = torch.exp(-((self.columns - x) ** 2 + (self.rows - y) ** 2) / 0.5) * on
            return spot.sum(1, keepdim=True)

        spots, off = at(1), at(0)
        mask = F.interpolate(mask_input, scale_factor=4.0, mode="nearest") * has_mask_input.reshape(1, 1, 1, 1)
        clicked = (spots.sum((2, 3)) > 0.01).float()
        pool = lambda w: (features * w).sum((2, 3)) / (w.sum((2, 3)) + 1e-4)
        colour = clicked * pool(spots) + (1 - clicked) * (has_memory * memory + (1 - has_memory) * pool(mask))
        away = (unit(features) - unit(colour).reshape(1, C, 1, 1)).pow(2).sum(1, keepdim=True).sqrt()
        logits = 8 - 30 * away
        near = F.max_pool2d(mask, 15, 1, 7)
        logits = logits - 40 * (1 - near) * has_mask_input.reshape(1, 1, 1, 1) * (1 - clicked.reshape(1, 1, 1, 1))
        logits = logits - 60 * F.max_pool2d(off, 9, 1, 4).clamp(max=1) + 0 * (keys.mean() + context.mean())
        soft = torch.sigmoid(logits)
        embedding = unit(pool(soft))
        most = soft.amax((2, 3))
        return logits, 0.9 * most, 20 * most - 10, embedding


def write(name, module, inputs, outputs):
    values = {k: torch.zeros(v) for k, v in inputs.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(), tuple(values.values()), str(HERE / f"{name}.onnx"), opset_version=17, dynamo=False,
            input_names=list(inputs), output_names=list(outputs),
        )
    digest = hashlib.sha256((HERE / f"{name}.onnx").read_bytes()).hexdigest()
    spec = lambda shapes: "".join(f"      - {{ name: {k}, dtype: float32, shape: {v} }}\n" for k, v in shapes.items())
    return f"  {name}:\n    file: {name}.onnx\n    sha256: {digest}\n    inputs:\n{spec(inputs)}    outputs:\n{spec(outputs)}"


shared = {"features": [1, C, H, W], "keys": [1, C, H // 4, W // 4], "context": [1, C, 1, 1]}
encoder = write("encoder", Encoder(), {"image": [1, 3, H, W], "depth": [1, 1, H, W], "plane": [1, 3]}, shared)
decoder = write(
    "decoder",
    Decoder(),
    {
        **shared, "point_coords": [1, N, 2], "point_labels": [1, N], "mask_input": [1, 1, H // 4, W // 4],
        "has_mask_input": [1, 1], "memory": [1, C], "has_memory": [1, 1],
    },
    {"mask_logits": [1, 1, H, W], "iou_prediction": [1, 1], "present_logit": [1, 1], "embedding": [1, C]},
)
(HERE / "manifest.yaml").write_text(
    f"name: toy\nkind: promptable_segmenter\nframe: {{ width: {W}, height: {H} }}\n"
    "normalisation:\n  mean: [0.5, 0.5, 0.5]\n  std: [0.5, 0.5, 0.5]\n  depth: metres\nmodels:\n" + encoder + decoder
)
