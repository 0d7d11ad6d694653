"""New discriminators, for generators whose own was never released."""

from __future__ import annotations

import keras

from .base import GAN
from .errors import BackboneError
from .registry import build_networks
from .stylegan import default_channels
from .stylegan_discriminator import StyleGANDiscriminator

_BASE, _MAXIMUM = 2048, 256


def fresh_discriminator(gan: GAN) -> keras.Model:
    """A discriminator with new weights for the images of ``gan``, under its precision.

    It is of the architecture of ``gan``, or StyleGAN's if that has none here: channels from
    256 at 4 pixels, halved from 16 pixels on.

    Raises:
        BackboneError: if the images are not square RGB of a power of two from 8 pixels.
    """
    if gan.has_discriminator:
        own = type(gan)(**gan.config).discriminator
        assert own is not None
        return own
    height, width, channels = gan.image_shape
    if height != width or channels != 3 or height < 8 or height & (height - 1):
        raise BackboneError(
            f"there is no new discriminator for images of {gan.image_shape}: they must be square "
            "RGB of a power of two from 8 pixels"
        )
    widths = default_channels(height, _BASE, _MAXIMUM)
    network = StyleGANDiscriminator(height, widths, dtype=gan.precision)
    build_networks((network, gan.image_shape))
    return network
