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

with open("cases.json", "w") as file:
    json.dump(cases, file, separators=(",", ":"))
    file.write("\n")
