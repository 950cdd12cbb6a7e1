"""Writes small ONNX models with inputs and the outputs of onnxruntime: one NAME.onnx a case, and cases.json.

    python generate.py        # in this folder; needs onnx, onnxruntime, numpy

Weights and inputs are drawn from a fixed seed, and rounded so that the file stays short.
"""
import json
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(1)
cases = {}


def draw(*shape, low=-1.0, high=1.0):
    return (np.round(rng.uniform(low, high, shape) * 64) / 64).astype(np.float32)


def info(name, shape=None):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def body(nodes, inputs, outputs, constants=None):
    initializers = [numpy_helper.from_array(v, k) for k, v in (constants or {}).items()]
    return helper.make_graph(nodes, "body", [info(n) for n in inputs], [info(n) for n in outputs], initializers)


def case(name, nodes, inputs, outputs, constants=None, opset=13, expected=None):
    """`expected`, a function of the inputs, stands in where onnxruntime has no kernel."""
    initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(
        nodes, name, [info(k, v.shape) for k, v in inputs.items()], [info(o) for o in outputs], initializers
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, f"{name}.onnx")
    if expected is None:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        results = session.run(outputs, inputs)
    else:
        results = expected(*inputs.values())
    tensor = lambda a: {"shape": list(a.shape), "data": [float(v) for v in np.asarray(a, np.float32).ravel()]}
    cases[name] = {"inputs": [tensor(v) for v in inputs.values()], "outputs": [tensor(r) for r in results]}


def windowed(q, k, v):
    """Each query sees its own key and the one before."""
    scores = q @ np.swapaxes(k, 2, 3) / np.sqrt(q.shape[3])
    own = np.arange(q.shape[2])[:, None] - np.arange(k.shape[2])
    powers = np.exp(scores) * ((own >= 0) & (own <= 1))
    return [powers / powers.sum(-1, keepdims=True) @ v]


def gated(q, k, v, g, b):
    """Two heads of queries over one state."""
    state, outputs = np.zeros((2, 2)), []
    for t in range(3):
        state = np.exp(g[0, t, 0]) * state
        state = state + np.outer(k[0, t], b[0, t, 0] * (v[0, t] - k[0, t] @ state))
        outputs.append(np.concatenate([q[0, t, :2] @ state, q[0, t, 2:] @ state]) / np.sqrt(2))
    return [np.array(outputs)[None], state[None, None]]


node = helper.make_node
ints = lambda *v: np.array(v, np.int64)

# Recurrent ops: every direction, bias, initial state, peephole, output.
T, N, I, H = 4, 2, 3, 2


def weights(gates, directions, state=("h",), peepholes=False, bias=True):
    c = {"W": draw(directions, gates * H, I), "R": draw(directions, gates * H, H)}
    if bias:
        c["B"] = draw(directions, 2 * gates * H)
    for s in state:
        c[s] = draw(directions, N, H)
    if peepholes:
        c["P"] = draw(directions, 3 * H)
    return c


def recurrent(name, op, gates, direction, outputs, x=None, **options):
    directions = 2 if direction == "bidirectional" else 1
    keys = {k: options.pop(k) for k in ("state", "peepholes", "bias") if k in options}
    c = weights(gates, directions, **keys)
    order = ["x", "W", "R", "B", "", "h", "c", "P"][: 6 if op != "LSTM" else 8]
    names = [n if n == "x" or n in c else "" for n in order]
    n = node(op, names, [o if o in outputs else "" for o in ["Y", "Y_h", "Y_c"][: 3 if op == "LSTM" else 2]],
             direction=direction, hidden_size=H, **options)
    case(name, [n], {"x": draw(T, N, I) if x is None else x}, outputs, c)


recurrent("lstm_plain", "LSTM", 4, "forward", ["Y_h"], state=(), bias=False)
recurrent("lstm_reverse", "LSTM", 4, "reverse", ["Y", "Y_c"], state=("h", "c"))
recurrent("lstm_all", "LSTM", 4, "bidirectional", ["Y", "Y_h", "Y_c"], state=("h", "c"), peepholes=True)
recurrent("lstm_peepholes_from_zero", "LSTM", 4, "forward", ["Y"], state=(), peepholes=True)
recurrent("lstm_only_cell_state", "LSTM", 4, "forward", ["Y_h"], state=("c",))
recurrent("lstm_activations", "LSTM", 4, "forward", ["Y"], activations=["Sigmoid", "Relu", "Tanh"])
recurrent("gru_before", "GRU", 3, "bidirectional", ["Y", "Y_h"], linear_before_reset=0)
recurrent("gru_before_from_zero", "GRU", 3, "reverse", ["Y"], state=(), linear_before_reset=0)
recurrent("gru_after", "GRU", 3, "bidirectional", ["Y", "Y_h"], linear_before_reset=1)
recurrent("gru_after_from_zero", "GRU", 3, "forward", ["Y_h"], state=(), linear_before_reset=1)
recurrent("rnn_plain", "RNN", 1, "forward", ["Y"], state=(), bias=False)
recurrent("rnn_relu", "RNN", 1, "bidirectional", ["Y", "Y_h"], activations=["Relu", "Tanh"])

