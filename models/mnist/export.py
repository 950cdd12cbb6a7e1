"""Writes a trained network as ONNX (opset 13, float32), batch norm kept as nodes of its own."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from network import EPSILON, BatchNorm, Conv, Dense, MaxPool, Relu


def export(network, path):
    nodes, weights, value = [], [], "image"

    def constant(name, array):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))
        return name

    for n, layer in enumerate(network.layers):
        kind = type(layer).__name__.lower()
        name = f"{kind}_{n}"
        output = "logits" if isinstance(layer, Dense) else name
        match layer:
            case Conv():
                k, p = layer.kernel, layer.pad
                kernel = layer.weight.reshape(k, k, layer.inputs, -1).transpose(3, 2, 0, 1)
                inputs = [value, constant(f"{name}.weight", kernel)]
                attributes = dict(kernel_shape=[k, k], strides=[layer.stride] * 2, pads=[p] * 4)
                nodes.append(helper.make_node("Conv", inputs, [output], name, **attributes))
            case BatchNorm():
                fields = ["gamma", "beta", "mean", "var"]
                inputs = [value] + [constant(f"{name}.{field}", getattr(layer, field)) for field in fields]
                nodes.append(helper.make_node("BatchNormalization", inputs, [output], name, epsilon=EPSILON))
            case Relu():
                nodes.append(helper.make_node("Relu", [value], [output], name))
            case MaxPool():
                attributes = dict(kernel_shape=[2, 2], strides=[2, 2])
                nodes.append(helper.make_node("MaxPool", [value], [output], name, **attributes))
            case Dense():
                height, width, channels = layer.shape[1:]
                # ONNX flattens channels first; the network here has them last.
                rows = layer.weight.reshape(height, width, channels, -1).transpose(3, 2, 0, 1)
                weight = constant(f"{name}.weight", rows.reshape(rows.shape[0], -1))
                nodes.append(helper.make_node("Flatten", [value], ["flat"], "flatten"))
                inputs = ["flat", weight, constant(f"{name}.bias", layer.bias)]
                nodes.append(helper.make_node("Gemm", inputs, [output], name, transB=1))
        value = output

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 28, 28])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])
    graph = helper.make_graph(nodes, "mnist-demo", [image], [logits], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="veilflow", ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
