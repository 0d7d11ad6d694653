"""New discriminators, for generators whose own was never released."""

from __future__ import annotations

import keras

from .base import GAN
from .checks import check_resolution
from .errors import BackboneError
from .sngan.config import SNGANConfig, default_halvings
from .sngan.discriminator import SNGANDiscriminator
from .stylegan.config import StyleGANConfig, default_channels
from .stylegan.discriminator import StyleGANDiscriminator

_BASE, _MAXIMUM = 2048, 256


def fresh_discriminator(gan: GAN) -> keras.Model:
    """A discriminator with new weights for the images of ``gan``, under its precision.

    It is of the architecture of ``gan``. If that has none here it is SNGAN's, with a
    projection, for a ``gan`` with classes and StyleGAN's for one without: channels from 256
    at 4 pixels, halved from 16 pixels on.

    Raises:
        BackboneError: if the images are not square, of a power of two from 8 pixels, with classes
            from 16.
    """
    if gan.has_discriminator:
        own = type(gan)(**gan.config).discriminator
        assert own is not None
        return own
    height, width, channels = gan.image_shape
    if height != width or height < 8 or height & (height - 1):
        raise BackboneError(
            f"there is no new discriminator for images of {gan.image_shape}: they must be square, "
            "of a power of two from 8 pixels"
        )
    widths = default_channels(height, _BASE, _MAXIMUM)
    if gan.num_classes:
        check_resolution(height, 16)
        config = SNGANConfig(
            resolution=height,
            discriminator_widths=widths[::-1],
            halvings=default_halvings(height),
            num_classes=gan.num_classes,
            channels=channels,
        )
        network = SNGANDiscriminator(config.resolved(), dtype=gan.precision)
    else:
        config = StyleGANConfig(resolution=height, channels=widths, image_channels=channels)
        network = StyleGANDiscriminator(config.resolved(), dtype=gan.precision)
    network.build((None, *gan.image_shape))
    return network
