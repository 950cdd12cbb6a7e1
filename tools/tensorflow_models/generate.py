#!/usr/bin/env python3
"""Write small TensorFlow and TFLite models, with what TensorFlow computes for them, to test the importers with.

    pip install tensorflow-cpu==2.21.0
    python3 tools/tensorflow_models/generate.py FOLDER [NAME...]

Writes FOLDER/NAME/ for each case named, or for all of them. A folder has one or more of

    saved_model/        a SavedModel whose signature is `serving_default`; Keras models have a batch of any size
    frozen.pb           a GraphDef without variables; its inputs are its placeholders, named like the arrays
                        of io.npz; its outputs are `out_0`, ... or, frozen by TensorFlow 2, `Identity`,
                        `Identity_1`, ...
    model.tflite        float32, of a batch of one
    model-int8.tflite   integers throughout, weights quantised per channel, inputs and outputs int8

and always

    io.npz              inputs and outputs of all of these but model-int8.tflite
    io-int8.npz         inputs and outputs of model-int8.tflite, the integers that its interpreter takes and gives

An npz has an array for each input, named as in the signature, and the outputs `out_0`, `out_1`, ... in the order
of their names in the signature. Every array has a leading axis of four samples, stacked: `x[i]` is the input of
one run, with a batch dimension of one, and `out_0[i]` its output. Outputs in io.npz are float32 whatever their
type was; inputs are of the type that the model takes. A TFLite model may have its inputs and outputs in another
order than its signature.

TFLite models are run with TFLite's reference kernels, where it has them for all of a model, and each sample from
the state that the model starts with. The outputs of all files of a folder are compared before any is kept, but
for those of integers, and have to be finite and to differ from sample to sample. Weights are random with fixed
seeds: the numbers are the same at every run on one version of TensorFlow; the bytes of a SavedModel, and of what
TensorFlow 2 froze of it, need not be.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import warnings

# Before TensorFlow is imported: no GPU, no messages, and the plain kernels, whose rounding is the same everywhere.
os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

v1 = tf.compat.v1

# TensorFlow's own interpreter is to move to another package.
warnings.filterwarnings("ignore", message=r"\s*Warning: tf\.lite\.Interpreter is deprecated")

SAMPLES = 4
# How many inputs TFLite's converter sees to choose the ranges of integers.
REPRESENTATIVES = 64
SIGNATURE = "serving_default"

# From an input's name to its samples, stacked.
Arrays = dict[str, np.ndarray]


def uniform(
    shape: tuple[int, ...], low: float = -1, high: float = 1, seed: int = 0, count: int = SAMPLES
) -> np.ndarray:
    """`count` inputs of `shape`, stacked."""
    return np.random.default_rng(seed).uniform(low, high, (count, *shape)).astype(np.float32)


def randomise(model: keras.Model) -> None:
    """Gives values to what Keras starts with zeros and ones: biases, PReLU's slopes, the numbers of a norm."""
    rng = np.random.default_rng(1)
    ranges = {
        "gamma": (0.5, 1.5),
        "beta": (-0.5, 0.5),
        "moving_mean": (-0.5, 0.5),
        "moving_variance": (0.5, 2),
        "alpha": (0.1, 0.4),
        "bias": (-0.3, 0.3),
    }
    for weight in model.weights:
        if weight.name in ranges:
            weight.assign(rng.uniform(*ranges[weight.name], weight.shape))


# Running what was written.


def collect(run, inputs: Arrays) -> list[np.ndarray]:
    """The outputs of `run` in the order of their names, each stacked over the samples."""
    samples = [run(**{name: x[i] for name, x in inputs.items()}) for i in range(SAMPLES)]
    return [np.stack([np.asarray(sample[name]) for sample in samples]) for name in sorted(samples[0])]


def run_saved_model(folder: pathlib.Path, inputs: Arrays) -> list[np.ndarray]:
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures[SIGNATURE]
    return collect(lambda **x: signature(**{name: tf.constant(value) for name, value in x.items()}), inputs)