# Batch first, against the same op on transposed data.
c = weights(3, 2)
x = draw(N, T, I)
attributes = dict(direction="bidirectional", hidden_size=H)
first = dict(c, h=np.ascontiguousarray(c["h"].transpose(1, 0, 2)))
reference = helper.make_model(
    helper.make_graph([node("GRU", ["x", "W", "R", "B", "", "h"], ["Y", "Y_h"], **attributes)], "reference",
                      [info("x", (T, N, I))], [info("Y"), info("Y_h")],
                      [numpy_helper.from_array(v, k) for k, v in c.items()]),
    opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
session = onnxruntime.InferenceSession(reference.SerializeToString(), providers=["CPUExecutionProvider"])


def batch_first(x):
    y, last = session.run(None, {"x": np.ascontiguousarray(x.transpose(1, 0, 2))})
    return y.transpose(2, 0, 1, 3), last.transpose(1, 0, 2)


case("gru_batch_first", [node("GRU", ["x", "W", "R", "B", "", "h"], ["Y", "Y_h"], layout=1, **attributes)],
     {"x": x}, ["Y", "Y_h"], first, opset=14, expected=batch_first)

# Weights and an initial state as exporters compute them: transposed, sliced, of a shape read from the input.
c = weights(3, 1, state=())
case("gru_computed_weights", [
    node("Slice", ["all", "from", "to", "last"], ["W1"]),
    node("Unsqueeze", ["W1", "zero"], ["W"]),
    node("Transpose", ["RT"], ["R1"], perm=[1, 0]),
    node("Unsqueeze", ["R1", "zero"], ["R"]),
    node("Concat", ["b0", "b1"], ["B1"], axis=0),
    node("Unsqueeze", ["B1", "zero"], ["B"]),
    node("Shape", ["x"], ["shape"]),
    node("Gather", ["shape", "one"], ["batch"], axis=0),
    node("Unsqueeze", ["batch", "zero"], ["batch1"]),
    node("Concat", ["one1", "batch1", "two1"], ["state_shape"], axis=0),
    node("ConstantOfShape", ["state_shape"], ["h"], value=numpy_helper.from_array(np.array([0.5], np.float32))),
    node("GRU", ["x", "W", "R", "B", "", "h"], ["Y"], hidden_size=H),
], {"x": draw(T, N, I)}, ["Y"], {
    "all": draw(3 * H, I + 2), "from": ints(1), "to": ints(1 + I), "last": ints(-1), "zero": ints(0),
    "RT": draw(H, 3 * H), "b0": draw(3 * H), "b1": draw(3 * H), "one": np.array(1, np.int64), "one1": ints(1),
    "two1": ints(H)})

# Scan: two states, two sequences, axes and directions of both sides, weights from outside, a constant inside.
inner = body([
    node("Constant", [], ["half"], value_float=0.5),
    node("MatMul", ["a_t", "W"], ["aw"]),
    node("MatMul", ["p", "U"], ["pu"]),
    node("Add", ["aw", "pu"], ["sum"]),
    node("Add", ["sum", "b_t"], ["sum2"]),
    node("Tanh", ["sum2"], ["p_next"]),
    node("Mul", ["q", "half"], ["q2"]),
    node("Add", ["q2", "p_next"], ["q_next"]),
    node("Sub", ["p_next", "offset"], ["y1"]),
    node("Identity", ["q_next"], ["y2"]),
], ["p", "q", "a_t", "b_t"], ["p_next", "q_next", "y1", "y2"], {"offset": draw(1, 2)})
case("scan_everything", [node("Scan", ["p0", "q0", "a", "b"], ["p_last", "q_last", "y_1", "y_2"], body=inner,
     num_scan_inputs=2, scan_input_axes=[1, -1], scan_input_directions=[0, 1], scan_output_axes=[1, 0],
     scan_output_directions=[1, 0])],
     {"a": draw(1, 5, 3), "b": draw(1, 2, 5)}, ["p_last", "q_last", "y_1", "y_2"],
     {"p0": draw(1, 2), "q0": draw(1, 2), "W": draw(3, 2), "U": draw(2, 2)})
deepest = body([node("Add", ["s", "v"], ["s_next"]), node("Mul", ["s_next", "factor"], ["out"])],
               ["s", "v"], ["s_next", "out"])
nested = body([node("Scan", ["r", "row"], ["r_next", "rows"], body=deepest, num_scan_inputs=1)],
              ["r", "row"], ["r_next", "rows"])
case("scan_nested", [node("Scan", ["r0", "x"], ["r", "y"], body=nested, num_scan_inputs=1)],
     {"x": draw(3, 2, 2)}, ["r", "y"], {"r0": draw(2), "factor": draw(2)})

# Arithmetic and functions.
x, y = draw(2, 3), draw(1, 3)


def elementwise(name, nodes, constants=None, opset=13, low=-2.0, inputs=1):
    given = {"x": draw(2, 3, low=low, high=2.0)}
    if inputs == 2:
        given["y"] = draw(2, 1, low=low, high=2.0)
    case(name, nodes, given, ["z"], constants, opset)


for op in ["Sigmoid", "Tanh", "Erf", "Exp", "Neg", "Relu", "HardSigmoid"]:
    elementwise(op.lower(), [node(op, ["x"], ["z"])])
for op in ["Log", "Sqrt", "Reciprocal"]:
    elementwise(op.lower(), [node(op, ["x"], ["z"])], low=0.25)
elementwise("gelu", [node("Gelu", ["x"], ["z"])], opset=20)
for exponent in [-1.0, -0.5, 0.5, 1.0, 2.0, 3.0]:
    elementwise(f"pow_{exponent}", [node("Pow", ["x", "e"], ["z"])], {"e": np.float32(exponent)}, low=0.25)
elementwise("pow_integer", [node("Pow", ["x", "e"], ["z"])], {"e": ints(2)})
elementwise("product_of_inputs", [node("Mul", ["x", "y"], ["z"])], inputs=2)
elementwise("quotient_of_inputs", [node("Div", ["x", "y"], ["z"])], inputs=2, low=0.25)
elementwise("quotient_by_constant", [node("Div", ["x", "c"], ["z"])], {"c": draw(3, low=0.5)})
elementwise("quotient_of_constant", [node("Div", ["c", "x"], ["z"])], {"c": draw(3)}, low=0.25)
elementwise("constant_less_input", [node("Sub", ["c", "x"], ["z"])], {"c": draw(3)})

# Slices.
image = lambda: {"x": draw(2, 3, 4)}
case("gather_scalar", [node("Gather", ["x", "i"], ["z"], axis=1)], image(), ["z"], {"i": np.array(-1, np.int64)})
case("gather_matrix", [node("Gather", ["x", "i"], ["z"], axis=2)], image(), ["z"], {"i": np.array([[0, -1], [2, 2]])})
case("slice_backward", [node("Slice", ["x", "s", "e", "a", "t"], ["z"])], image(), ["z"],
     {"s": ints(-1, 1), "e": ints(-(2**62), 2**62), "a": ints(2, -2), "t": ints(-2, 1)})
case("slice_attributes", [node("Slice", ["x"], ["z"], starts=[0, 1], ends=[1, 100])], image(), ["z"], opset=9)
case("split_sizes", [node("Split", ["x", "s"], ["a", "", "b"], axis=-1)], image(), ["a", "b"], {"s": ints(1, 1, 2)},
     expected=lambda x: [x[..., :1], x[..., 2:]])
case("split_attribute", [node("Split", ["x"], ["a", "b"], axis=1, split=[1, 2])], image(), ["a", "b"], opset=11)
case("split_even", [node("Split", ["x"], ["a", "b"], axis=2)], image(), ["a", "b"])
case("split_uneven", [node("Split", ["x"], ["a", "b"], axis=1, num_outputs=2)], image(), ["a", "b"], opset=18)
case("expand", [node("Expand", ["x", "s"], ["z"])], {"x": draw(3, 1)}, ["z"], {"s": ints(2, 1, 4)})
case("pad_edge", [node("Pad", ["x", "p"], ["z"], mode="edge")], image(), ["z"], {"p": ints(0, 1, 2, 1, 0, 3)})
case("pad_reflect", [node("Pad", ["x", "p"], ["z"], mode="reflect")], image(), ["z"], {"p": ints(0, 2, 1, 0, 0, 3)})

# Sums.
case("reduce_sum", [node("ReduceSum", ["x", "a"], ["z"], keepdims=0)], image(), ["z"], {"a": ints(-1, 0)})
case("reduce_sum_all", [node("ReduceSum", ["x"], ["z"])], image(), ["z"])
case("reduce_sum_nothing", [node("ReduceSum", ["x"], ["z"], noop_with_empty_axes=1)], image(), ["z"])
case("reduce_mean", [node("ReduceMean", ["x"], ["z"], axes=[1], keepdims=1)], image(), ["z"])
case("reduce_mean_image", [node("ReduceMean", ["x", "a"], ["z"], keepdims=0)], {"x": draw(1, 2, 3, 4)}, ["z"],
     {"a": ints(2, 3)}, opset=18)
case("reduce_l2", [node("ReduceL2", ["x"], ["z"], axes=[2], keepdims=0)], image(), ["z"])
case("reduce_sum_square", [node("ReduceSumSquare", ["x"], ["z"], axes=[0, 2])], image(), ["z"])

# Shapes computed with integers.
case("computed_shape", [
    node("Shape", ["x"], ["s"]),
    node("Slice", ["s", "one", "three"], ["tail"]),
    node("Gather", ["tail", "zero"], ["rows"]),
    node("Gather", ["tail", "one0"], ["columns"]),
    node("Mul", ["rows", "columns"], ["area"]),
    node("Unsqueeze", ["area", "axis"], ["area1"]),
    node("Cast", ["area1"], ["area2"], to=TensorProto.INT64),
    node("Concat", ["area2", "rest"], ["target"], axis=0),
    node("Reshape", ["x", "target"], ["z"]),
], image(), ["z"], {"one": ints(1), "three": ints(3), "zero": np.array(0, np.int64), "one0": np.array(1, np.int64),
                    "axis": ints(0), "rest": ints(-1)})


# One case and more for each op that is rewritten into others.
one = lambda v: np.array(v, np.float32)
picture = lambda c=2, h=5, w=6, n=1: {"x": draw(n, c, h, w)}
positive = lambda: {"x": draw(2, 3, 4, low=0.25, high=2.0)}


def unary(op, x=None, opset=18, **attributes):
    nodes = [node(op, ["x"], ["z"], **attributes)]
    if op.startswith("Arg"):
        nodes = [node(op, ["x"], ["i"], **attributes), node("Cast", ["i"], ["z"], to=TensorProto.FLOAT)]
    case(f"u_{op.lower()}", nodes, x or image(), ["z"], opset=opset)


for op in ["Abs", "Sign", "Floor", "Ceil", "Neg", "Softsign", "Softplus", "Elu", "Selu", "Celu", "HardSwish", "Sinh",
           "Cosh", "Exp", "Tanh", "LogSoftmax"]:
    unary(op)
case("round_even", [node("Round", ["x"], ["z"])], {"x": one([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.75, -0.75])}, ["z"])
unary("Log", positive())
unary("Reciprocal", {"x": one([[0.5, -0.25, 2.0, -1.5]])})
unary("LeakyRelu", alpha=0.1)
unary("ThresholdedRelu", alpha=0.25)
unary("Shrink", lambd=0.25, bias=0.125)
unary("Mish")
unary("Hardmax", axis=1)
unary("ReduceMax", axes=[1], opset=13)
unary("ReduceMin", axes=[0, 2], keepdims=0, opset=13)
unary("ReduceProd", axes=[1], opset=13)
unary("ReduceL1", axes=[2], opset=13)
unary("ReduceLogSumExp", axes=[1], opset=13)
unary("ReduceLogSum", positive(), axes=[1], opset=13)
unary("ArgMax", axis=1, keepdims=0)
unary("ArgMin", axis=2, select_last_index=1)
unary("LpNormalization", axis=1, p=2)
unary("GlobalLpPool", picture(), p=2)
unary("DepthToSpace", picture(c=8), blocksize=2, mode="CRD")
unary("SpaceToDepth", picture(h=4), blocksize=2)
unary("MeanVarianceNormalization", picture(), axes=[0, 2, 3])
unary("LRN", picture(c=4), size=3, alpha=0.5, beta=0.75, bias=1.0)
case("prelu", [node("PRelu", ["x", "s"], ["z"])], picture(), ["z"], {"s": draw(2, 1, 1)})
case("clip_both", [node("Clip", ["x", "a", "b"], ["z"])], image(), ["z"], {"a": one(-0.5), "b": one(0.25)})
case("clip_low", [node("Clip", ["x", "a"], ["z"])], image(), ["z"], {"a": one(-0.25)})
case("clip_high", [node("Clip", ["x", "", "b"], ["z"])], image(), ["z"], {"b": one(0.25)})
case("clip_float_max", [node("Clip", ["x", "a", "b"], ["z"])], image(), ["z"],
     {"a": one(0), "b": one(np.finfo(np.float32).max)})
case("max_of_three", [node("Max", ["x", "a", "b"], ["z"])], image(), ["z"], {"a": draw(3, 1), "b": draw(1)})
case("min_private", [node("Min", ["x", "y"], ["z"])], {"x": draw(2, 3), "y": draw(2, 3)}, ["z"])
case("mean", [node("Mean", ["x", "y"], ["z"])], {"x": draw(2, 3), "y": draw(2, 3)}, ["z"])
case("mod_float", [node("Mod", ["x", "c"], ["z"], fmod=1)], image(), ["z"], {"c": one(0.3)})
case("div_private", [node("Div", ["x", "y"], ["z"])], {"x": draw(2, 3), "y": one([[0.5, -2, 1.5], [-0.75, 1, 3]])}, ["z"])
case("pow_five", [node("Pow", ["x", "e"], ["z"])], image(), ["z"], {"e": one(5)})
case("pow_fraction", [node("Pow", ["x", "e"], ["z"])], positive(), ["z"], {"e": one(0.3)})
for op, opset in [("Greater", 13), ("Less", 13), ("GreaterOrEqual", 16), ("LessOrEqual", 16)]:
    case(f"where_{op.lower()}", [node(op, ["x", "y"], ["b"]), node("Where", ["b", "x", "y"], ["z"])],
         {"x": draw(2, 3), "y": draw(2, 3)}, ["z"], opset=opset)
case("logic", [
    node("Greater", ["x", "y"], ["a"]), node("Less", ["x", "c"], ["b"]), node("Xor", ["a", "b"], ["e"]),
    node("Or", ["a", "e"], ["f"]), node("Not", ["f"], ["g"]), node("And", ["g", "b"], ["h"]),
    node("Cast", ["h"], ["z"], to=TensorProto.FLOAT),
], {"x": draw(3, 3), "y": draw(3, 3)}, ["z"], {"c": one(0.25)})
case("where_known", [node("Where", ["m", "x", "y"], ["z"])], {"x": draw(2, 3), "y": draw(3)}, ["z"],
     {"m": np.array([[True, False, True], [False, False, True]])})
case("softmax_masked", [node("Add", ["x", "m"], ["a"]), node("Softmax", ["a"], ["s"]), node("Mul", ["s", "c"], ["z"])],
     {"x": draw(2, 4)}, ["z"], {"m": one([0, -np.inf, 0, -1e9]), "c": one(2)})
case("softmax_middle", [node("Softmax", ["x"], ["s"], axis=1), node("Identity", ["s"], ["z"])], image(), ["z"])
for name, x, w, options in [
    ("conv_1d", draw(1, 3, 9), draw(4, 3, 3), dict(pads=[1, 2], strides=[2])),
    ("conv_3d", draw(1, 2, 4, 5, 4), draw(3, 2, 2, 3, 2), dict(pads=[1, 1, 0, 0, 1, 1], strides=[1, 2, 1])),
    ("conv_batch", draw(2, 2, 5, 5), draw(3, 2, 3, 3), dict(pads=[1, 1, 1, 1])),
]:
    case(name, [node("Conv", ["x", "w", "b"], ["z"], **options)], {"x": x}, ["z"], {"w": w, "b": draw(w.shape[0])})
case("conv_private", [node("Conv", ["x", "w"], ["z"], group=2)], {"x": draw(1, 4, 4, 4), "w": draw(4, 2, 2, 2)}, ["z"])
for name, x, w, options in [
    ("transposed", draw(1, 3, 4, 4), draw(3, 2, 3, 3), dict(strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])),
    ("transposed_groups", draw(1, 4, 3, 4), draw(4, 3, 2, 3), dict(strides=[2, 3], group=2)),
    ("transposed_dilated", draw(1, 2, 4, 4), draw(2, 2, 3, 3), dict(dilations=[2, 2])),
    ("transposed_1d", draw(1, 2, 5), draw(2, 3, 4), dict(strides=[3])),
]:
    case(name, [node("ConvTranspose", ["x", "w"], ["z"], **options)], {"x": x}, ["z"], {"w": w})
