"""ResNet-50 as torchvision has it, of weights that are given.

Source: He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016). As in torchvision, a
block that halves the picture does so in its 3 × 3 convolution.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from .folding import folded

_EPSILON = 1e-5
# Blocks of each stage, and the filters within these; a block gives four times as many.
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
_EXPANSION = 4


def resnet50_shapes(outputs: int) -> dict[str, tuple[int, ...]]:
    """Returns the shape of each array that the network is made of, by its name in torchvision.

    Args:
        outputs: Size of the last layer.
    """
    shapes: dict[str, tuple[int, ...]] = {}

    def convolution(conv: str, norm: str, out: int, channels: int, size: int) -> None:
        shapes[f"{conv}.weight"] = (out, channels, size, size)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{norm}.{part}"] = (out,)

    convolution("conv1", "bn1", 64, 3, 7)
    channels = 64
    for stage, (blocks, width) in enumerate(_STAGES, 1):
        for block in range(blocks):
            name, out = f"layer{stage}.{block}", width * _EXPANSION
            convolution(f"{name}.conv1", f"{name}.bn1", width, channels, 1)
            convolution(f"{name}.conv2", f"{name}.bn2", width, width, 3)
            convolution(f"{name}.conv3", f"{name}.bn3", out, width, 1)
            if block == 0:
                convolution(f"{name}.downsample.0", f"{name}.downsample.1", out, channels, 1)
            channels = out
    return {**shapes, "fc.weight": (outputs, channels), "fc.bias": (outputs,)}


class ResNet50:
    """Maps float pictures ``[N, H, W, 3]`` of any size to logits ``[N, outputs]``, in float32.

    Args:
        state: Float32 arrays by torchvision's names, with the shapes of :func:`resnet50_shapes`.
    """

    def __init__(self, state: Mapping[str, np.ndarray]):
        self._stem = folded(state, "conv1", "bn1", _EPSILON)
        # Stride and weights of each block.
        self._blocks = [
            (2 if stage > 1 and block == 0 else 1, _block(state, f"layer{stage}.{block}"))
            for stage, (blocks, _) in enumerate(_STAGES, 1)
            for block in range(blocks)
        ]
        self._weight = tf.constant(state["fc.weight"].T)
        self._bias = tf.constant(state["fc.bias"])

    def __call__(self, pictures):
        """Computes logits of pictures that are scaled as the network was trained."""
        x = tf.nn.relu(_conv(pictures, self._stem, 2))
        # After ReLU, zeros around it never are the greatest.
        x = tf.nn.max_pool2d(_padded(x, 1), 3, 2, "VALID")
        for stride, block in self._blocks:
            y = tf.nn.relu(_conv(x, block["conv1"]))
            y = tf.nn.relu(_conv(y, block["conv2"], stride))
            y = _conv(y, block["conv3"])
            shortcut = _conv(x, block["downsample"], stride) if "downsample" in block else x
            x = tf.nn.relu(shortcut + y)
        return tf.reduce_mean(x, [1, 2]) @ self._weight + self._bias


def _block(state: Mapping[str, np.ndarray], name: str) -> dict[str, tuple]:
    layers = {"conv1": "bn1", "conv2": "bn2", "conv3": "bn3"}
    block = {
        conv: folded(state, f"{name}.{conv}", f"{name}.{norm}", _EPSILON)
        for conv, norm in layers.items()
    }
    if f"{name}.downsample.0.weight" in state:
        names = f"{name}.downsample.0", f"{name}.downsample.1"
        block["downsample"] = folded(state, *names, _EPSILON)
    return block


def _padded(x, pad: int):
    return tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])


def _conv(x, weights: tuple, stride: int = 1):
    # torch pads both sides alike; TensorFlow's "SAME" does not where the stride is 2.
    kernel, bias = weights
    return tf.nn.conv2d(_padded(x, kernel.shape[0] // 2), kernel, stride, "VALID") + bias
