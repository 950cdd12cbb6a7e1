"""The digit classifier and its gradients in plain numpy, channels last, float32.

    image 28x28x1
      conv 5x5 stride 2 -> 14x14xC1, batch norm, ReLU
      conv 3x3          -> 14x14xC2, batch norm, ReLU, max pool 2x2 -> 7x7xC2
      conv 3x3 stride 2 ->   4x4xC3, batch norm, ReLU
      dense             -> 10 logits

The shape is chosen for secure evaluation, where a linear layer costs its multiply-accumulates times the bits of a
weight, and a ReLU or a maximum costs one comparison each: few of all three, and the pool only where maps are small.
"""

import numpy as np

CHANNELS = (8, 16, 32)
EPSILON = 1e-5


class Conv:
    """A convolution without bias (batch norm follows); weight [kernel * kernel * inputs, outputs]."""

    def __init__(self, rng, inputs, outputs, kernel, stride):
        fan_in = kernel * kernel * inputs
        self.weight = (rng.standard_normal((fan_in, outputs)) * np.sqrt(2 / fan_in)).astype(np.float32)
        self.inputs, self.kernel, self.stride, self.pad = inputs, kernel, stride, kernel // 2

    def parameters(self):
        return ["weight"]

    def forward(self, x, training):
        k, s, p = self.kernel, self.stride, self.pad
        self.padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(self.padded, (k, k), axis=(1, 2))[:, ::s, ::s]
        self.out_shape = windows.shape[:3]
        # [batch, h, w, inputs, k, k] -> one row a window, in the order k, k, inputs
        self.columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, self.weight.shape[0])
        return (self.columns @ self.weight).reshape(*self.out_shape, -1)

    def backward(self, gradient):
        k, s, p = self.kernel, self.stride, self.pad
        flat = gradient.reshape(-1, gradient.shape[-1])
        self.grad_weight = self.columns.T @ flat
        if self.inputs == 1:
            return None  # the first layer: nobody asks for the gradient of the image
        pieces = (flat @ self.weight.T).reshape(*self.out_shape, k, k, self.inputs)
        whole = np.zeros_like(self.padded)
        height, width = self.out_shape[1:]
        for i in range(k):
            for j in range(k):
                whole[:, i : i + s * height : s, j : j + s * width : s] += pieces[:, :, :, i, j]
        return whole[:, p:-p, p:-p]


class BatchNorm:
    """Batch normalisation over all axes but the last; `mean` and `var` are set by `Network.measure_statistics`."""

    def __init__(self, channels):
        self.gamma, self.beta = np.ones(channels, np.float32), np.zeros(channels, np.float32)
        self.mean, self.var = np.zeros(channels, np.float32), np.ones(channels, np.float32)

    def parameters(self):
        return ["gamma", "beta"]

    def forward(self, x, training):
        mean, var = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if training else (self.mean, self.var)
        self.batch = mean, var
        self.inverse = 1 / np.sqrt(var + np.float32(EPSILON))
        self.normal = (x - mean) * self.inverse
        return self.normal * self.gamma + self.beta

    def backward(self, gradient):
        self.grad_gamma, self.grad_beta = (gradient * self.normal).sum((0, 1, 2)), gradient.sum((0, 1, 2))
        count = np.float32(gradient.size // gradient.shape[-1])
        centred = gradient - (self.grad_beta + self.normal * self.grad_gamma) / count
        return centred * (self.gamma * self.inverse)


class Relu:
    def parameters(self):
        return []

    def forward(self, x, training):
        self.positive = x > 0
        return x * self.positive

    def backward(self, gradient):
        return gradient * self.positive


class MaxPool:
    """2x2, stride 2; a tie sends the gradient to each of the largest."""

    def parameters(self):
        return []

    def forward(self, x, training):
        b, h, w, c = x.shape
        self.blocks = x.reshape(b, h // 2, 2, w // 2, 2, c)
        self.largest = self.blocks.max((2, 4), keepdims=True)
        return self.largest[:, :, 0, :, 0]

    def backward(self, gradient):
        spread = (self.blocks == self.largest) * gradient[:, :, None, :, None]
        b, h, _, w, _, c = spread.shape
        return spread.reshape(b, h * 2, w * 2, c)


class Dense:
    def __init__(self, rng, inputs, outputs):
        self.weight = (rng.standard_normal((inputs, outputs)) / np.sqrt(inputs)).astype(np.float32)
        self.bias = np.zeros(outputs, np.float32)

    def parameters(self):
        return ["weight", "bias"]

    def forward(self, x, training):
        self.shape, self.flat = x.shape, x.reshape(len(x), -1)
        return self.flat @ self.weight + self.bias

    def backward(self, gradient):
        self.grad_weight, self.grad_bias = self.flat.T @ gradient, gradient.sum(0)
        return (gradient @ self.weight.T).reshape(self.shape)


class Network:
    def __init__(self, rng):
        a, b, c = CHANNELS
        self.layers = [
            Conv(rng, 1, a, 5, 2), BatchNorm(a), Relu(),
            Conv(rng, a, b, 3, 1), BatchNorm(b), Relu(), MaxPool(),
            Conv(rng, b, c, 3, 2), BatchNorm(c), Relu(),
            Dense(rng, 4 * 4 * c, 10),
        ]  # fmt: skip

    def slots(self):
        """Every trainable array as (layer, name)."""
        return [(layer, name) for layer in self.layers for name in layer.parameters()]

    def forward(self, images, training=False):
        """Logits [batch, 10] of images [batch, 28, 28] with values in 0..=1."""
        x = images[..., None]
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, gradient):
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)

    def measure_statistics(self, images):
        """Sets each batch norm's mean and variance to those of `images`."""
        norms = [layer for layer in self.layers if isinstance(layer, BatchNorm)]
        self.forward(images, training=True)
        for norm in norms:
            norm.mean, norm.var = norm.batch

    def predict(self, images):
        return np.concatenate([self.forward(part) for part in np.array_split(images, len(images) // 100 + 1)]).argmax(1)
