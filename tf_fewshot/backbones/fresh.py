"""New discriminators, for generators whose own was never released."""

from __future__ import annotations

import keras

from .base import GAN
from .checks import check_resolution
from .errors import BackboneError
from .registry import build_networks
from .sngan.discriminator import SNGANDiscriminator
from .sngan.gan import default_halvings
from .stylegan.discriminator import StyleGANDiscriminator
from .stylegan.gan import default_channels

_BASE, _MAXIMUM = 2048, 256


def fresh_discriminator(gan: GAN) -> keras.Model:
    """A discriminator with new weights for the images of ``gan``, under its precision.

    It is of the architecture of ``gan``. If that has none here it is SNGAN's, with a
    projection, for a ``gan`` with classes and StyleGAN's for one without: channels from 256
    at 4 pixels, halved from 16 pixels on.

    Raises:
        BackboneError: if the images are not square RGB of a power of two from 8 pixels, with
            classes from 16.
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
    widths, dtype = default_channels(height, _BASE, _MAXIMUM), gan.precision
    if gan.num_classes:
        check_resolution(height, 16)
        halvings = default_halvings(height)
        judge = SNGANDiscriminator(
            height, widths[::-1], halvings, num_classes=gan.num_classes, dtype=dtype
        )
        judge.build((None, *gan.image_shape))
        return judge
    network = StyleGANDiscriminator(height, widths, dtype=dtype)
    build_networks((network, gan.image_shape))
    return network
