"""Files as CNNDetection's training leaves them, and what such a network gives, by NumPy."""

from __future__ import annotations

import numpy as np

from .torch_files import Tensor


def random_state(seed=0):
    """Arrays of a ResNet-50 with one output, by torchvision's names."""
    rng, state = np.random.default_rng(seed), {}

    def normed(conv, norm, out, channels, size, gain=1.0):
        deviation = np.sqrt(2 / (channels * size * size))
        weight = rng.standard_normal((out, channels, size, size), np.float32)
        state[f"{conv}.weight"] = weight * np.float32(deviation)
        state[f"{norm}.weight"] = gain * rng.uniform(0.5, 1.5, out)
        state[f"{norm}.bias"] = rng.normal(0, 0.2, out)
        state[f"{norm}.running_mean"] = rng.normal(0, 0.2, out)
        state[f"{norm}.running_var"] = rng.uniform(0.5, 1.5, out)
        state[f"{norm}.num_batches_tracked"] = np.int64(1000)

    normed("conv1", "bn1", 64, 3, 7)
    before = 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width = 64 * 2**stage
        for block in range(blocks):
            name = f"layer{stage + 1}.{block}"
            normed(f"{name}.conv1", f"{name}.bn1", width, before, 1)
            normed(f"{name}.conv2", f"{name}.bn2", width, width, 3)
            normed(f"{name}.conv3", f"{name}.bn3", 4 * width, width, 1, gain=0.5)
            if block == 0:
                normed(f"{name}.downsample.0", f"{name}.downsample.1", 4 * width, before, 1)
            before = 4 * width
    state["fc.weight"], state["fc.bias"] = rng.normal(0, 0.02, (1, 2048)), rng.normal(size=1)
    return {
        name: value if value.dtype == np.int64 else value.astype(np.float32)
        for name, value in state.items()
    }


def numpy_logits(state, images):
    """The network as its paper and torchvision have it, in float64, batch norm not folded."""

    def conv(x, name, stride=1):
        kernel = state[f"{name}.weight"].astype(np.float64)
        pad = kernel.shape[-1] // 2
        x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], (2, 3))
        windows = windows[:, :, ::stride, ::stride]
        return np.tensordot(windows, kernel, [(1, 4, 5), (1, 2, 3)]).transpose(0, 3, 1, 2)

    def norm(x, name):
        weight, bias, mean, variance = (
            state[f"{name}.{part}"].astype(np.float64)[:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-5) * weight + bias

    x = images.astype(np.float64).transpose(0, 3, 1, 2) / 255
    x -= np.array([0.485, 0.456, 0.406])[:, None, None]
    x /= np.array([0.229, 0.224, 0.225])[:, None, None]
    x = np.maximum(norm(conv(x, "conv1", 2), "bn1"), 0)
    x = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=-np.inf)
    x = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))[:, :, ::2, ::2].max((4, 5))
    for stage, blocks in enumerate((3, 4, 6, 3), 1):
        for block in range(blocks):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = np.maximum(norm(conv(x, f"{name}.conv1"), f"{name}.bn1"), 0)
            y = np.maximum(norm(conv(y, f"{name}.conv2", stride), f"{name}.bn2"), 0)
            y = norm(conv(y, f"{name}.conv3"), f"{name}.bn3")
            if block == 0:
                x = norm(conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
            x = np.maximum(x + y, 0)
    return x.mean((2, 3)) @ state["fc.weight"].T + state["fc.bias"]


def trained(state):
    """What CNNDetection's training saves: the state of its optimizer, too."""
    moments = {"step": 7, "exp_avg": Tensor(np.ones(3)), "exp_avg_sq": Tensor(np.ones(3))}
    return {
        "model": {name: Tensor(value) for name, value in state.items()},
        "optimizer": {
            "state": {140232: moments},
            "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999), "amsgrad": False}],
        },
        "total_steps": 7,
    }
