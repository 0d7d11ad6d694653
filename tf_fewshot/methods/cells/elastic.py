"""Elastic weight consolidation as a Keras callback, and as a regularizer cell.

Source: Li et al., "Few-shot Image Generation with Elastic Weight Consolidation"
(NeurIPS 2020), section 3.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Literal, Unpack

import keras
import numpy as np
import tensorflow as tf

from ...backbones import GAN
from ...errors import UserError, check_least
from ...files import cache_dir
from ..player import GENERATOR, Penalty, Turn
from ..problem import Problem
from .fisher_estimate import EstimateSettings, FisherEstimate
from .regularizers import Regularizer


class EWC(keras.callbacks.Callback):
    """Holds a generator's weights near a source's, each as firmly as it matters there.

    When training begins it estimates the Fisher diagonal F of the source's weights θ_S
    from images that the source generates, by the binary cross-entropy of its frozen
    discriminator, and from then on the penalty is ``λ Σ F (θ - θ_S)²``.

    With ``attach`` the penalty joins ``model.losses``, so that ``fit`` adds it; a loop
    of one's own adds :meth:`penalty` to the generator's loss instead.

    Args:
        generator: The network in training: ``generator(z)`` gives images.
        discriminator: Gives logits ``[N, 1]`` of images; never changed. None with the
            likelihood "pixels".
        strength: λ. It means nothing without ``convention`` and ``samples``.
        source: The generator as it was, if ``generator`` may have moved on already.
            Weights are matched by path.
        latent_dim: Size of z.
        attach: See above.
        **estimate: Of the Fisher diagonal: ``samples``, ``likelihood``, ``convention``,
            ``batch_size``, ``companions``, ``clip_images``, ``seed`` and ``cache``, see
            :class:`tf_fewshot.methods.cells.fisher_estimate.FisherEstimate`.

    Raises:
        UserError: for a negative strength, an unknown likelihood, or a missing discriminator.

    Example:
        >>> model.fit(pictures, callbacks=[EWC(generator, discriminator, strength=300.0,
        ...                                    latent_dim=128)])  # doctest: +SKIP
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | None,
        strength: float,
        *,
        latent_dim: int,
        source: keras.Model | None = None,
        attach: bool = True,
        **estimate: Unpack[EstimateSettings],
    ):
        super().__init__()
        if strength < 0:
            raise UserError(f"The strength of EWC must be 0 or more, not {strength}.")
        self.estimate = FisherEstimate(**estimate)
        self.estimate.check(discriminator)
        self.generator, self.discriminator = generator, discriminator
        self.strength, self.source = strength, source if source is not None else generator
        self.latent_dim, self.attach = latent_dim, attach
        self.fisher: dict[str, np.ndarray] = {}
        self._own: list[keras.regularizers.Regularizer | None] = []
        self._terms: list[tuple[keras.Variable, tf.Variable, tf.Variable]] = []

    def on_train_begin(self, logs=None):
        self.prepare()
        if self.attach:
            self._own = [variable.regularizer for variable, _, _ in self._terms]
            for (variable, importance, anchor), own in zip(self._terms, self._own, strict=True):
                variable.regularizer = _Elastic(self.strength, importance, anchor, own)
            self._retrace()

    def on_train_end(self, logs=None):
        if self.attach:
            for (variable, _, _), own in zip(self._terms, self._own, strict=True):
                variable.regularizer = own
            self._retrace()

    def _retrace(self) -> None:
        # A model that was fitted before keeps its graph, without (or with) the penalty.
        if self.model is not None:
            self.model.make_train_function(force=True)

    def prepare(self) -> None:
        """Estimates the Fisher diagonal, or reads it from the cache; once is enough."""
        if self._terms:
            return
        weights = {v.path: v for v in self.source.trainable_weights}
        if not self.fisher:
            self.fisher = self.estimate.diagonal(self.source, self.discriminator, self.latent_dim)
        for variable in self.generator.trainable_weights:
            if variable.path in weights:
                self._terms.append(
                    (
                        variable,
                        tf.Variable(self.fisher[variable.path], trainable=False),
                        tf.Variable(weights[variable.path].numpy(), trainable=False),
                    )
                )
        if not self._terms:
            raise UserError("EWC found no weight of the source in the generator (by path).")

    def penalty(self) -> tf.Tensor:
        """Returns λ Σ F (θ - θ_S)², a float32 scalar; after training has begun."""
        if not self._terms:
            raise UserError("EWC has no Fisher diagonal yet: call prepare() before penalty().")
        return self.strength * tf.add_n(
            [tf.reduce_sum(f * tf.square(v - anchor)) for v, f, anchor in self._terms]
        )


