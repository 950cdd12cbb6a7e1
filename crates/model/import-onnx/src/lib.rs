//! Reads an ONNX file into the float graph.
