"""Writes the tiny ONNX models of these tests: `python make.py` (needs the package onnx)."""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent


def save(name, nodes, inputs, outputs, constants):
    graph = helper.make_graph(nodes, name, inputs, outputs, [numpy_helper.from_array(v, k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, HERE / f"{name}.onnx")


tensor = helper.make_tensor_value_info
# action = tanh(observation W + b)
save(
    "linear",
    [helper.make_node("Gemm", ["observation", "W", "b"], ["raw"]), helper.make_node("Tanh", ["raw"], ["action"])],
    [tensor("observation", TensorProto.FLOAT, [1, 4])],
    [tensor("action", TensorProto.FLOAT, [1, 2])],
    {"W": np.array([[1, 0], [0, 1], [0.5, -0.5], [0, 0]], np.float32), "b": np.array([0.1, -0.1], np.float32)},
)
# total = sum over n of points[n] where labels[n] == 1; count = labels as they came, doubled
save(
    "select",
    [
        helper.make_node("Equal", ["labels", "one"], ["on"]),
        helper.make_node("Cast", ["on"], ["weight"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weight", "last"], ["column"]),
        helper.make_node("Mul", ["points", "column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "first"], ["total"], keepdims=0),
        helper.make_node("Add", ["labels", "labels"], ["doubled"]),
    ],
    [tensor("points", TensorProto.FLOAT, ["N", 2]), tensor("labels", TensorProto.INT64, ["N"])],
    [tensor("total", TensorProto.FLOAT, [2]), tensor("doubled", TensorProto.INT64, ["N"])],
    {"one": np.array(1, np.int64), "last": np.array([1], np.int64), "first": np.array([0], np.int64)},
)
