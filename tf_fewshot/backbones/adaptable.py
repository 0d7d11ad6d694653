"""Copies of a GAN: with other settings, extensions or discriminators."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np

from .errors import BackboneError
from .extensions import (
    DiscriminatorScaleShift,
    Extension,
    FittedLatents,
    GaussianOfLatents,
    GeneratorScaleShift,
    LatentMiner,
    PartsOfLatents,
    Point,
)
from .extensions.one_class import as_one_class
from .free_latents import FreeLatents
from .parts import ScaleShiftRole, Stage, Variable
from .upgrade import upgraded


class Adaptable(FreeLatents):
    """The part of the contract that makes copies; :class:`~tf_fewshot.backbones.GAN` has it."""

    config: dict[str, Any]
    source_metadata: dict[str, Any]

    # Settings and weights -------------------------------------------------------

    def rebuild(self, **changes: Any) -> Self:
        """A GAN of the same weights with some of its configuration changed.

        Variables are matched by their path; those that the change adds keep their
        initial values.
        """
        twin = self._twin(upgraded({**self.config, **changes}))
        if self.discriminator is None:
            # It was built nevertheless: whatever is drawn after this stays what it was.
            twin.discriminator = None
        mine, theirs = self.variables_by_path(), twin.variables_by_path()
        for path, variable in theirs.items():
            if path in mine and mine[path].shape == variable.shape:
                variable.assign(mine[path])
        twin.source_metadata = dict(self.source_metadata)
        return twin

    def _twin(self, config: dict[str, Any]) -> Self:
        """A GAN of this configuration, whose weights are replaced or begin anew."""
        return type(self)(**config)

    def clone(self) -> Self:
        """An independent copy with equal weights."""
        return self.rebuild()

    def with_precision(self, dtype: str) -> Self:
        """A copy that computes under another Keras dtype policy."""
        return self.rebuild(dtype=dtype)

    def with_statistics_of_weights(self, seed: int = 0) -> Self:
        """A copy whose stored statistics are those of its own weights.

        Averaged weights need it where statistics were gathered with others, and inference cannot
        do without exact ones. Elsewhere it is the GAN itself.

        Args:
            seed: Of the latents that statistics are gathered with.
        """
        del seed
        return self

    def with_discriminator(self, network: keras.Model | None) -> Self:
        """A GAN of the same generator, not of a copy of it, with another discriminator.

        Args:
            network: The discriminator, such as one of
                :func:`~tf_fewshot.backbones.fresh.fresh_discriminator`; None has none.
        """
        twin = copy.copy(self)
        twin.discriminator = network
        return twin

    def without_discriminator(self) -> Self:
        """A GAN of the same generator, not of a copy of it, and no discriminator."""
        return self.with_discriminator(None)

    # Extensions -----------------------------------------------------------------

    def extended(self, extension: Extension) -> Self:
        """A copy that has an extension, in place of one of the same name that it had.

        Weights of the extension that were there keep their values where they fit, unless it
        begins anew (:meth:`~tf_fewshot.backbones.extensions.Extension.reset`).

        Raises:
            BackboneError: if the architecture cannot have it.
        """
        chosen = {e.name: e for e in self.extensions} | {extension.name: extension}
        twin = self.rebuild(extensions=list(chosen.values()))
        extension.reset(twin)
        return twin

    def extension(self, name: str) -> Extension | None:
        """The extension of this name; None if it has none."""
        return next((e for e in self.extensions if e.name == name), None)

    def required(self, name: str) -> Any:
        """The extension of this name.

        Raises:
            BackboneError: if it has none; the error says how to get it.
        """
        extension = self.extension(name)
        if extension is None:
            what = name.replace("_", " ").replace("scale shift", "scale and shift")
            raise BackboneError(
                f"this {type(self).__name__} has no {what}: use with_{name}() first"
            )
        return extension

    def finished(self, pictures: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Returns what extensions make of finished pictures.

        Args:
            pictures: uint8 ``[N, H, W, C]``.
            z: Their latents, float32 ``[N, latent_dim]``.
        """
        for extension in self.extensions:
            if extension.point is Point.IMAGES:
                pictures = extension.finish(self, pictures, z)
        return pictures

    def latent_stages(self) -> list[Stage]:
        """A stage for each layer that extensions add to latents, in the order of use.

        That order is the one of networks whose free latents are ``z`` itself.
        """
        points = self.generator.latents
        return [Stage(e.name, tuple(e.weights)) for e in (*points.free, *points.entering)]

    def with_scale_shift(self) -> Self:
        """A copy whose hidden layers but the last have scale and shift (no change of output)."""
        return self.extended(GeneratorScaleShift())

    def with_discriminator_scale_shift(self) -> Self:
        """A copy whose discriminator's hidden layers have scale and shift, too.

        The scale is divided by its largest (:class:`tf_fewshot.layers.ScaleShift`); the
        output does not change.

        Raises:
            BackboneError: if the architecture cannot.
        """
        return self.extended(DiscriminatorScaleShift())

    def with_miner(self, widths: Sequence[int] = (512,)) -> Self:
        """A copy whose latents go through a new :class:`tf_fewshot.layers.Miner` first.

        Raises:
            BackboneError: if the architecture cannot.
        """
        return self.extended(LatentMiner(widths))

    def with_latent_gaussian(self, pictures: int) -> Self:
        """A copy whose latents can go through a :class:`tf_fewshot.layers.LatentGaussian`.

        Until it is fitted (:meth:`fit_latents`) the output does not change; what it was fitted
        to before is forgotten.

        Args:
            pictures: How many latents it will be fitted to.

        Raises:
            BackboneError: if the architecture cannot.
        """
        return self._drawing_by(GaussianOfLatents(max(1, min(pictures - 1, self.latent_dim))))

    def with_latent_parts(self, parts: int, pictures: int) -> Self:
        """A copy whose latents can go through :class:`tf_fewshot.layers.LatentParts`.

        Until it is fitted (:meth:`fit_latent_parts`) the output does not change; what it was
        fitted to before is forgotten.

        Args:
            parts: How many parts a latent has.
            pictures: How many pictures it will be fitted to.

        Raises:
            BackboneError: if the architecture cannot, or its ``z`` has fewer components.
        """
        return self._drawing_by(PartsOfLatents(parts, pictures))

    def _drawing_by(self, fitted: FittedLatents) -> Self:
        others = [
            e for e in self.extensions if isinstance(e, FittedLatents) and e.name != fitted.name
        ]
        kept = [e for e in self.extensions if e not in others]
        return (self.rebuild(extensions=kept) if others else self).extended(fitted)

    def with_one_class(self, start: int | str = "mean") -> Self:
        """A copy without classes: what depended on them is one class, and can be trained.

        A GAN without classes gives itself. Methods that teach one new domain train this.

        Args:
            start: What the class begins as: "mean" of all classes, the number of one, or
                "identity" (scale 1 and shift 0), where the architecture can.

        Raises:
            BackboneError: if it cannot begin so.
        """
        return as_one_class(self, start) if self.num_classes else self

    def scale_shift_roles(self) -> list[ScaleShiftRole]:
        """Scale and shift of every hidden layer but the last, from input to output.

        Raises:
            BackboneError: if the generator was built without them; see
                :meth:`with_scale_shift`.
        """
        return self.required(GeneratorScaleShift.name).roles(self)

    def discriminator_scale_shift_roles(self) -> list[ScaleShiftRole]:
        """Scale and shift of every hidden layer of the discriminator, from pixels to logit.

        Raises:
            BackboneError: if it was built without them; see
                :meth:`with_discriminator_scale_shift`.
        """
        return self.required(DiscriminatorScaleShift.name).roles(self)

    def miner_variables(self) -> list[Variable]:
        """The weights of the miner; none without it."""
        if self.extension(LatentMiner.name) is None:
            return []
        layers = self.generator.extensions.layers(LatentMiner.name)
        return [weight for _, layer in layers for weight in layer.trainable_weights]

    def fit_latents(self, latents: np.ndarray, of: Adaptable) -> None:
        """Draws from now on by the Gaussian of ``latents`` rather than by the prior.

        Args:
            latents: Free latents ``[N, free_latent_dim]`` in ``of``.
            of: A GAN of this configuration, such as the one that these were trained with.
        """
        gaussian = self.required(GaussianOfLatents.name).of(self)
        self.share_free_space(of)
        gaussian.fit(self.inner_latents(latents))

    def fit_latent_parts(self, latents: np.ndarray, origin: np.ndarray, of: Adaptable) -> None:
        """Draws from now on parts of these latents rather than by the prior.

        Args:
            latents: Free latents ``[parts, pictures, free_latent_dim]`` in ``of``, each with the
                other parts at ``origin``.
            origin: ``[free_latent_dim]``, the free latent that they all begin at.
            of: A GAN of this configuration, such as the one that these were trained with.
        """
        layer = self.required(PartsOfLatents.name).of(self)
        self.share_free_space(of)
        rows = np.concatenate([origin[None], latents.reshape(-1, latents.shape[-1])])
        first, *rest = self.inner_latents(rows)
        layer.fit(np.reshape(rest, latents.shape), first)

    def latents_of_fitted(self, latents: np.ndarray) -> np.ndarray:
        """``z`` ``[N, latent_dim]`` that give the pictures of latents it was fitted to.

        Args:
            latents: Free latents ``[N, free_latent_dim]`` of whole pictures.

        Raises:
            BackboneError: if its latents are not fitted to pictures.
        """
        fitted = next((e for e in self.extensions if isinstance(e, FittedLatents)), None)
        chosen = self.required(GaussianOfLatents.name) if fitted is None else fitted
        return chosen.of(self).coordinates(self.inner_latents(latents), self.latent_dim)
