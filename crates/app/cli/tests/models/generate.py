"""Writes small ONNX models as people export them: tensors in a file of their own, sizes left open, indices.

    python generate.py        # in this folder; needs onnx, numpy
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(1)
node = helper.make_node


def draw(*shape):
    return (np.round(rng.uniform(-1, 1, shape) * 64) / 64).astype(np.float32)


def model(name, nodes, inputs, output, constants):
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info(*i) for i in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


# Token indices of any number, looked up and averaged, times a rate that is an input too.
tokens = model(
    "tokens",
    [node("Gather", ["table", "ids"], ["rows"]), node("ReduceMean", ["rows"], ["mean"], axes=[1], keepdims=0),
     node("Cast", ["sr"], ["rate"], to=TensorProto.FLOAT), node("Div", ["mean", "rate"], ["scaled"]),
     node("MatMul", ["scaled", "w"], ["scores"])],
    [("ids", TensorProto.INT64, [1, "time"]), ("sr", TensorProto.INT64, [])], "scores",
    {"table": draw(20, 6), "w": draw(6, 3)},
)
onnx.save(tokens, "tokens.onnx")

layer = model("external", [node("Gemm", ["x", "w", "b"], ["y"])], [("x", TensorProto.FLOAT, [1, 8])], "y",
              {"w": draw(8, 4), "b": draw(4)})
onnx.save(layer, "external.onnx", save_as_external_data=True, location="external.data", size_threshold=0)
