"""The names in BigGAN-PyTorch of BigGAN's weights, and how each is laid out there.

Source: the public repository ajbrock/BigGAN-PyTorch (``BigGAN.py``, ``BigGANdeep.py``,
``layers.py``). Its generator has the class before the latent in what its normalisations are told,
and the first map channels first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...backbones.biggan.deep import BigGANDeep
from ...backbones.biggan.family import BigGANFamily
from ..porting.variables import Names, same

Change = Callable[[np.ndarray], np.ndarray]

_ATTENTION = {"theta": "theta", "phi": "phi", "g": "g", "o_conv": "o"}


def kernel(value: np.ndarray) -> np.ndarray:
    """A kernel with its outputs last: of a convolution, or of a dense layer."""
    return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T


def generator_names(
    gan: BigGANFamily, arrays: Mapping[str, np.ndarray], attention: int | None
) -> Names:
    """The name in a file of each of the generator's weights, and how its value is changed.

    Args:
        gan: Of the configuration that the file's shapes tell.
        arrays: Of the file, by name.
        attention: The number of the block whose map attends to itself; None if none does.
    """
    config = gan.configuration
    shared = "shared.weight" in arrays
    names: Names = {}

    def spectral(ours: str, theirs: str, change: Change = kernel, vector: Change = same) -> None:
        names[f"generator/{ours}/kernel"] = (f"{theirs}.weight", change)
        names[f"generator/{ours}/bias"] = (f"{theirs}.bias", _of_outputs(vector))
        names[f"generator/{ours}/u"] = (f"{theirs}.u0", _of_outputs(vector, 1))

    def statistics(ours: str, theirs: str) -> None:
        names[f"generator/{ours}/moving_mean"] = (_stored(arrays, theirs, "mean"), _row)
        names[f"generator/{ours}/moving_variance"] = (_stored(arrays, theirs, "var"), _row)

    names["generator/class_table"] = ("shared.weight", same)
    first = _first_outputs(config.channels[0])
    spectral("G_linear", "linear", lambda value: first(value).T, first)
    for i, block in enumerate(gan.generator.blocks):
        ours, theirs = f"GBlock_{i}", f"blocks.{i}.0"
        for k in range(len(block.convs)):
            spectral(f"{ours}/conv{k}", f"{theirs}.conv{k + 1}")
            norm = f"{theirs}.bn{k + 1}"
            # Without a vector of the class there is a row for each class.
            change = same
            if shared:
                change = kernel if isinstance(gan, BigGANDeep) else _class_last(config.class_dim)
            for ours_map, theirs_map in (("gamma", "gain"), ("beta", "bias")):
                scope = f"{ours}/norm{k}/{ours_map}"
                spectral(scope, f"{norm}.{theirs_map}", change)
            statistics(f"{ours}/norm{k}", norm)
        spectral(f"{ours}/conv_sc", f"{theirs}.conv_sc")
    if attention is not None:
        for ours, theirs in _ATTENTION.items():
            spectral(f"attention/{ours}", f"blocks.{attention}.1.{theirs}")
        names["generator/attention/gamma"] = (f"blocks.{attention}.1.gamma", _number)
    names["generator/norm/gamma"] = ("output_layer.0.gain", same)
    names["generator/norm/beta"] = ("output_layer.0.bias", same)
    statistics("norm", "output_layer.0")
    spectral("to_rgb", "output_layer.2")
    present = {path for path in gan.variables_by_path() if path.startswith("generator/")}
    return {path: entry for path, entry in names.items() if path in present}


def discriminator_names(gan: BigGANFamily, attention: int | None) -> Names:
    """Likewise of the discriminator's."""
    blocks = len(gan.discriminator.blocks)
    scopes = {f"l{blocks + 1}/linear": "linear", f"l{blocks + 1}/projection": "embed"}
    for i in range(blocks):
        for ours, theirs in {"c1": "conv1", "c2": "conv2", "c_sc": "conv_sc"}.items():
            scopes[f"block{i + 1}/{ours}"] = f"blocks.{i}.0.{theirs}"
    names: Names = {}
    if attention is not None:
        for ours, theirs in _ATTENTION.items():
            scopes[f"attention/{ours}"] = f"blocks.{attention}.1.{theirs}"
        names["discriminator/attention/gamma"] = (f"blocks.{attention}.1.gamma", _number)
    for ours, theirs in scopes.items():
        change = same if theirs == "embed" else kernel
        names[f"discriminator/{ours}/kernel"] = (f"{theirs}.weight", change)
        names[f"discriminator/{ours}/bias"] = (f"{theirs}.bias", same)
        names[f"discriminator/{ours}/u"] = (f"{theirs}.u0", same)
    present = {path for path in gan.variables_by_path() if path.startswith("discriminator/")}
    return {path: entry for path, entry in names.items() if path in present}


def attention_block(arrays: Mapping[str, Any]) -> list[int]:
    """The numbers of the blocks after which a map attends to itself."""
    return [
        int(name.split(".")[1])
        for name in arrays
        if name.startswith("blocks.") and name.endswith(".1.theta.weight")
    ]


def _stored(arrays: Mapping[str, Any], norm: str, what: str) -> str:
    """The statistics of a normalisation: its own, or of one that is synchronised over devices."""
    candidates = [f"{norm}.stored_{what}", f"{norm}.bn.stored_{what}", f"{norm}.bn.running_{what}"]
    return next((name for name in candidates if name in arrays), candidates[0])


def _first_outputs(channels: int) -> Change:
    """The outputs of the first layer, along the first axis, from channels first to last."""

    def turned(value: np.ndarray) -> np.ndarray:
        rest = value.shape[1:]
        return value.reshape(channels, 16, *rest).swapaxes(0, 1).reshape(-1, *rest)

    return turned


def _of_outputs(change: Change, rank: int = 0) -> Change:
    """A vector with a number for each output, which lies in an array of one row if so told."""

    def changed(value: np.ndarray) -> np.ndarray:
        turned = change(value.reshape(-1))
        return turned[None] if rank else turned

    return changed


def _class_last(class_dim: int) -> Change:
    """The kernel of a map of class and latent as one of latent and class."""

    def turned(value: np.ndarray) -> np.ndarray:
        rows = value.T
        return np.concatenate([rows[class_dim:], rows[:class_dim]])

    return turned


def _row(value: np.ndarray) -> np.ndarray:
    return value.reshape(1, -1)


def _number(value: np.ndarray) -> np.ndarray:
    return value.reshape(())