def run_frozen(path: pathlib.Path, inputs: Arrays, outputs: list[str]) -> list[np.ndarray]:
    with tf.Graph().as_default() as graph, v1.Session() as session:
        tf.graph_util.import_graph_def(v1.GraphDef.FromString(path.read_bytes()), name="")
        fetches = {name: graph.get_tensor_by_name(f"{name}:0") for name in outputs}
        samples = [
            session.run(fetches, {graph.get_tensor_by_name(f"{name}:0"): x[i] for name, x in inputs.items()})
            for i in range(SAMPLES)
        ]
    return [np.stack([sample[name] for sample in samples]) for name in outputs]


def interpreter_of(path: pathlib.Path) -> tf.lite.Interpreter:
    kinds = tf.lite.experimental.OpResolverType
    try:
        return tf.lite.Interpreter(str(path), experimental_op_resolver_type=kinds.BUILTIN_REF)
    except ValueError:
        # Some operators, ELU for one, have no reference kernel.
        kind = kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        return tf.lite.Interpreter(str(path), experimental_op_resolver_type=kind)


def run_tflite(interpreter: tf.lite.Interpreter, inputs: Arrays) -> list[np.ndarray]:
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner()

    def run(**x):
        # A fused LSTM would go on from the state that the sample before left.
        interpreter.reset_all_variables()
        return runner(**x)

    return collect(run, inputs)


def quantised(x: np.ndarray, details: dict) -> np.ndarray:
    """As the integers of a TFLite tensor."""
    scale, zero = details["quantization"]
    limits = np.iinfo(details["dtype"])
    return np.clip(np.round(x / scale) + zero, limits.min, limits.max).astype(details["dtype"])


# Writing a folder.


def check(what: str, outputs: list[np.ndarray]) -> None:
    """Refuses outputs that would test little."""
    for i, out in enumerate(outputs):
        if not np.all(np.isfinite(out)):
            sys.exit(f"{what}: output {i} is not finite")
        if all(np.array_equal(out[0], sample) for sample in out[1:]):
            sys.exit(f"{what}: output {i} is the same for all samples")


def compare(what: str, outputs: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for i, (out, other) in enumerate(zip(outputs, expected, strict=True)):
        if out.shape != other.shape or not np.allclose(out, other, rtol=1e-4, atol=1e-5):
            sys.exit(f"{what}: output {i} differs")


def save(path: pathlib.Path, inputs: Arrays, outputs: list[np.ndarray]) -> None:
    check(str(path), outputs)
    np.savez(path, **inputs, **{f"out_{i}": out for i, out in enumerate(outputs)})


def floats(outputs: list[np.ndarray]) -> list[np.ndarray]:
    return [out.astype(np.float32) for out in outputs]


def freeze(saved_model: pathlib.Path, path: pathlib.Path, lower_control_flow: bool) -> list[str]:
    """Writes a SavedModel's graph without variables, and names its outputs."""
    # Loaded, the variables live as long as this does.
    loaded = tf.saved_model.load(str(saved_model))
    frozen = convert_variables_to_constants_v2(loaded.signatures[SIGNATURE], lower_control_flow=lower_control_flow)
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString(deterministic=True))
    return [out.op.name for out in frozen.outputs]


