"""The names in StyleGAN2-ADA for PyTorch of the variables of its TensorFlow code.

Source: the public repository NVlabs/stylegan2-ada-pytorch (``legacy.py``, which converts
the one to the other, and ``training/networks.py`` for defaults).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import UserError
from ...unpickling.values import told
from ..porting.variables import Variables
from .persistence import Module

_LAYERS = {
    "Const": "",
    "Conv": "conv1",
    "Conv0_up": "conv0",
    "Conv1": "conv1",
    "Conv0": "conv0",
    "Conv1_down": "conv1",
    "Skip": "skip",
    "ToRGB": "torgb",
    "FromRGB": "fromrgb",
    "Dense0": "fc",
}
_PARTS = {"mod_weight": "affine.weight", "mod_bias": "affine.bias"}


class AdaVariables(Variables):
    """Parameters and buffers of a network by their names in PyTorch."""

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        super().__init__(arrays, r"(.*\.)?resample_filter")

    def name(self, tf_name: str) -> str:
        if tf_name == "dlatent_avg":
            return "mapping.w_avg"
        if tf_name.startswith("Output/"):
            return f"b4.out.{tf_name.removeprefix('Output/')}"
        label = re.fullmatch(r"(mapping/)?LabelEmbed/(\w+)", tf_name)
        if label:
            return f"mapping.embed.{label[2]}"
        dense = re.fullmatch(r"(mapping/Dense|Mapping)(\d+)/(\w+)", tf_name)
        if dense:
            return f"mapping.fc{dense[2]}.{dense[3]}"
        noise = re.fullmatch(r"synthesis/noise(\d+)", tf_name)
        if noise:
            i = int(noise[1])
            # The first is of the one layer at 4 px, then there are two for each size.
            return f"synthesis.b{2 ** ((i + 5) // 2)}.conv{(i + 1) % 2}.noise_const"
        layer = re.fullmatch(r"(synthesis/)?(\d+)x\2/(\w+)/(\w+)", tf_name)
        if not layer or layer[3] not in _LAYERS:
            return tf_name
        own = _LAYERS[layer[3]]
        # In the discriminator's last block it has no number.
        own = "conv" if layer[3] == "Conv" and not layer[1] else own
        part = _PARTS.get(layer[4], layer[4])
        scope = f"{'synthesis.' if layer[1] else ''}b{layer[2]}"
        return ".".join(name for name in (scope, own, part) if name)

    def layout(self, tf_name: str, value: np.ndarray) -> np.ndarray:
        if value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)
            upwards = tf_name.endswith("/Conv0_up/weight") or (
                tf_name.startswith("synthesis/") and tf_name.endswith("/Skip/weight")
            )
            return value[::-1, ::-1] if upwards else value
        if tf_name.endswith("/const"):
            return value[None]
        if re.fullmatch(r"synthesis/noise\d+", tf_name):
            return value[None, None]
        if tf_name.endswith("mod_bias"):
            return value - 1
        return value.T if value.ndim == 2 else value


def generator_settings(module: Module) -> dict[str, Any]:
    """Returns the settings of a generator that shapes do not tell.

    From the attributes of the modules; where those are missing from the arguments that
    the network was made with; then from the defaults.

    Raises:
        UserError: if they are of what is not read here.
    """
    check_activations(module, "generator")
    arguments = ("mapping_kwargs", "lr_multiplier")
    return {
        "mapping_lrmul": module.fact("mapping.fc0.bias_gain", arguments, 0.01),
        "g_clamp": module.fact(
            "synthesis.b4.conv1.conv_clamp", ("synthesis_kwargs", "conv_clamp"), None
        ),
        "taps": _taps(module, r"synthesis\.b\d+\.(conv0\.|skip\.)?resample_filter"),
    }


def discriminator_settings(
    module: Module, taps: list[float] | None = None, clamp: float | None = None
) -> dict[str, Any]:
    """Returns those of a discriminator, likewise.

    Args:
        module: The discriminator.
        taps: The filter that it must have, since there is one setting for both networks; None
            returns its own.
        clamp: What it is clamped to where nothing tells.
    """
    check_activations(module, "discriminator")
    own = _taps(module, r"b\d+\.(conv1\.|skip\.)?resample_filter")
    if taps is not None and own != taps:
        raise UserError("its networks have two values of resample_filter")
    group = module.fact("b4.mbstd.group_size", ("epilogue_kwargs", "mbstd_group_size"), 4)
    features = module.fact("b4.mbstd.num_channels", ("epilogue_kwargs", "mbstd_num_channels"), 1)
    if "b4.mbstd" in module.facts:  # It is None where there is no such layer.
        features = 0
    d_clamp = module.fact("b4.conv.conv_clamp", ("conv_clamp",), clamp)
    return {
        "d_mapping_lrmul": module.fact(
            "mapping.fc0.bias_gain", ("mapping_kwargs", "lr_multiplier"), 0.01
        ),
        "d_clamp": d_clamp,
        # Its last block gives the clamp to the convolution alone.
        "d_clamp_last_pixels": d_clamp is None,
        "mbstd_group": None if group is None else max(int(group), 1),
        "mbstd_features": int(features or 0),
        "taps": own,
    }


def check_activations(module: Module, kind: str) -> None:
    """Raises a UserError if a layer has an activation that no layer of its kind has here."""
    for name, value in module.facts.items():
        layer, _, last = name.rpartition(".")
        plain = layer.rpartition(".")[2] in ("affine", "embed", "out", "skip")
        if last == "activation" and value != ("linear" if plain else "lrelu"):
            raise UserError(f"its {kind} has the activation {told(value)} in {layer}")


def _taps(module: Module, pattern: str) -> list[float]:
    """The one-dimensional filter of all layers that resample."""
    filters = [v for name, v in module.tensors.items() if re.fullmatch(pattern, name)]
    taps = None
    for value in filters or [np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64]:
        if value.ndim not in (1, 2) or not 2 <= len(value) <= 16 or not np.isfinite(value).all():
            raise UserError(f"it has a resample_filter of shape {value.shape}")
        # Long ones are stored as one row, which is used twice.
        row = value if value.ndim == 1 else value.sum(1)
        square = np.outer(row, row) if value.ndim == 1 else value * row.sum()
        if not row.sum() or not np.allclose(np.outer(row, row), square, atol=1e-5):
            raise UserError("it has a resample_filter that is no product of a row with itself")
        if taps is not None and (len(row) != len(taps) or not np.allclose(row, taps, atol=1e-5)):
            raise UserError("it has more than one resample_filter")
        taps = row
    assert taps is not None
    return [float(t) for t in taps]
