"""Widening a trained StyleGAN without changing what it computes.

Source of the idea: Chen et al., "Net2Net: Accelerating Learning via Knowledge Transfer"
(ICLR 2016). Here new channels begin as in a new network, and what reads them begins at
zero, so that no two channels are alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np

from ..errors import BackboneError
from .gan import StyleGAN


def widened(gan: StyleGAN, channels: Sequence[int], seed: int = 0) -> StyleGAN:
    """A StyleGAN of more channels that draws the same images and gives the same logits.

    Args:
        gan: At any resolution; without extensions.
        channels: At 4, 8, … pixels, each at least as many as before, at 4 pixels as many.
        seed: Of the new weights.

    Raises:
        BackboneError: for channels that this cannot bring about.
    """
    before, channels = list(gan.configuration.channels), list(channels)
    fits = len(before) == len(channels) and before[0] == channels[0]
    if not fits or any(b > c for b, c in zip(before, channels, strict=True)):
        raise BackboneError(
            f"channels {before} cannot be widened to {channels}: give as many numbers, the "
            "first the same and none smaller."
        )
    for extension in gan.extensions:
        raise BackboneError(f"widen a StyleGAN before it gets {extension.words}")
    keras.utils.set_random_seed(seed)
    judged = gan.discriminator is not None
    wide = type(gan)(discriminator=judged, **{**gan.config, "channels": channels})
    old = gan.variables_by_path()
    for path, variable in wide.variables_by_path().items():
        variable.assign(_placed(path, old[path].numpy(), variable.numpy().copy()))
    wide.source_metadata = dict(gan.source_metadata)
    return wide


def _placed(path: str, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """``new`` with ``old`` in the place of its first channels."""
    if old.shape == new.shape:
        return old
    if "/StyleMod/" in path:
        # Scales of all channels, then their shifts.
        halves = new.reshape(*new.shape[:-1], 2, -1)
        halves[..., : old.shape[-1] // 2] = old.reshape(*old.shape[:-1], 2, -1)
        return halves.reshape(new.shape)
    if path.endswith("/weight") and old.ndim > 1:
        # [..., in, out]. Equalised layers divide by the root of what they read.
        *_, read, given = old.shape
        new[..., read:, :given] = 0.0
        fan_in = math.prod(new.shape[:-1]) / math.prod(old.shape[:-1])
        new[..., :read, :given] = old * math.sqrt(fan_in)
        return new
    new[..., : old.shape[-1]] = old
    return new
