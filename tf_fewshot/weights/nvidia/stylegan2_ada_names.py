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


def settings_of(
    g: AdaVariables, d: AdaVariables | None, g_facts: Mapping[str, Any], d_facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the settings that shapes do not tell.

    From the attributes of the modules; where those are missing from the arguments that
    the network was made with; then from the defaults.

    Args:
        g, d: Variables of the networks; there may be no discriminator.
        g_facts, d_facts: Plain attributes by name; "_init_kwargs" are the arguments.

    Raises:
        UserError: if they are of what is not read here.
    """
    for kind, facts in (("generator", g_facts), ("discriminator", d_facts)):
        for name, value in facts.items():
            layer, _, last = name.rpartition(".")
            plain = layer.rpartition(".")[2] in ("affine", "embed", "out", "skip")
            if last == "activation" and value != ("linear" if plain else "lrelu"):
                raise UserError(f"its {kind} has the activation {told(value)} in {layer}")
    taps = _taps(g, r"synthesis\.b\d+\.(conv0\.|skip\.)?resample_filter")
    if d is not None and _taps(d, r"b\d+\.(conv1\.|skip\.)?resample_filter") != taps:
        raise UserError("its networks have two values of resample_filter")
    group = _fact(d_facts, "b4.mbstd.group_size", ("epilogue_kwargs", "mbstd_group_size"), 4)
    features = _fact(d_facts, "b4.mbstd.num_channels", ("epilogue_kwargs", "mbstd_num_channels"), 1)
    if "b4.mbstd" in d_facts:  # It is None where there is no such layer.
        features = 0
    d_clamp = _fact(d_facts, "b4.conv.conv_clamp", ("conv_clamp",), None)
    return {
        "mapping_lrmul": _fact(
            g_facts, "mapping.fc0.bias_gain", ("mapping_kwargs", "lr_multiplier"), 0.01
        ),
        "d_mapping_lrmul": _fact(
            d_facts, "mapping.fc0.bias_gain", ("mapping_kwargs", "lr_multiplier"), 0.01
        ),
        "g_clamp": _fact(
            g_facts, "synthesis.b4.conv1.conv_clamp", ("synthesis_kwargs", "conv_clamp"), None
        ),
        "d_clamp": d_clamp,
        # Its last block gives the clamp to the convolution alone.
        "d_clamp_last_pixels": d_clamp is None,
        "mbstd_group": None if group is None else max(int(group), 1),
        "mbstd_features": int(features or 0),
        "taps": taps,
    }


def _fact(
    facts: Mapping[str, Any], attribute: str, argument: tuple[str, ...], default: float | None
) -> float | None:
    value: Any = facts.get("_init_kwargs")
    for key in argument:
        value = value.get(key, default) if isinstance(value, dict) else default
    value = facts.get(attribute, value)
    number = isinstance(value, (int, float, np.number))
    if value is not None and not (number and 0 <= value < 1e9):
        raise UserError(f"its {attribute} is {told(value)}, which is no number from 0")
    return value if value is None or isinstance(value, int) else float(value)


def _taps(variables: AdaVariables, pattern: str) -> list[float]:
    """The one-dimensional filter of all layers that resample."""
    filters = [v for name, v in variables.arrays.items() if re.fullmatch(pattern, name)]
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