def convert(saved_model: pathlib.Path, path: pathlib.Path, representatives: Arrays | None = None) -> None:
    """Writes a SavedModel for TFLite: as float32, or as integers with ranges for the `representatives`."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    if representatives is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            {name: x[i] for name, x in representatives.items()} for i in range(REPRESENTATIVES)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())


def write_int8(folder: pathlib.Path, saved_model: pathlib.Path, inputs: Arrays, representatives: Arrays) -> None:
    path = folder / "model-int8.tflite"
    convert(saved_model, path, representatives)
    interpreter = interpreter_of(path)
    details = interpreter.get_signature_runner().get_input_details()
    integers = {name: quantised(x, details[name]) for name, x in inputs.items()}
    save(folder / "io-int8.npz", integers, run_tflite(interpreter, integers))


def write_others(
    folder: pathlib.Path,
    saved_model: pathlib.Path,
    inputs: Arrays,
    expected: list[np.ndarray],
    tflite: bool,
    frozen: str | None,
    representatives: Arrays | None = None,
) -> None:
    """Writes a SavedModel of a batch of one in the other forms; `write_keras` says what the options ask for."""
    if frozen is not None:
        path = folder / "frozen.pb"
        names = freeze(saved_model, path, lower_control_flow=frozen == "lowered")
        compare(str(path), run_frozen(path, inputs, names), expected)
    if tflite:
        path = folder / "model.tflite"
        convert(saved_model, path)
        compare(str(path), run_tflite(interpreter_of(path), inputs), expected)
    if representatives is not None:
        write_int8(folder, saved_model, inputs, representatives)


def specifications(inputs: Arrays) -> list[tf.TensorSpec]:
    return [tf.TensorSpec(x.shape[1:], x.dtype, name) for name, x in inputs.items()]


def write_keras(
    folder: pathlib.Path,
    model: keras.Model,
    inputs: Arrays,
    tflite: bool = True,
    frozen: str | None = None,
    representatives: Arrays | None = None,
) -> None:
    """Writes a Keras model; `inputs` are in the order of the model's.

    `frozen` asks for a frozen.pb, with loops as functions ("functions") or as nodes of the graph ("lowered").
    `representatives` asks for a model-int8.tflite.
    """
    model.export(folder / "saved_model", verbose=False)
    outputs = run_saved_model(folder / "saved_model", inputs)
    with tempfile.TemporaryDirectory() as temporary:
        single = pathlib.Path(temporary)
        specs = specifications(inputs)
        model.export(single, verbose=False, input_signature=[specs] if len(specs) > 1 else specs)
        write_others(folder, single, inputs, outputs, tflite, frozen, representatives)
    save(folder / "io.npz", inputs, floats(outputs))


def write_module(
    folder: pathlib.Path, module: tf.Module, inputs: Arrays, tflite: bool = True, frozen: str | None = None
) -> None:
    """Writes the `tf.function` that `module` has as its `__call__`, which returns a dictionary."""
    function = module.__call__.get_concrete_function(*specifications(inputs))
    tf.saved_model.save(module, str(folder / "saved_model"), signatures={SIGNATURE: function})
    outputs = run_saved_model(folder / "saved_model", inputs)
    write_others(folder, folder / "saved_model", inputs, outputs, tflite, frozen)
    save(folder / "io.npz", inputs, floats(outputs))


def write_graph(folder: pathlib.Path, session, outputs: list[str], inputs: Arrays) -> None:
    """Writes a graph of TensorFlow 1 with the values that its variables have in the session."""
    definition = v1.graph_util.convert_variables_to_constants(session, session.graph.as_graph_def(), outputs)
    (folder / "frozen.pb").write_bytes(definition.SerializeToString(deterministic=True))
    save(folder / "io.npz", inputs, floats(run_frozen(folder / "frozen.pb", inputs, outputs)))


# The cases.


def cnn(folder: pathlib.Path) -> None:
    """What an image classifier is made of."""
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3), name="image"),
            layers.Conv2D(8, 3, strides=2, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(max_value=6),
            layers.MaxPooling2D(2),
            layers.Conv2D(8, 1),
            layers.AveragePooling2D(3, strides=1, padding="same"),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            # Large enough that the probabilities differ.
            layers.Dense(5, activation="softmax", kernel_initializer=keras.initializers.RandomUniform(-3, 3)),
        ]
    )
    randomise(model)
    shape = (1, 16, 16, 3)
    representatives = {"image": uniform(shape, seed=2, count=REPRESENTATIVES)}
    write_keras(folder, model, {"image": uniform(shape)}, frozen="lowered", representatives=representatives)


def conv_mix(folder: pathlib.Path) -> None:
    """Convolutions and activations of other kinds, in branches."""
    x = keras.Input((8, 8, 2), name="image")
    same = layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="leaky_relu")(x)
    same = layers.Conv2D(3, 3, strides=2, padding="same")(same)
    valid = layers.Conv2DTranspose(3, 3, strides=2, padding="valid")(x)
    valid = layers.ELU()(layers.Conv2D(3, 3, strides=2)(valid))
    dilated = layers.Conv2D(3, 3, dilation_rate=2, padding="same")(x)
    dilated = layers.Activation("selu")(dilated)
    padded = layers.ZeroPadding2D(((1, 2), (2, 1)))(x)
    padded = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(3, 4)(padded))
    nearest = layers.UpSampling2D(2, interpolation="nearest")(x)
    nearest = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(3, 3, strides=2, padding="same")(nearest))
    bilinear = layers.UpSampling2D(2, interpolation="bilinear")(x)
    bilinear = layers.Conv2D(3, 3, strides=2, padding="same", use_bias=False)(bilinear)
    joined = layers.Concatenate()([same, valid, dilated, padded, nearest, bilinear])
    joined = layers.Conv2D(4, 3)(joined)
    model = keras.Model(x, layers.GlobalAveragePooling2D()(joined))
    randomise(model)
    write_keras(folder, model, {"image": uniform((1, 8, 8, 2))})


def conv1d(folder: pathlib.Path) -> None:
    """Convolutions over one and three dimensions, with two inputs."""
    signal = keras.Input((16, 3), name="signal")
    volume = keras.Input((4, 4, 4, 1), name="volume")
    a = layers.Conv1D(6, 3, padding="causal", activation="relu")(signal)
    a = layers.Conv1D(4, 3, padding="causal", dilation_rate=2)(a)
    a = layers.Flatten()(layers.MaxPooling1D(2)(a))
    b = layers.Conv3D(3, 2, padding="same", activation="relu")(volume)
    b = layers.Flatten()(layers.Conv3D(2, 2, strides=2)(b))
    model = keras.Model([signal, volume], layers.Dense(4)(layers.Concatenate()([a, b])))
    randomise(model)
    write_keras(folder, model, {"signal": uniform((1, 16, 3)), "volume": uniform((1, 4, 4, 4, 1), seed=3)})


def recurrent(folder: pathlib.Path, steps: list, frozen: str | None = None) -> None:
    """Layers over a sequence of 7 steps of 4 numbers."""
    model = keras.Sequential([keras.Input((7, 4), name="sequence"), *steps, layers.Dense(3)])
    randomise(model)
    write_keras(folder, model, {"sequence": uniform((1, 7, 4), -2, 2)}, frozen=frozen)


def lstm(folder: pathlib.Path) -> None:
    recurrent(folder, [layers.LSTM(6, return_sequences=True), layers.LSTM(5)], frozen="lowered")


def lstm_unrolled(folder: pathlib.Path) -> None:
    recurrent(folder, [layers.LSTM(5, unroll=True)])


def gru(folder: pathlib.Path) -> None:
    recurrent(folder, [layers.GRU(6, return_sequences=True), layers.Bidirectional(layers.GRU(4))], frozen="functions")


def simple_rnn(folder: pathlib.Path) -> None:
    recurrent(folder, [layers.SimpleRNN(6)])


class FusedLstm(tf.Module):
    """A layer in a function marked as Keras 2 marks it, which TFLite's converter makes one operator of."""

    def __init__(self, features: int, units: int):
        rng = np.random.default_rng(1)
        shapes = ((features, 4 * units), (units, 4 * units), (4 * units,))
        self.weights = [tf.Variable(rng.uniform(-0.6, 0.6, shape).astype(np.float32)) for shape in shapes]
        self.units = units
        marks = {"api_implements": "lstm_of_this_model", "api_preferred_device": "CPU"}
        marks |= {"time_major": False, "go_backwards": False}
        self.layer = tf.function(self.steps, experimental_attributes=marks, autograph=False)

    def steps(self, inputs, h, c, kernel, recurrent_kernel, bias):
        outputs = []
        for x in tf.unstack(inputs, axis=1):
            z = x @ kernel + h @ recurrent_kernel + bias
            i, f, g, o = tf.split(z, 4, axis=1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o) * tf.tanh(c)
            outputs.append(h)
        return h, tf.stack(outputs, axis=1), h, c, tf.constant(1.0)

    @tf.function
    def __call__(self, sequence):
        zeros = tf.zeros((1, self.units))
        weights = [weight.read_value() for weight in self.weights]
        _, outputs, _, _, _ = self.layer(sequence, zeros, zeros, *weights)
        return {"states": outputs}


