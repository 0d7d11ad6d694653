"""SNGAN with a ResNet generator, class-conditional, and a projection discriminator.

Source: Miyato and Koyama, "cGANs with Projection Discriminator" (ICLR 2018), after
Miyato et al., "Spectral Normalization for Generative Adversarial Networks" (ICLR 2018);
sizes and constants as in the repository pfnet-research/sngan_projection. One of the
frameworks of the BSA paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base import GAN
from ..checks import check_class, check_entries, check_resolution
from ..errors import BackboneError
from ..feedforward import FeedForwardGAN
from ..parts import ScaleShiftRole
from ..registry import register
from .discriminator import SNGANDiscriminator
from .generator import SNGANGenerator


def default_widths(resolution: int, base: int = 64) -> list[int]:
    """Channels at 4, 8, … ``resolution`` pixels; the released networks are of 64 and 128."""
    doublings = int(math.log2(resolution)) - 2
    return [min(base * 2 ** (doublings - i), 16 * base) for i in range(doublings + 1)]


def default_halvings(resolution: int) -> int:
    """Halving blocks of the discriminator: down to 2 pixels, from 128 pixels on to 4."""
    return int(math.log2(resolution)) - (2 if resolution >= 128 else 1)


@register("sngan")
class SNGAN(FeedForwardGAN):
    """SNGAN-projection: residual networks that are told the class, or none.

    Batch normalisation (epsilon 2e-5, momentum 0.9) takes its scale and shift from a table
    with a row a class. The discriminator is spectrally normalised with one power step from
    a stored vector, which training moves and inference does not; it has no normalisation
    of batches.

    Args:
        resolution: Width and height of the images, a power of two from 16.
        latent_dim: Size of ``z``.
        widths: Channels of the generator at 4, 8, … ``resolution`` pixels; None doubles
            from 64 at the last to at most 1024.
        discriminator_widths: Channels of the discriminator's blocks, from the image to the
            logit; None mirrors ``widths``.
        halvings: How many of these blocks halve the map, from the first; None goes down to
            2 pixels, from a resolution of 128 on to 4.
        num_classes: Number of classes; 0 for none.
        one_class: Instead of classes, a single one that is trained; see
            :meth:`with_one_class`.
        channels: Channels of the images.
        scale_shift: Adds :class:`~tf_fewshot.layers.ScaleShift` to the generator after its
            first layer and after the normalisations of every block, as BSA does; the last
            normalisation of all has none.
        miner, latent_gaussian: See :class:`~.generator.SNGANGenerator`.
        discriminator_scale_shift: See
            :class:`~.discriminator.SNGANDiscriminatorBlock`.
        dtype: Keras dtype policy, such as "mixed_bfloat16". Images and logits are
            float32 under every policy.

    Raises:
        BackboneError: if the resolution, the numbers of widths or the classes do not fit.
    """

    def __init__(
        self,
        resolution: int = 128,
        latent_dim: int = 128,
        widths: Sequence[int] | None = None,
        discriminator_widths: Sequence[int] | None = None,
        halvings: int | None = None,
        num_classes: int = 0,
        one_class: bool = False,
        channels: int = 3,
        scale_shift: bool = False,
        miner: Sequence[int] = (),
        latent_gaussian: int = 0,
        discriminator_scale_shift: bool = False,
        dtype: str = "float32",
    ):
        check_resolution(resolution, 16)
        widths = default_widths(resolution) if widths is None else list(widths)
        judges = widths[::-1] if discriminator_widths is None else list(discriminator_widths)
        halvings = min(default_halvings(resolution), len(judges)) if halvings is None else halvings
        _check(resolution, widths, judges, halvings)
        if min(latent_dim, channels) < 1 or num_classes < 0 or (num_classes and one_class):
            raise BackboneError(
                "latent_dim and channels must be 1 or more, num_classes 0 or more and, with "
                f"one_class, 0: not {latent_dim}, {channels}, {num_classes}"
            )
        super().__init__(
            resolution=resolution,
            latent_dim=latent_dim,
            widths=widths,
            discriminator_widths=judges,
            halvings=halvings,
            num_classes=num_classes,
            one_class=one_class,
            channels=channels,
            scale_shift=scale_shift,
            miner=list(miner),
            latent_gaussian=latent_gaussian,
            discriminator_scale_shift=discriminator_scale_shift,
            dtype=dtype,
        )
        classes = {"num_classes": num_classes, "one_class": one_class, "dtype": dtype}
        self.generator: Any = SNGANGenerator(
            latent_dim,
            widths,
            channels,
            scale_shift=scale_shift,
            miner=miner,
            latent_gaussian=latent_gaussian,
            **classes,
        )
        self.discriminator: Any = SNGANDiscriminator(
            resolution,
            judges,
            halvings,
            channels,
            scale_shift=discriminator_scale_shift,
            **classes,
        )
        self.generator.build((None, latent_dim))
        self.discriminator.build((None, *self.image_shape))

    @property
    def num_classes(self) -> int:
        return self.config["num_classes"]

    def scale_shift_roles(self) -> list[ScaleShiftRole]:
        self._require("scale_shift")
        g = self.generator
        layers = [("l1", g.from_latent.scale_shift)]
        for block in g.blocks:
            layers += [
                (f"{block.name}/{norm.name}", layer)
                for norm, layer in zip(block.norms, block.scale_shifts, strict=True)
            ]
        return [ScaleShiftRole.of(name, layer) for name, layer in layers]

    def discriminator_scale_shift_roles(self) -> list[ScaleShiftRole]:
        self._require("discriminator_scale_shift")
        return [
            ScaleShiftRole.of(f"{block.name}/{name}", layer)
            for block in self.discriminator.blocks
            for name, layer in zip(("c1", "c2"), block.scale_shifts, strict=True)
        ]

    def own_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """Scale and shift of the blocks' normalisations: tables if there are classes.

        Not of the last normalisation before the pixels, which no class and no method of
        the BSA paper changes.
        """
        return [
            ScaleShiftRole.of(f"{block.name}/{norm.name}", norm)
            for block in self.generator.blocks
            for norm in block.norms
        ]

    def with_one_class(self, start: int | str = "mean") -> GAN:
        """A copy without classes; see :meth:`GAN.with_one_class`.

        Args:
            start: Of the generator, "identity" resets scale and shift to 1 and 0, as the
                BSA paper does; a number takes the row of that class, and with
                :meth:`with_scale_shift` on top, from class 0, this is what BSA's code
                trains; "mean" takes the mean of all rows. Of the discriminator, a number
                or "mean" takes the vector that the class, or the classes on average, are
                projected on; "identity" takes 0, which leaves what all classes share.

        Returns:
            A GAN of the configuration ``one_class``, in which these rows are trained.

        Raises:
            BackboneError: if there is no such class or beginning.
        """
        if not self.num_classes:
            return self
        rows = self._rows(start)
        twin: Any = self.rebuild(num_classes=0, one_class=True)
        roles = zip(self.own_scale_shift_roles(), twin.own_scale_shift_roles(), strict=True)
        for mine, theirs in roles:
            for table, row in ((mine.gammas, theirs.gammas), (mine.betas, theirs.betas)):
                if rows is not None:
                    row[0].assign(rows(table[0].numpy()))
        if self.discriminator is not None and rows is not None:
            # As inference divides it: a row alone would not know the norm of its table.
            table = self.discriminator.to_logit.projection.normalised_kernel().numpy()
            twin.discriminator.to_logit.class_vector.assign(rows(table))
        return twin

    def _rows(self, start: int | str):
        """What takes the one row ``[1, C]`` from a table; None for the identity."""
        if start == "identity":
            return None
        if start == "mean":
            return lambda table: table.mean(0, keepdims=True, dtype=np.float64)
        row = check_class(start, self, "'mean', 'identity'")
        return lambda table: table[row : row + 1]


def _check(resolution: int, widths: list[int], judges: list[int], halvings: int) -> None:
    levels = int(math.log2(resolution))
    check_entries("widths", widths, resolution, resolution)
    for name, values in (("widths", widths), ("discriminator_widths", judges)):
        if not values or any(not isinstance(v, int) or v < 1 for v in values):
            raise BackboneError(f"{name} must be numbers of channels, not {values}")
    if not 0 <= halvings <= min(len(judges), levels):
        raise BackboneError(
            f"halvings must be 0 to {min(len(judges), levels)} at {resolution} px with "
            f"{len(judges)} blocks, not {halvings}"
        )
