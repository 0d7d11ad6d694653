"""Weights of the PyTorch example's DCGAN, for :mod:`tf_fewshot.backbones.dcgan.gan`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...backbones import GAN
from ...errors import UserError


def _names(layers: int) -> dict[str, str]:
    """Our path of each weight in the generator, by its name in ``main``."""
    names = {}
    for i in range(layers):
        block = f"generator/layer{i + 1}"
        names[f"main.{3 * i}.weight"] = f"{block}/conv/kernel"
        if i < layers - 1:
            norm = f"main.{3 * i + 1}"
            names[f"{norm}.weight"] = f"{block}/norm/gamma"
            names[f"{norm}.bias"] = f"{block}/norm/beta"
            names[f"{norm}.running_mean"] = f"{block}/norm/moving_mean"
            names[f"{norm}.running_var"] = f"{block}/norm/moving_variance"
    return names


def assign_generator(gan: GAN, state: Mapping[str, Any]) -> None:
    """Sets the generator's weights from a ``state_dict`` of the example's ``Generator``.

    Kernels are turned from torch's [in, out, height, width] to [height, width, out, in].

    Args:
        gan: A DCGAN of the right size.
        state: Arrays by name, such as "main.0.weight".

    Raises:
        UserError: if a weight is missing, left over or of another shape.
    """
    variables = gan.variables_by_path()
    names = _names(len(gan.generator_stages()))
    given = {name for name in state if not name.endswith("num_batches_tracked")}
    faults = [f"missing {name}" for name in sorted(set(names) - given)]
    faults += [f"unexpected {name}" for name in sorted(given - set(names))]
    for name in sorted(given & set(names)):
        value, variable = np.asarray(state[name]), variables[names[name]]
        value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
        if value.shape != tuple(variable.shape):
            faults.append(f"{name} makes {value.shape}, not {tuple(variable.shape)}")
        else:
            variable.assign(value)
    if faults:
        raise UserError(f"These weights are not of this DCGAN: {'; '.join(faults[:8])}.")