def lstm_fused(folder: pathlib.Path) -> None:
    """TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM."""
    write_module(folder, FusedLstm(4, 5), {"sequence": uniform((1, 7, 4), -2, 2)})


def transformer(folder: pathlib.Path) -> None:
    """A block of attention and a two-layer network, each with a norm before it."""
    x = keras.Input((8, 16), name="tokens")
    normed = layers.LayerNormalization()(x)
    attended = layers.Add()([x, layers.MultiHeadAttention(2, 8)(normed, normed)])
    hidden = layers.Dense(32, activation="gelu")(layers.LayerNormalization()(attended))
    model = keras.Model(x, layers.Add()([attended, layers.Dense(16)(hidden)]))
    randomise(model)
    write_keras(folder, model, {"tokens": uniform((1, 8, 16), -2, 2)})


def embedding(folder: pathlib.Path) -> None:
    """Integers as inputs: the mean of their vectors, and a layer."""
    ids = keras.Input((6,), dtype="int32", name="ids")
    vectors = layers.Embedding(12, 8, embeddings_initializer=keras.initializers.RandomUniform(-2, 2))(ids)
    model = keras.Model(ids, layers.Dense(3)(keras.ops.mean(vectors, axis=1)))
    randomise(model)
    write_keras(folder, model, {"ids": np.random.default_rng(0).integers(0, 12, (SAMPLES, 1, 6), dtype=np.int32)})


