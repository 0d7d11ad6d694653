"""An extension by which finished pictures take the style of others."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from ...backbones.extensions import Extension, Point, register
from ...backbones.extensions.host import Host
from .style_transfer import StyleTransfer


@keras.saving.register_keras_serializable("tf_fewshot")
class PicturesOfStyle(keras.layers.Layer):
    """Keeps pictures as a weight.

    Args:
        shape: ``(M, H, W, 3)`` of the pictures.

    Attributes:
        pictures: uint8 of that shape, once the layer is built.
    """

    def __init__(self, shape: Sequence[int], **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.shape = tuple(shape)
        self._transfer: StyleTransfer | None = None

    def build(self, input_shape=None):
        del input_shape
        self.pictures = self.add_weight(
            shape=self.shape,
            dtype="uint8",
            initializer="zeros",
            trainable=False,
            autocast=False,
            name="pictures",
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "shape": list(self.shape)}

    def transfer(self, settings: StylePictures) -> StyleTransfer:
        """Returns what carries the style over; it is built once for the pictures."""
        pictures = np.asarray(self.pictures)
        if self._transfer is None or not np.array_equal(self._transfer.pictures, pictures):
            self._transfer = StyleTransfer(settings, pictures, settings.seed)
        return self._transfer


@register
@dataclasses.dataclass(frozen=True)
class StylePictures(Extension):
    """Finished pictures keep their content and take the style of one of the pictures kept here.

    Attributes:
        shape: ``(M, H, W, 3)`` of the pictures to take the style of.
        content_weight: Weight of the content.
        style_weight: Weight of the style.
        iterations: Updates of the pixels of a picture.
        pixel_learning_rate: Adam's, of pixels in [-1, 1].
        seed: Of the draw of a picture for each latent.
    """

    name = layer_name = "style_pictures"
    words = "style transfer, each optimised on its own,"
    point = Point.IMAGES

    shape: Sequence[int] = (1, 1, 1, 3)
    content_weight: float = 1.0
    style_weight: float = 1e6
    iterations: int = 30
    pixel_learning_rate: float = 0.06
    seed: int = 0

    def __post_init__(self):
        object.__setattr__(self, "shape", tuple(self.shape))

    def keeper(self, name: str) -> PicturesOfStyle:
        return PicturesOfStyle(self.shape, name=name)

    @classmethod
    def kept_by(cls, gan: Host) -> PicturesOfStyle:
        """Returns the layer that keeps the pictures of a GAN that has this extension."""
        ((_, layer),) = gan.generator.extensions.layers(cls.name)
        return layer

    def finish(self, gan: Host, pictures: np.ndarray, z: np.ndarray) -> np.ndarray:
        return self.kept_by(gan).transfer(self)(pictures, z)
