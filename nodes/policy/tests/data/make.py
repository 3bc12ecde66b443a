"""Writes the tiny ONNX policy of these tests: `python make.py` (needs the package onnx)."""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# action = [0.5, 0, 0, 0, 0, 0, 1, -1, 0, 0, 0] + 0.1 * (sum of the points' x) in every number
bias = np.array([[0.5, 0, 0, 0, 0, 0, 1, -1, 0, 0, 0]], np.float32)
weights = {"bias": bias, "gain": np.array(0.1, np.float32), "axis": np.array([1, 2], np.int64)}
weights |= {"x_only": np.array([1, 0, 0], np.float32), "zero": np.zeros((17, 11), np.float32)}
graph = helper.make_graph(
    [
        helper.make_node("Mul", ["points", "x_only"], ["xs"]),
        helper.make_node("ReduceSum", ["xs", "axis"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "gain"], ["shift"]),
        helper.make_node("MatMul", ["state", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "bias"], ["base"]),
        helper.make_node("Unsqueeze", ["shift", "last"], ["column"]),
        helper.make_node("Add", ["base", "column"], ["action"]),
    ],
    "policy",
    [
        helper.make_tensor_value_info("state", TensorProto.FLOAT, [1, 17]),
        helper.make_tensor_value_info("points", TensorProto.FLOAT, [1, 4, 3]),
    ],
    [helper.make_tensor_value_info("action", TensorProto.FLOAT, [1, 11])],
    [numpy_helper.from_array(v, k) for k, v in (weights | {"last": np.array([1], np.int64)}).items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, pathlib.Path(__file__).parent / "policy.onnx")
