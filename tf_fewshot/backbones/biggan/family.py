"""What BigGAN and BigGAN-deep share as GANs; neither has a discriminator of its own.

Source: Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(ICLR 2019), appendix B; the constants are those of the modules that its authors released.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from ..base import GAN
from ..checks import check_class, check_resolution
from ..errors import BackboneError
from ..parts import ScaleShiftRole, Stage
from .generator import FamilyGenerator
from .initial import blank_weights

_WIDTHS = {
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}


def default_channels(resolution: int, base: int) -> list[int]:
    """Channels at 4, 8, … ``resolution`` pixels; those below 128 begin as those of 128."""
    widths = _WIDTHS.get(resolution, _WIDTHS[128][: int(math.log2(resolution)) - 1])
    return [base * width for width in widths]


def default_attention(resolution: int, highest: int) -> int:
    """The resolution with attention: ``highest`` of the released networks, below it half."""
    return highest if resolution > highest else resolution // 2


class BigGANFamily(GAN):
    """The contract of a GAN for both architectures.

    A discriminator that it is given is one of
    :func:`~tf_fewshot.backbones.fresh.fresh_discriminator`.
    """

    network: ClassVar[type[FamilyGenerator]]
    has_discriminator = False
    discriminator: Any

    def __init__(
        self,
        *,
        resolution: int,
        channels: list[int],
        attention: int,
        num_classes: int,
        one_class: bool,
        **others: Any,
    ):
        _check(resolution, channels, attention, num_classes, one_class)
        super().__init__(
            resolution=resolution,
            channels=channels,
            attention=attention,
            num_classes=num_classes,
            one_class=one_class,
            **others,
        )
        config = {k: v for k, v in self.config.items() if k not in ("resolution", "statistics")}
        self.generator: Any = self.network(rows=self.config["statistics"], **config)
        self.generator.build((None, self.latent_dim))
        self.discriminator = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config["resolution"], self.config["resolution"], 3)

    @property
    def num_classes(self) -> int:
        return self.config["num_classes"]

    def generate(self, z, label=None, truncation: float | None = None, noise: str = "const"):
        """The full inference path; see :meth:`GAN.generate`.

        The truncation chooses the statistics of batch normalisation in [0, 1], where there
        are several (``statistics`` of the configuration); ``z`` is taken as it is. There is
        no noise: that argument is ignored.

        :meth:`sample_latents` truncates at t, as the paper says. The examples of the released
        modules scale instead: ``t * gan.sample_latents(n, truncation=2.0)``, with t here.
        """
        del noise
        label = None if label is None else tf.convert_to_tensor(label)
        return self.generator(z, label, truncation=truncation)

    def generator_features(self, z, label=None) -> list:
        return self.generator.activations(z, label)

    def discriminator_features(self, images, label=None, training: bool = False) -> list:
        del label, training
        return self.discriminator.activations(images)

    def generator_stages(self) -> list[Stage]:
        return [*self._latent_stages(), *self.synthesis_stages()]

    def synthesis_stages(self) -> list[Stage]:
        g = self.generator
        table = g.class_table if g.num_classes else g.class_vector
        first = [table, *g.from_latent.weights]
        if g.scale_shift:
            first += g.scale_shift.weights
        stages = [Stage("G_linear", tuple(first))]
        size = 4
        for block in g.blocks:
            size *= 2 if block.doubled else 1
            stages.append(Stage(block.name, tuple(block.weights)))
            if g._attends_after(block, size):
                stages.append(Stage("attention", tuple(g.attention.weights)))
        return [*stages, Stage("to_rgb", (*g.norm.weights, *g.to_rgb.weights))]

    def discriminator_stages(self) -> list[Stage]:
        return [] if self.discriminator is None else self.discriminator.stages()

    def scale_shift_roles(self) -> list[ScaleShiftRole]:
        g = self.generator
        self._require("scale_shift")
        layers = [("G_linear", g.scale_shift)]
        for block in g.blocks:
            layers += [
                (f"{block.name}/{norm.name}", layer)
                for norm, layer in zip(block.norms, block.scale_shifts, strict=True)
            ]
        return [ScaleShiftRole.of(name, layer) for name, layer in layers]

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """The kernels of the maps that compute scale and shift of each block's normalisations.

        Not of the last normalisation before the pixels, whose scale and shift no class
        changes.
        """
        return [
            ScaleShiftRole(
                f"{block.name}/{norm.name}", (norm.gamma.kernel,), (norm.beta.kernel,), False
            )
            for block in self.generator.blocks
            for norm in block.norms
        ]

    def with_one_class(self, start: int | str = "mean") -> GAN:
        """A copy without classes; see :meth:`GAN.with_one_class`.

        Args:
            start: "mean" takes the mean of the classes' vectors, a number that of one
                class. There is no vector at which all scales are 1 and shifts 0.

        Returns:
            A GAN of the configuration ``one_class``; the vector is
            ``generator/class_vector`` ``[class_dim]``.
        """
        if not self.num_classes:
            return self
        if start == "mean":
            vector = self.generator.class_table.numpy().mean(0, dtype=np.float64)
        else:
            vector = self.generator.class_table.numpy()[check_class(start, self)]
        twin = self.rebuild(num_classes=0, one_class=True)
        twin.generator.class_vector.assign(vector)
        return twin

    def rebuild(self, **changes: Any) -> GAN:
        # These leave every kernel as it is, so that none need be drawn first; a miner draws
        # its own.
        classes = changes.get("num_classes", self.num_classes) in (0, self.num_classes)
        same = {"scale_shift", "one_class", "num_classes", "miner", "latent_gaussian", "dtype"}
        if classes and set(changes) <= same:
            with blank_weights():
                return super().rebuild(**changes)
        return super().rebuild(**changes)


def _check(
    resolution: int, channels: list[int], attention: int, num_classes: int, one_class: bool
) -> None:
    check_resolution(resolution, 16)
    wanted = int(math.log2(resolution)) - 1
    if len(channels) != wanted or any(not isinstance(c, int) or c < 1 for c in channels):
        raise BackboneError(
            f"{resolution} px need {wanted} numbers of channels (for 4, 8, … {resolution} px), "
            f"not {channels}"
        )
    inside = [0, *(4 * 2**i for i in range(1, wanted - 1))]
    if attention not in inside:
        raise BackboneError(
            f"attention must be one of {', '.join(map(str, inside))}, not {attention}"
        )
    if num_classes < 0 or bool(num_classes) == bool(one_class):
        raise BackboneError(
            f"num_classes must be 1 or more, or 0 with one_class, not {num_classes}"
        )
