"""Writes encoder.onnx and decoder.onnx with their manifest, and checks them against the network."""

import hashlib
import pathlib
import warnings

import torch

from data import MEAN, STD
from model import CONTEXT, FEATURES, HEADS, HEIGHT, KEY, MEMORY, WIDTH

# The decoder takes exactly this many points; unused ones carry label -1.
POINT_SLOTS = 8

ENCODER_INPUTS = {"image": [1, 3, HEIGHT, WIDTH], "depth": [1, 1, HEIGHT, WIDTH], "plane": [1, 3]}
ENCODER_OUTPUTS = {"features": [1, FEATURES, 96, 160], "keys": [1, MEMORY + HEADS * KEY, 96, 160], "context": [1, CONTEXT, 24, 40]}
DECODER_INPUTS = {
    **ENCODER_OUTPUTS,
    "point_coords": [1, POINT_SLOTS, 2],
    "point_labels": [1, POINT_SLOTS],
    "mask_input": [1, 1, HEIGHT // 4, WIDTH // 4],
    "has_mask_input": [1, 1],
    "memory": [1, MEMORY],
    "has_memory": [1, 1],
}
DECODER_OUTPUTS = {
    "mask_logits": [1, 1, HEIGHT, WIDTH],
    "iou_prediction": [1, 1],
    "present_logit": [1, 1],
    "embedding": [1, MEMORY],
}


def example(shapes):
    torch.manual_seed(1)
    values = {name: torch.rand(shape) for name, shape in shapes.items()}
    if "point_labels" in values:
        values["point_labels"] = torch.tensor([[1.0, 0.0, 2.0, 3.0] + [-1.0] * (POINT_SLOTS - 4)])
        coords = [[300.0, 200.0], [250.0, 160.0], [200.0, 150.0], [420.0, 260.0]]
        values["point_coords"] = torch.tensor([coords + [[0.0, 0.0]] * (POINT_SLOTS - 4)])
    return values


def write(module, inputs, outputs, path):
    values = example(inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, tuple(values.values()), str(path), opset_version=17, dynamo=False,
            input_names=list(inputs), output_names=list(outputs),
        )
    with torch.no_grad():
        expected = module(*values.values())
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(list(outputs), {k: v.numpy() for k, v in values.items()})
    return max(float((torch.from_numpy(f) - e).abs().max() / (e.abs().max() + 1e-6)) for f, e in zip(found, expected))


def contract(shapes):
    return "".join(f"      - {{ name: {name}, dtype: float32, shape: {shape} }}\n" for name, shape in shapes.items())


def export(model, out):
    """Exports `model` (on the CPU, in eval mode) into the folder `out`; returns the largest deviations."""
    out = pathlib.Path(out)
    model = model.float().cpu().eval()
    deviations = {
        "encoder": write(model.encoder, ENCODER_INPUTS, ENCODER_OUTPUTS, out / "encoder.onnx"),
        "decoder": write(model.decoder, DECODER_INPUTS, DECODER_OUTPUTS, out / "decoder.onnx"),
    }
    digest = {part: hashlib.sha256((out / f"{part}.onnx").read_bytes()).hexdigest() for part in deviations}
    (out / "manifest.yaml").write_text(
        "# Written by models/train/segmenter/train.py; the contract that nodes/segmentation checks at start-up.\n"
        "name: segmenter\n"
        "kind: promptable_segmenter\n"
        "frame: { width: %d, height: %d }\n" % (WIDTH, HEIGHT)
        + "normalisation:\n"
        f"  mean: {list(MEAN)}  # of RGB in 0..1\n"
        f"  std: {list(STD)}\n"
        "  depth: metres  # 0 = not measured\n"
        "models:\n"
        f"  encoder:\n    file: encoder.onnx\n    sha256: {digest['encoder']}\n    inputs:\n{contract(ENCODER_INPUTS)}    outputs:\n{contract(ENCODER_OUTPUTS)}"
        f"  decoder:\n    file: decoder.onnx\n    sha256: {digest['decoder']}\n    inputs:\n{contract(DECODER_INPUTS)}    outputs:\n{contract(DECODER_OUTPUTS)}"
    )
    return deviations