class _Elastic(keras.regularizers.Regularizer):
    def __init__(self, strength: float, importance: tf.Variable, anchor: tf.Variable, own):
        self.strength, self.importance, self.anchor = strength, importance, anchor
        self.own = own

    def __call__(self, x):
        penalty = self.strength * tf.reduce_sum(self.importance * tf.square(x - self.anchor))
        return penalty if self.own is None else penalty + self.own(x)


@dataclasses.dataclass(frozen=True)
class FisherPenalty(Regularizer):
    """EWC's penalty on every trained weight of the generator.

    Attributes:
        ewc_strength: λ. The default was found on avataaars64 → personas, for the
            per-sample convention; the paper's 5e8 belongs to a convention that it does
            not state.
        fisher_samples: Generated images for the Fisher diagonal.
        fisher_likelihood: "discriminator" as in the paper, or "pixels" for sources without
            one; see :class:`EWC`.
        fisher_convention: "per_sample" or "batch_mean".
        fisher_batch_size: Of "batch_mean".
        fisher_cache: Whether the diagonal is kept on disk for the same source.
    """

    ewc_strength: float = 300.0
    fisher_samples: int = 256
    fisher_likelihood: Literal["discriminator", "pixels"] = "discriminator"
    fisher_convention: Literal["per_sample", "batch_mean"] = "per_sample"
    fisher_batch_size: int = 8
    fisher_cache: bool = True

    def __post_init__(self):
        check_least(self, fisher_samples=1, fisher_batch_size=1)

    def prepare(self, problem: Problem, selection, latents) -> Penalty:
        source = problem.source
        if source is None:
            raise UserError("EWC needs a source whose weights it holds on to.")
        if source.discriminator is None and self.fisher_likelihood == "discriminator":
            raise UserError(
                "EWC needs a source with a discriminator for its Fisher diagonal, and this "
                "source has none. Set fisher_likelihood='pixels', or choose another method."
            )
        callback = EWC(
            problem.gan.generator,
            source.discriminator,
            self.ewc_strength,
            latent_dim=source.latent_dim,
            source=source.generator,
            attach=False,
            **self._estimate(source),
        )

        def term(turn: Turn):
            del turn
            penalty = callback.penalty()
            return penalty, {"ewc": penalty}

        return Penalty(GENERATOR, term, [callback])

    def sketch(self) -> FisherPenalty:
        return _Sketch(**vars(self))

    def diagonal(self, source: GAN) -> dict[str, np.ndarray]:
        """Returns the Fisher diagonal of a source, as the penalty weighs its weights.

        Args:
            source: A GAN without classes, or with one.

        Raises:
            UserError: if there is no discriminator and the likelihood needs one.
        """
        estimate = FisherEstimate(**self._estimate(source))
        return estimate.diagonal(source.generator, source.discriminator, source.latent_dim)

    def _estimate(self, source: GAN) -> EstimateSettings:
        return {
            "samples": self.fisher_samples,
            "likelihood": self.fisher_likelihood,
            "convention": self.fisher_convention,
            "batch_size": self.fisher_batch_size,
            "clip_images": True,
            "seed": 0,
            "cache": self._cache(source) if self.fisher_cache else None,
        }

    def _cache(self, source: GAN) -> Path:
        """Returns the file of this source's diagonal, as these settings estimate it."""
        parts = (
            source.fingerprint("generator"),
            source.fingerprint("discriminator"),
            self.fisher_samples,
            self.fisher_likelihood,
            self.fisher_convention,
            self.fisher_batch_size,
            "clipped",
        )
        digest = hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()
        return cache_dir() / "fisher" / f"{digest[:32]}.npz"


class _Sketch(FisherPenalty):
    """A penalty as large, whose Fisher diagonal is 0 and takes no time."""

    def prepare(self, problem: Problem, selection, latents) -> Penalty:
        penalty = super().prepare(problem, selection, latents)
        for callback in penalty.callbacks:
            assert isinstance(callback, EWC)
            weights = callback.source.trainable_weights
            callback.fisher = {v.path: np.zeros(v.shape, np.float32) for v in weights}
            callback.prepare()
        return penalty
