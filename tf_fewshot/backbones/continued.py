"""Sources to go on from, as another configuration wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from ..errors import UserError
from .base import GAN
from .registry import build
from .stylegan.gan import StyleGAN
from .stylegan.widening import widened
from .upgrade import upgraded

# Settings of a number at each resolution, 4, 8, … pixels; a smaller network has the first ones.
BY_LEVEL = ("channels", "discriminator_channels")
_OF_DISCRIMINATOR = ("discriminator_widths", "minibatch_group", "discriminator_spectral_norm")


def continued(gan: GAN, model: Mapping[str, Any], seed: int) -> GAN:
    """Returns a source as a configured model: wider, without noise, or with a new discriminator.

    Args:
        gan: The source.
        model: Settings of the model by name; what is left out may be as it is.
        seed: Of the discriminator, if the source has none and the model is to have one.

    Raises:
        UserError: if it differs in anything else.
    """
    known = dict(gan.config)
    if isinstance(gan, StyleGAN):
        wanted = model.get("use_noise", True)
        if known["use_noise"] and not wanted:
            gan, known["use_noise"] = gan.rebuild(use_noise=False), False
        levels = len(known["channels"])
        channels = list(model.get("channels") or known["channels"])[:levels]
        if channels != known["channels"]:
            gan = widened(gan, channels)
    if model.get("discriminator_widths") and known.get("discriminator_widths") == []:
        # A new one beside a generator that has learned without it.
        gan = gan.rebuild(**{name: model[name] for name in _OF_DISCRIMINATOR if name in model})
        keras.utils.set_random_seed(seed)
        whole = build(gan.architecture, **gan.config)
        gan = gan.with_discriminator(whole.discriminator)
        known |= {name: gan.config[name] for name in _OF_DISCRIMINATOR}
    # What the configuration leaves out may be as it is.
    wanted = {
        name: value for name, value in upgraded(dict(model)).items() if name in model or value
    }
    for name, value in wanted.items():
        if name == "discriminator_channels" and known.get(name):
            value = list(value)[: len(known[name])]
        if name not in ("channels", "resolution") and known.get(name) != value:
            raise UserError(
                f"--start has {name} {known.get(name)!r}, the configuration {value!r}: they must "
                "be alike to go on."
            )
    return gan