class Elementwise(tf.Module):
    """One output for each group of operations, so that a wrong one is easily found."""

    @tf.function(autograph=False)
    def __call__(self, x, y):
        positive = tf.abs(y) + 0.5
        rows = tf.unstack(x, axis=1)
        first, second, third = tf.split(x, [1, 2, 3], axis=2)
        matrix = tf.constant(np.random.default_rng(1).uniform(-1, 1, (6, 5)).astype(np.float32))
        return {
            "arithmetic": (x + y) * (x - 2.0 * y) / positive,
            "bias": tf.nn.bias_add(x, matrix[:, 0]),
            "cast": tf.cast(tf.cast(3.0 * x, tf.int32), tf.float32) + tf.cast(x > y, tf.float32),
            "einsum": tf.einsum("bij,jk->bki", x, matrix),
            "extremes": tf.maximum(x, y) - tf.minimum(x, 0.3) + tf.clip_by_value(y, -0.5, 0.75),
            "gather": tf.gather(x, [5, 0, 2, 2], axis=2),
            "index": tf.argmax(x, axis=2) + tf.argmax(y, axis=2),
            "exponentials": tf.exp(x) + tf.math.log(positive) + tf.pow(positive, 1.5),
            "matmul": tf.matmul(x, y, transpose_b=True),
            "mirror": tf.pad(x, [[0, 0], [1, 2], [2, 1]], "REFLECT"),
            "pack": tf.stack([rows[3], rows[0] - rows[1], rows[2]], axis=1),
            "pad": tf.pad(x, [[0, 0], [1, 0], [0, 2]]) + tf.pad(y, [[0, 0], [0, 1], [1, 1]], constant_values=2.0),
            "reductions": tf.reduce_sum(x, [1, 2]) + tf.reduce_max(x, [1, 2]) + tf.reduce_min(y, [1, 2]),
            "roots": tf.sqrt(positive) + tf.math.rsqrt(positive) + tf.square(x),
            "select": tf.where(x > y, x, -y) + tf.where(tf.logical_and(x >= 0.0, y < 0.5), 1.0, x),
            "sigmoids": tf.tanh(x) + tf.sigmoid(y) + tf.math.softplus(3.0 * x),
            "signs": tf.abs(x) - tf.negative(y) + tf.floor(4.0 * x),
            "slices": x[:, 1:, ::2] + y[:, :3, -1::-2],
            "slices_masked": x[0, ..., 2] + y[..., 1:2, 3] + x[:, tf.newaxis, 1, :4],
            "split": tf.concat([third, first * second], axis=2),
            "squeeze": tf.squeeze(tf.expand_dims(x, 3), [0, 3]) - tf.reduce_mean(y, 1, keepdims=True),
            "tile": tf.tile(x, [1, 2, 1]),
            "transpose": tf.reshape(tf.transpose(x, [0, 2, 1]), [1, 3, 8]),
        }


