#!/usr/bin/env python3
"""Writes the backend tests of the `onnx` package to a folder, one folder a test.

Each holds model.onnx, input_0.pb, … and output_0.pb, …: serialised TensorProto messages. Only tests whose
inputs and outputs are tensors of numbers, one of the inputs of floats, are written. The node tests are made by
the package when it is asked for them; the PyTorch ones lie in it as files.
"""

import argparse
import pathlib
import sys
import warnings

import numpy
import onnx
from onnx import numpy_helper

FLOATS = (
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.BFLOAT16,
)


def is_number(value):
    if not value.type.HasField("tensor_type"):
        return False
    return value.type.tensor_type.elem_type != onnx.TensorProto.STRING


def private_inputs(model):
    """The inputs that aren't weights."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def is_wanted(model):
    inputs = private_inputs(model)
    values = inputs + list(model.graph.output)
    floats = [v for v in inputs if v.type.tensor_type.elem_type in FLOATS]
    return all(map(is_number, values)) and bool(floats)


def node_tests():
    from onnx.backend.test.case.node import collect_testcases

    for case in collect_testcases(None):
        if not is_wanted(case.model) or not case.data_sets:
            continue
        inputs, outputs = case.data_sets[0]
        inputs, outputs = list(inputs), list(outputs)
        if all(isinstance(a, (numpy.ndarray, numpy.generic, onnx.TensorProto)) for a in inputs + outputs):
            yield case.name, case.model, inputs, outputs


def stored_tests(kind):
    root = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / kind
    for folder in sorted(root.iterdir()):
        if not (folder / "model.onnx").exists():
            continue
        model = onnx.load(folder / "model.onnx")
        if not is_wanted(model):
            continue
        data = folder / "test_data_set_0"

        def tensors(what):
            files = sorted(data.glob(f"{what}_*.pb"), key=lambda f: int(f.stem.split("_")[1]))
            return [onnx.TensorProto.FromString(f.read_bytes()) for f in files]

        yield folder.name, model, tensors("input"), tensors("output")


def serialised(array, info):
    if isinstance(array, onnx.TensorProto):
        return array.SerializeToString()
    kind = info.type.tensor_type.elem_type
    try:
        tensor = onnx.helper.make_tensor(
            info.name, kind, numpy.shape(array), numpy.asarray(array).flatten().tolist()
        )
    except (TypeError, ValueError, OverflowError):
        tensor = numpy_helper.from_array(numpy.asarray(array))
    return tensor.SerializeToString()


def write(folder, model, inputs, outputs):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for what, arrays, infos in [
        ("input", inputs, private_inputs(model)),
        ("output", outputs, model.graph.output),
    ]:
        for i, (array, info) in enumerate(zip(arrays, infos)):
            (folder / f"{what}_{i}.pb").write_bytes(serialised(array, info))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    warnings.simplefilter("ignore")
    for kind, tests in [
        ("node", node_tests()),
        ("pytorch-converted", stored_tests("pytorch-converted")),
        ("pytorch-operator", stored_tests("pytorch-operator")),
    ]:
        count = 0
        for name, model, inputs, outputs in tests:
            write(folder / kind / name, model, inputs, outputs)
            count += 1
        print(f"{kind}: {count} tests of onnx {onnx.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()