case("max_pool_1d", [node("MaxPool", ["x"], ["z"], kernel_shape=[3], strides=[2])], {"x": draw(2, 3, 8)}, ["z"])
case("max_pool_3d", [node("MaxPool", ["x"], ["z"], kernel_shape=[2, 2, 2])], {"x": draw(1, 2, 3, 4, 3)}, ["z"])
case("max_pool_dilated", [node("MaxPool", ["x"], ["z"], kernel_shape=[2, 2], dilations=[2, 2], pads=[1, 1, 1, 1])],
     picture(), ["z"])
case("average_pool_3d", [node("AveragePool", ["x"], ["z"], kernel_shape=[2, 2, 2], pads=[1, 0, 0, 0, 1, 0])],
     {"x": draw(1, 2, 3, 4, 3)}, ["z"])
case("lp_pool", [node("LpPool", ["x"], ["z"], kernel_shape=[2, 2], p=2)], picture(), ["z"])
for name, options, sizes in [
    ("nearest", dict(mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"), [1, 2, 8, 9]),
    ("linear", dict(mode="linear"), [1, 2, 9, 7]),
    ("linear_corners", dict(mode="linear", coordinate_transformation_mode="align_corners"), [1, 2, 8, 4]),
    ("cubic", dict(mode="cubic"), [1, 2, 10, 9]),
]:
    case(f"resize_{name}", [node("Resize", ["x", "", "", "s"], ["z"], **options)], picture(), ["z"],
         {"s": ints(*sizes)})
case("upsample", [node("Upsample", ["x", "s"], ["z"], mode="nearest")], picture(), ["z"], {"s": one([1, 1, 2, 3])}, opset=9)
case("matmul_private", [node("MatMul", ["x", "y"], ["z"])], {"x": draw(2, 3, 4), "y": draw(1, 4, 2)}, ["z"])
case("matmul_left", [node("MatMul", ["w", "x"], ["z"])], {"x": draw(2, 4, 3)}, ["z"], {"w": draw(5, 4)})
case("matmul_stack", [node("MatMul", ["x", "w"], ["z"])], {"x": draw(2, 3, 4)}, ["z"], {"w": draw(2, 4, 3)})
case("matmul_vectors", [node("MatMul", ["x", "w"], ["z"])], {"x": draw(4)}, ["z"], {"w": draw(4)})
case("gemm_private", [node("Gemm", ["x", "y", "c"], ["z"], transA=1, alpha=0.5)], {"x": draw(4, 2), "y": draw(4, 3)},
     ["z"], {"c": draw(3)})
for name, equation, shapes in [
    ("scores", "bhqd,bhkd->bhqk", [(1, 2, 3, 4), (1, 2, 5, 4)]),
    ("diagonal", "ii->i", [(4, 4)]),
    ("outer", "i,j->ij", [(3,), (4,)]),
    ("ellipsis", "...ij,...jk->...ik", [(2, 3, 4), (2, 4, 2)]),
]:
    names = ["x", "y"][: len(shapes)]
    case(f"einsum_{name}", [node("Einsum", names, ["z"], equation=equation)],
         {k: draw(*s) for k, s in zip(names, shapes)}, ["z"])
case("layer_norm", [node("LayerNormalization", ["x", "s", "b"], ["z"], axis=-1)], {"x": draw(2, 3, 8)}, ["z"],
     {"s": draw(8), "b": draw(8)}, opset=17)
case("instance_norm", [node("InstanceNormalization", ["x", "s", "b"], ["z"])], picture(), ["z"],
     {"s": draw(2), "b": draw(2)})
case("group_norm", [node("GroupNormalization", ["x", "s", "b"], ["z"], num_groups=2)], picture(c=4), ["z"],
     {"s": draw(4), "b": draw(4)}, opset=21)
case("batch_norm_private", [node("BatchNormalization", ["x", "s", "b", "m", "v"], ["z"])],
     {"x": draw(1, 2, 3, 3), "s": draw(2)}, ["z"], {"b": draw(2), "m": draw(2), "v": draw(2, low=0.5, high=1.5)})
case("tile", [node("Tile", ["x", "r"], ["z"])], image(), ["z"], {"r": ints(2, 1, 2)})
case("trilu", [node("Trilu", ["x", "k"], ["z"], upper=0)], {"x": draw(3, 4, 4)}, ["z"], {"k": np.array(1, np.int64)}, opset=14)
case("cumsum", [node("CumSum", ["x", "a"], ["z"], exclusive=1, reverse=1)], image(), ["z"], {"a": np.array(2, np.int64)})
case("gather_elements", [node("GatherElements", ["x", "i"], ["z"], axis=1)], {"x": draw(3, 3)}, ["z"],
     {"i": np.array([[1, -1], [0, 2]])})
case("gather_nd", [node("GatherND", ["x", "i"], ["z"])], image(), ["z"], {"i": np.array([[0, 1], [1, -1]])})
case("scatter_nd", [node("ScatterND", ["x", "i", "u"], ["z"])], {"x": draw(4, 3), "u": draw(2, 3)}, ["z"],
     {"i": np.array([[1], [3]])})
case("scatter_add", [node("ScatterElements", ["x", "i", "u"], ["z"], axis=0, reduction="add")],
     {"x": draw(3, 2), "u": draw(3, 2)}, ["z"], {"i": np.array([[0, 1], [0, 2], [2, 2]])}, opset=18)
case("compress", [node("Compress", ["x", "c"], ["z"], axis=1)], image(), ["z"], {"c": np.array([True, False, True])})
case("reverse_sequence", [node("ReverseSequence", ["x", "l"], ["z"])], {"x": draw(4, 3)}, ["z"], {"l": ints(2, 4, 1)})
case("one_hot_of_largest", [node("ArgMax", ["x"], ["i"], axis=1, keepdims=0), node("OneHot", ["i", "d", "v"], ["z"])],
     {"x": draw(3, 4)}, ["z"], {"d": ints(4), "v": one([-1, 2])})
case("row_of_largest", [node("ArgMax", ["x"], ["i"], axis=1, keepdims=0), node("Gather", ["t", "i"], ["z"])],
     {"x": draw(3, 4)}, ["z"], {"t": draw(4, 5)})
case("concat_constant", [node("Concat", ["x", "c"], ["z"], axis=1)], {"x": draw(2, 3)}, ["z"], {"c": draw(2, 2)})
case("mul_larger_constant", [node("Mul", ["x", "c"], ["z"])], {"x": draw(1, 3)}, ["z"], {"c": draw(4, 3)})
case("pad_crop", [node("Pad", ["x", "p"], ["z"])], image(), ["z"], {"p": ints(0, -1, 1, 0, 1, -1)})
case("quantised", [
    node("QuantizeLinear", ["x", "s", "o"], ["q"]), node("DequantizeLinear", ["w", "t", "p"], ["v"]),
    node("DequantizeLinear", ["q", "s", "o"], ["y"]), node("MatMul", ["y", "v"], ["z"]),
], {"x": draw(2, 4)}, ["z"], {"s": one(0.0078125), "o": np.array(128, np.uint8), "t": one(0.01), "p": np.array(3, np.int8),
                              "w": rng.integers(-100, 100, (4, 3)).astype(np.int8)})
case("qlinear_conv", [
    node("QuantizeLinear", ["x", "s", "o"], ["q"]),
    node("QLinearConv", ["q", "s", "o", "w", "t", "p", "u", "o"], ["r"]), node("DequantizeLinear", ["r", "u", "o"], ["z"]),
], picture(), ["z"], {"s": one(0.0078125), "o": np.array(128, np.uint8), "t": one(0.01), "p": np.array(0, np.int8),
                      "u": one(0.03125), "w": rng.integers(-100, 100, (3, 2, 2, 2)).astype(np.int8)})
branch = lambda name, op: helper.make_graph([node(op, ["x"], [name])], name, [], [info(name)])
case("if_known", [node("If", ["c"], ["z"], then_branch=branch("a", "Neg"), else_branch=branch("b", "Relu"))], image(), ["z"],
     {"c": np.array(True)})
step = helper.make_graph(
    [node("Add", ["s", "x"], ["t"]), node("Identity", ["g"], ["h"]), node("Identity", ["t"], ["o"])], "step",
    [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("g", TensorProto.BOOL, []), info("s")],
    [helper.make_tensor_value_info("h", TensorProto.BOOL, []), info("t"), info("o")])
case("loop_known", [node("Loop", ["n", "c", "x"], ["z", "all"], body=step)], {"x": draw(2, 2)}, ["z", "all"],
     {"n": np.array(3, np.int64), "c": np.array(True)})

angles = {"x": draw(2, 9, low=-12.0, high=12.0)}
for name in ["Sin", "Cos"]:
    case(name.lower(), [node(name, ["x"], ["z"])], angles, ["z"])
case("tan", [node("Tan", ["x"], ["z"])], {"x": draw(2, 5, low=-1.2, high=1.2)}, ["z"])
case("sin_of_known", [node("Sin", ["w"], ["s"]), node("Mul", ["x", "s"], ["z"])], {"x": draw(4)}, ["z"], {"w": draw(4)})
case("top_k", [node("TopK", ["x", "k"], ["z", "i"], axis=1), node("Cast", ["i"], ["j"], to=1)], {"x": draw(2, 5, 2)}, ["z", "j"], {"k": ints(3)})
case("top_k_smallest", [node("TopK", ["x", "k"], ["z", "i"], largest=0), node("Cast", ["i"], ["j"], to=1)],
     {"x": draw(3, 4)}, ["z", "j"], {"k": ints(2)})
for name, options in {
    "linear": {"mode": "bilinear", "padding_mode": "border"},
    "nearest": {"mode": "nearest"},
    "cubic": {"mode": "bicubic", "padding_mode": "reflection", "align_corners": 1},
}.items():
    case(f"grid_sample_{name}", [node("GridSample", ["x", "g"], ["z"], **options)], picture(), ["z"],
         {"g": draw(1, 3, 2, 2, low=-1.2, high=1.2)}, opset=16)
case("affine_grid", [node("AffineGrid", ["x", "s"], ["z"])], {"x": draw(1, 2, 3)}, ["z"], {"s": ints(1, 1, 3, 4)}, opset=20)
case("dft", [node("DFT", ["x", "", "a"], ["z"], onesided=1)], {"x": draw(2, 6, 1)}, ["z"], {"a": np.array(1, np.int64)}, opset=20)
case("dft_inverse", [node("DFT", ["x", "", "a"], ["z"], inverse=1)], {"x": draw(2, 5, 2)}, ["z"],
     {"a": np.array(1, np.int64)}, opset=20)
case("stft", [node("STFT", ["x", "h", "w"], ["z"])], {"x": draw(1, 12, 1)}, ["z"], {"h": np.array(2, np.int64), "w": draw(8)},
     opset=17)
case("cumulative_product", [node("CumProd", ["x", "a"], ["z"], reverse=1)], {"x": draw(2, 4)}, ["z"], {"a": np.array(1, np.int64)},
     opset=26, expected=lambda x: [np.cumprod(x[:, ::-1], 1)[:, ::-1]])
case("slice_to_nothing", [node("Slice", ["x", "s", "e", "a"], ["n"]), node("Concat", ["x", "n"], ["z"], axis=1)],
     {"x": draw(2, 3)}, ["z"], {"s": ints(3), "e": ints(3), "a": ints(1)})
case("pad_private", [node("Pad", ["x", "p", "v"], ["z"])], {"x": draw(2, 3), "v": draw(1)[0:1].reshape(())}, ["z"], {"p": ints(1, 0, 0, 2)})
case("window_of_keys", [node("Attention", ["q", "k", "v"], ["z"], is_causal=1, left_window_size=1)],
     {n: draw(1, 2, 4, 3) for n in "qkv"}, ["z"], opset=25, expected=windowed)
case("linear_attention", [node("LinearAttention", ["q", "k", "v", "", "g", "b"], ["z", "s"], q_num_heads=2, kv_num_heads=1)],
     {"q": draw(1, 3, 4), "k": draw(1, 3, 2), "v": draw(1, 3, 2), "g": draw(1, 3, 1, low=-2.0, high=0.0),
      "b": draw(1, 3, 1, low=0.0)}, ["z", "s"], opset=27, expected=gated)
c = weights(4, 1, ("h",)) | {"l": np.array([2, 4], np.int32)}
case("lstm_lengths", [node("LSTM", ["x", "W", "R", "B", "l", "h"], ["z", "y", "c"], hidden_size=H)],
     {"x": draw(T, N, I)}, ["z", "y", "c"], c)
c = weights(3, 1, ()) | {"l": np.array([3, 4], np.int32)}
case("gru_lengths_reverse", [node("GRU", ["x", "W", "R", "B", "l"], ["z", "y"], hidden_size=H, direction="reverse")],
     {"x": draw(T, N, I)}, ["z", "y"], c)
case("lstm_hard_activations", [node("LSTM", ["x", "W", "R", "B"], ["z"], hidden_size=H, clip=0.5,
      activations=["HardSigmoid", "ScaledTanh", "Softsign"], activation_alpha=[0.25, 1.5], activation_beta=[0.5, 0.75])],
     {"x": draw(T, N, I)}, ["z"], weights(4, 1, ()))
case("rnn_leaky", [node("RNN", ["x", "W", "R", "B"], ["z"], hidden_size=H, activations=["LeakyRelu"], activation_alpha=[0.25])],
     {"x": draw(T, N, I)}, ["z"], weights(1, 1, ()))
c = weights(3, 1, ())
case("gru_private", [node("GRU", ["x", "W", "R", "B"], ["z"], hidden_size=H, linear_before_reset=1)],
     {"x": draw(T, N, I), "W": c["W"], "R": c["R"], "B": c["B"]}, ["z"])
c = weights(4, 1, (), peepholes=False)
case("lstm_private", [node("LSTM", ["x", "W", "R", "B"], ["z"], hidden_size=H)],
     {"x": draw(2, N, I), "W": c["W"], "R": c["R"], "B": c["B"]}, ["z"])

case("lstm_coupled", [node("LSTM", ["x", "W", "R", "B"], ["z"], hidden_size=H, input_forget=1)], {"x": draw(T, N, I)}, ["z"],
     weights(4, 1, ()))

with open("cases.json", "w") as file:
    json.dump(cases, file, separators=(",", ":"))
    file.write("\n")
