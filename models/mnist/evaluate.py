"""Accuracy of mnist-demo.onnx in onnxruntime on digits.npz, which training never saw; exit code 1 below 98 %."""

import pathlib

import numpy as np
import onnxruntime

here = pathlib.Path(__file__).parent
held_back = np.load(here / "digits.npz")
session = onnxruntime.InferenceSession(here / "mnist-demo.onnx", providers=["CPUExecutionProvider"])
images = held_back["x"].astype(np.float32)[:, None, None] / np.float32(255)
logits = np.concatenate([session.run(["logits"], {"image": image})[0] for image in images])
right = int((logits.argmax(1) == held_back["y"]).sum())
accuracy = 100 * right / len(images)
print(f"{right} of {len(images)} right: {accuracy:.2f} %; logits in {logits.min():.2f} ..= {logits.max():.2f}")
raise SystemExit(accuracy < 98)
