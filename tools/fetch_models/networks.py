"""Networks whose packages hold weights only, as ONNX: the layers are those of the packages' or the papers' definition."""

import math
from array import array

import torch_file
from onnx_file import Graph
from torch_file import Tensor


def mnist_cnn(data: bytes) -> bytes:
    """`digit_recognizer.model.CNN` of digit-recognizer-py, of a batch of any size."""
    weights = torch_file.load(data)
    graph = Graph("digit_cnn")

    def parameters(layer: str) -> list[str]:
        names = [f"{layer}.weight", f"{layer}.bias"]
        return [graph.tensor(name, weights[name].shape, weights[name].values) for name in names]

    x = "input"
    for i in (0, 3, 6):
        x = graph.node("Conv", [x, *parameters(f"conv_layers.{i}")], f"c{i}", pads=[1] * 4)
        x = graph.node("Relu", [x], f"r{i}")
        x = graph.node("MaxPool", [x], f"p{i}", kernel_shape=[2, 2], strides=[2, 2])
    x = graph.node("Flatten", [x], "f")
    x = graph.node("Gemm", [x, *parameters("fc_layers.0")], "g", transB=1)
    x = graph.node("Relu", [x], "h")
    x = graph.node("Gemm", [x, *parameters("fc_layers.2")], "logits", transB=1)
    return graph.model(("input", ["N", 1, 28, 28]), (x, ["N", 10]))


# Of EfficientNet's stages: blocks, kernel, stride of the first, expansion, outputs (arXiv 1905.11946, table 1).
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
# What TensorFlow's EfficientNet adds to a variance.
EPSILON = 1e-3


def folded(conv: Tensor, norm: list[Tensor]) -> tuple[array, array]:
    """Weights and bias of a convolution with the batch norm after it, rounded once from float64."""
    scale, shift, mean, variance = (tensor.values for tensor in norm)
    factors = [s / math.sqrt(v + EPSILON) for s, v in zip(scale, variance)]
    per_output = len(conv.values) // conv.shape[0]
    weights = array("f", (w * factors[i // per_output] for i, w in enumerate(conv.values)))
    return weights, array("f", (b - m * f for b, m, f in zip(shift, mean, factors)))


def same_pads(size: int, kernel: int, stride: int) -> list[int]:
    """TensorFlow's SAME: the odd one below and right."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return [total // 2] * 2 + [total - total // 2] * 2


def efficientnet_lite0(data: bytes) -> bytes:
    """EfficientNet-Lite0 at 224 x 224: EfficientNet-B0 without squeeze and excitation, with ReLU6."""
    weights = torch_file.load(data)
    graph = Graph("efficientnet_lite0")
    six = [graph.tensor("zero", (1,), array("f", [0])), graph.tensor("six", (1,), array("f", [6]))]
    size = 224

    def conv(x: str, layer: str, norm: str, kernel: int, stride: int, group: int = 1, relu: bool = True) -> str:
        nonlocal size
        weight = weights[f"{layer}.weight"]
        kinds = ["weight", "bias", "running_mean", "running_var"]
        w, b = folded(weight, [weights[f"{norm}.{kind}"] for kind in kinds])
        inputs = [x, graph.tensor(f"{layer}.W", weight.shape, w), graph.tensor(f"{layer}.b", weight.shape[:1], b)]
        pads = same_pads(size, kernel, stride)
        square = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2}
        x = graph.node("Conv", inputs, f"{layer}_o", layer, group=group, pads=pads, **square)
        size = math.ceil(size / stride)
        return graph.node("Clip", [x, *six], f"{layer}_or", f"{layer}_relu6") if relu else x

    x, channels, block = conv("input", "_conv_stem", "_bn0", 3, 2), 32, 0
    for blocks, kernel, stride, expansion, outputs in STAGES:
        for i in range(blocks):
            name, shortcut = f"_blocks.{block}", x
            if expansion > 1:
                x = conv(x, f"{name}._expand_conv", f"{name}._bn0", 1, 1)
            step = stride if i == 0 else 1
            x = conv(x, f"{name}._depthwise_conv", f"{name}._bn1", kernel, step, channels * expansion)
            x = conv(x, f"{name}._project_conv", f"{name}._bn2", 1, 1, relu=False)
            if step == 1 and channels == outputs:
                x = graph.node("Add", [x, shortcut], f"{name}.add", f"{name}.add")
            channels, block = outputs, block + 1
    x = conv(x, "_conv_head", "_bn1", 1, 1)
    x = graph.node("GlobalAveragePool", [x], "gap")
    x = graph.node("Flatten", [x], "flat")
    for name, key in (("fcW", "_fc.weight"), ("fcb", "_fc.bias")):
        graph.tensor(name, weights[key].shape, weights[key].values)
    x = graph.node("Gemm", [x, "fcW", "fcb"], "logits", transB=1)
    return graph.model(("input", [1, 3, 224, 224]), (x, [1, 1000]))
