"""Seconds of sampling, against the fastest matrix product of the same precision."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ..backbones import GAN
from .operations import flops
from .timing import WIDTHS, seconds_and_peak


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How fast a generator makes pictures.

    Attributes:
        images_per_second: Pictures a second.
        flops_per_image: Floating-point operations of one picture, as :mod:`.operations` counts.
        peak_flops: Operations a second of the fastest matrix product, measured in turns.
    """

    images_per_second: float
    flops_per_image: float
    peak_flops: float

    @property
    def flops(self) -> float:
        """Floating-point operations a second."""
        return self.images_per_second * self.flops_per_image

    @property
    def of_peak(self) -> float:
        """Operations a second over those of the fastest matrix product."""
        return self.flops / self.peak_flops

    def record(self) -> dict[str, Any]:
        """The fields and what follows from them, as JSON values."""
        return {**dataclasses.asdict(self), "flops": self.flops, "of_peak": self.of_peak}

    def __str__(self) -> str:
        return (
            f"sampling {self.images_per_second:.2f} images/s, {self.flops / 1e9:.0f} GFLOP/s, "
            f"{self.of_peak:.0%} of the {self.peak_flops / 1e9:.0f} GFLOP/s of a matrix product"
        )


def measure_sampling(
    gan: GAN, dtype: str, batch_size: int, repeats: int, widths: Sequence[int] = WIDTHS
) -> Sampling:
    """Samples a batch in turns with matrix products.

    Args:
        gan: Its generator is sampled as it is; see ``GAN.with_precision``.
        dtype: The precision of the matrix products, such as "bfloat16".
        batch_size: Pictures in a batch.
        repeats: How often it is sampled; the shortest counts.
        widths: The widths of the matrices, of which the fastest counts.
    """
    z = tf.constant(gan.sample_latents(batch_size, seed=0))
    labels = tf.zeros([batch_size], tf.int32) if gan.num_classes else None

    def draw(latents):
        return gan.generate(latents, labels)

    generate = tf.function(draw)
    seconds, peak = seconds_and_peak(lambda: generate(z).numpy(), dtype, repeats, widths)
    return Sampling(batch_size / seconds, flops(draw, z) / batch_size, peak)