def elementwise(folder: pathlib.Path) -> None:
    write_module(folder, Elementwise(), {"x": uniform((1, 4, 6), -2, 2), "y": uniform((1, 4, 6), -2, 2, seed=3)})


class Partitioned(tf.Module):
    """Functions within functions, loops whose count is known, and a branch on a constant."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.kernel = tf.Variable(rng.uniform(-0.7, 0.7, (6, 6)).astype(np.float32))
        self.bias = tf.Variable(rng.uniform(-0.3, 0.3, 6).astype(np.float32))

    @tf.function
    def inner(self, x):
        return tf.tanh(x @ self.kernel)

    @tf.function
    def outer(self, x):
        return self.inner(x + self.bias) + self.inner(x)

    @tf.function
    def scaled(self, x, factor):
        return x * factor

    @tf.function
    def __call__(self, x):
        x = self.scaled(self.outer(x), 1.5)
        _, x = tf.while_loop(lambda i, _: i < 3, lambda i, v: (i + 1, v + 0.5 * self.inner(v)), (0, x))
        x = tf.cond(tf.constant(True), lambda: x + 1.0, lambda: x - 1.0)
        rows = tf.TensorArray(tf.float32, 4)
        for i in tf.range(4):
            rows = rows.write(i, x[0] * tf.cast(i, tf.float32))
        return {"last": x, "rows": rows.stack()}


def partitioned(folder: pathlib.Path) -> None:
    write_module(folder, Partitioned(), {"x": uniform((1, 6))}, frozen="functions")


def mobilenetv2(folder: pathlib.Path) -> None:
    """A whole network, for measurements; about 2 MB for each form."""
    image = keras.Input((96, 96, 3), name="image")
    model = keras.applications.MobileNetV2(input_tensor=image, alpha=0.35, weights=None, classes=10)
    shape = (1, 96, 96, 3)
    images = uniform(shape, seed=2, count=REPRESENTATIVES)
    # Statistics of real inputs, or the outputs would not depend on them.
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.5
    for _ in range(8):
        model(images[:, 0], training=True)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(weight * rng.uniform(0.8, 1.25, weight.shape))
        elif weight.name in ("beta", "bias"):
            weight.assign(rng.uniform(-0.2, 0.2, weight.shape))
    write_keras(folder, model, {"image": uniform(shape)}, representatives={"image": images})


def set_variables(session) -> None:
    """Gives values to the variables of a graph of TensorFlow 1."""
    rng = np.random.default_rng(1)
    for variable in v1.global_variables():
        low = 0.5 if variable.op.name.endswith(("scale", "variance")) else -0.6
        variable.load(rng.uniform(low, low + 1.2, variable.shape), session)


def variable(name: str, *shape: int) -> tf.Tensor:
    return v1.get_variable(name, shape, use_resource=False)


def frozen_v1(folder: pathlib.Path) -> None:
    """A convolutional network as TensorFlow 1 wrote it."""
    with tf.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.float32, (None, 8, 8, 2), "image")
        x = v1.nn.conv2d(image, variable("conv1", 3, 3, 2, 4), 1, "SAME", data_format="NHWC")
        norm = [variable(f"norm1_{name}", 4) for name in ("scale", "offset", "mean", "variance")]
        # The first version of the operation, which no function writes any more.
        x = tf.raw_ops.FusedBatchNorm(
            x=x, scale=norm[0], offset=norm[1], mean=norm[2], variance=norm[3], is_training=False
        )
        x = v1.nn.max_pool(tf.nn.relu(x.y), 2, 2, "VALID")
        x = v1.nn.bias_add(v1.nn.conv2d(x, variable("conv2", 3, 3, 4, 4), 2, "SAME"), variable("bias2", 4))
        norm = [variable(f"norm2_{name}", 4) for name in ("scale", "offset", "mean", "variance")]
        x, _, _ = v1.nn.fused_batch_norm(x, *norm, is_training=False)
        x = tf.reshape(tf.nn.relu6(x), [-1, 16])
        x = tf.matmul(x, variable("dense", 16, 5)) + variable("dense_bias", 5)
        tf.nn.softmax(x, name="out_0")
        session.run(v1.global_variables_initializer())
        set_variables(session)
        write_graph(folder, session, ["out_0"], {"image": uniform((1, 8, 8, 2))})


def gru_v1(sequence: tf.Tensor, units: int) -> tuple[tf.Tensor, tf.Tensor]:
    """A layer looped over the first axis as `tf.nn.dynamic_rnn` did; all outputs, and the last state."""
    gates, gates_bias = variable("gates", 4 + units, 2 * units), variable("gates_bias", 2 * units)
    candidate, candidate_bias = variable("candidate", 4 + units, units), variable("candidate_bias", units)
    shape = tf.shape(sequence)
    steps = shape[0]
    inputs = tf.TensorArray(tf.float32, steps).unstack(sequence)
    outputs = tf.TensorArray(tf.float32, steps, element_shape=(None, units))

    def step(i, state, outputs):
        x = inputs.read(i)
        x.set_shape((None, 4))
        r, u = tf.split(tf.sigmoid(tf.nn.bias_add(tf.concat([x, state], 1) @ gates, gates_bias)), 2, axis=1)
        c = tf.tanh(tf.nn.bias_add(tf.concat([x, r * state], 1) @ candidate, candidate_bias))
        state = u * state + (1 - u) * c
        return i + 1, state, outputs.write(i, state)

    start = (tf.constant(0), tf.zeros(tf.stack([shape[1], units])), outputs)
    invariants = (tf.TensorShape([]), tf.TensorShape((None, units)), tf.TensorShape(None))
    _, state, outputs = v1.while_loop(lambda i, *_: i < steps, step, start, shape_invariants=invariants)
    return outputs.stack(), state


def dynamic_rnn_v1(folder: pathlib.Path) -> None:
    """A recurrent network with the loop of TensorFlow 1: Enter, Merge, Switch, Exit, and TensorArrays."""
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default(), v1.Session() as session:
            sequence = v1.placeholder(tf.float32, (None, 7, 4), "sequence")
            outputs, state = gru_v1(tf.transpose(sequence, [1, 0, 2]), 5)
            tf.transpose(outputs, [1, 0, 2], name="out_0")
            tf.add(tf.matmul(state, variable("dense", 5, 3)), variable("dense_bias", 3), name="out_1")
            session.run(v1.global_variables_initializer())
            set_variables(session)
            write_graph(folder, session, ["out_0", "out_1"], {"sequence": uniform((1, 7, 4), -2, 2)})
    finally:
        v1.enable_control_flow_v2()


CASES = {
    case.__name__: case
    for case in (
        cnn,
        conv_mix,
        conv1d,
        lstm,
        lstm_unrolled,
        lstm_fused,
        gru,
        simple_rnn,
        transformer,
        embedding,
        elementwise,
        partitioned,
        frozen_v1,
        dynamic_rnn_v1,
        mobilenetv2,
    )
}


def main(arguments: list[str]) -> None:
    if not arguments or arguments[0].startswith("-"):
        sys.exit(f"usage: generate.py FOLDER [NAME...]\nnames: {' '.join(CASES)}")
    folder, *names = arguments
    for name in names:
        if name not in CASES:
            sys.exit(f"no case {name!r}; there are {' '.join(CASES)}")
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name in names or CASES:
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        # A folder appears whole, or not at all.
        with tempfile.TemporaryDirectory(dir=target) as temporary:
            made = pathlib.Path(temporary) / name
            made.mkdir()
            CASES[name](made)
            shutil.rmtree(target / name, ignore_errors=True)
            made.rename(target / name)
        files = [file for file in (target / name).rglob("*") if file.is_file()]
        print(f"{name}: {len(files)} files, {sum(file.stat().st_size for file in files)} bytes", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
