"""ONNX files of a few operators, written by hand: protobuf needs no more than this."""

import sys
from array import array

FLOAT = 1
# AttributeProto.AttributeType.
INT, INTS = 2, 7


def varint(value: int) -> bytes:
    """An unsigned number, seven bits a byte."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """A field with a number."""
    return varint(field << 3) + varint(value)


def block(field: int, value: bytes | str) -> bytes:
    """A field with a string, bytes or a message."""
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def attribute(name: str, value: int | list[int]) -> bytes:
    """AttributeProto: one number, or several."""
    if isinstance(value, int):
        return block(1, name) + number(3, value) + number(20, INT)
    return block(1, name) + b"".join(number(8, v) for v in value) + number(20, INTS)


def value_info(name: str, shape: list[int | str]) -> bytes:
    """ValueInfoProto of float32; a dimension is a number or a name."""
    dims = b"".join(block(1, block(2, d) if isinstance(d, str) else number(1, d)) for d in shape)
    return block(1, name) + block(2, block(1, number(1, FLOAT) + block(2, dims)))


class Graph:
    """A graph in the making."""

    def __init__(self, name: str):
        self.name = name
        self.nodes = []
        self.tensors = []

    def tensor(self, name: str, shape: tuple[int, ...], values: array) -> str:
        """Adds an initializer of float32; returns its name."""
        if sys.byteorder == "big":
            values = array("f", values)
            values.byteswap()
        dims = b"".join(number(1, d) for d in shape)
        self.tensors.append(dims + number(2, FLOAT) + block(8, name) + block(9, values.tobytes()))
        return name

    def node(self, op: str, inputs: list[str], output: str, name: str = "", **attributes) -> str:
        """Adds a node; returns its output."""
        fields = b"".join(block(1, i) for i in inputs) + block(2, output)
        fields += block(3, name) if name else b""
        fields += block(4, op)
        # In the order of their names.
        fields += b"".join(block(5, attribute(key, attributes[key])) for key in sorted(attributes))
        self.nodes.append(fields)
        return output

    def model(self, inputs: tuple[str, list], output: tuple[str, list]) -> bytes:
        """The file: IR version 8, operator set 13."""
        graph = b"".join(block(1, node) for node in self.nodes) + block(2, self.name)
        graph += b"".join(block(5, tensor) for tensor in self.tensors)
        graph += block(11, value_info(*inputs)) + block(12, value_info(*output))
        # The empty domain is ONNX's own.
        return number(1, 8) + block(7, graph) + block(8, block(1, "") + number(2, 13))
