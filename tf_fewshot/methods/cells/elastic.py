"""Elastic weight consolidation as a Keras callback, and as a regularizer cell.

Source: Li et al., "Few-shot Image Generation with Elastic Weight Consolidation"
(NeurIPS 2020), section 3.
"""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from ...errors import UserError, unknown_name
from ...files import atomic_path, cache_dir
from ...losses.fisher import (
    LIKELIHOODS,
    discriminator_likelihood,
    fisher_diagonal,
    pixel_likelihood,
)
from ..player import Penalty, Problem
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
        samples: Generated images for the estimate.
        likelihood: Of what the Fisher diagonal is: "discriminator", the paper's, or
            "pixels", which needs none: see :func:`tf_fewshot.losses.fisher.pixel_likelihood`.
            Their scales differ, so that each has a λ of its own.
        convention: See :func:`tf_fewshot.losses.fisher.fisher_diagonal`.
        batch_size: Of the "batch_mean" convention.
        companions: With "per_sample", other generated images that the discriminator
            sees beside each sample, so that its batch statistics are as in training.
        clip_images: Shows the discriminator images clipped to [-1, 1], as the pictures
            are that it learned from.
        seed: Of the samples.
        cache: File that keeps the diagonal, or None.
        attach: See above.

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
        samples: int = 256,
        likelihood: str = "discriminator",
        convention: str = "per_sample",
        batch_size: int = 8,
        companions: int = 3,
        clip_images: bool = False,
        seed: int = 0,
        cache: Path | None = None,
        attach: bool = True,
    ):
        super().__init__()
        if strength < 0:
            raise UserError(f"The strength of EWC must be 0 or more, not {strength}.")
        if likelihood not in LIKELIHOODS:
            raise unknown_name("likelihood", likelihood, LIKELIHOODS)
        if likelihood == "discriminator" and discriminator is None:
            raise UserError(
                "EWC needs a discriminator for its Fisher diagonal. Without one, choose the "
                "likelihood 'pixels'."
            )
        self.generator, self.discriminator, self.likelihood = generator, discriminator, likelihood
        self.strength, self.source = strength, source if source is not None else generator
        self.latent_dim, self.samples, self.convention = latent_dim, samples, convention
        self.batch_size, self.companions, self.seed = batch_size, companions, seed
        self.clip_images, self.cache, self.attach = clip_images, cache, attach
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
        self.fisher = self._cached(weights)
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
        """λ Σ F (θ - θ_S)², a float32 scalar; after training has begun."""
        if not self._terms:
            raise UserError("EWC has no Fisher diagonal yet: call prepare() before penalty().")
        return self.strength * tf.add_n(
            [tf.reduce_sum(f * tf.square(v - anchor)) for v, f, anchor in self._terms]
        )

    def _estimate(self, weights: dict[str, keras.Variable]) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(self.seed)
        z = rng.standard_normal((self.samples, self.latent_dim), dtype=np.float32)
        if self.likelihood == "pixels":
            loss = pixel_likelihood(self._images, self.seed)
        else:
            companions = self.companions if self.convention == "per_sample" else 0
            beside = rng.standard_normal((companions, self.latent_dim), dtype=np.float32)
            others = self._images(beside) if companions else None
            loss = discriminator_likelihood(self._images, self.discriminator, others)
        diagonal = fisher_diagonal(
            loss, list(weights.values()), z, self.convention, self.batch_size
        )
        return dict(zip(weights, diagonal, strict=True))

    def _images(self, latents):
        images = self.source(latents)
        return tf.clip_by_value(images, -1.0, 1.0) if self.clip_images else images

    def _cached(self, weights: dict[str, keras.Variable]) -> dict[str, np.ndarray]:
        if self.cache is None:
            return self._estimate(weights)
        try:
            with open(self.cache, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                stored = {name: file[name] for name in file.files}
            if {k: v.shape for k, v in stored.items()} == {
                k: tuple(v.shape) for k, v in weights.items()
            }:
                return stored
        except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile):
            pass  # absent or broken: it is estimated anew and written over
        fisher = self._estimate(weights)
        with atomic_path(self.cache) as partial:
            np.savez(partial, allow_pickle=False, **fisher)
        return fisher


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
            samples=self.fisher_samples,
            likelihood=self.fisher_likelihood,
            convention=self.fisher_convention,
            batch_size=self.fisher_batch_size,
            clip_images=True,
            seed=0,
            cache=self._cache(source) if self.fisher_cache else None,
            attach=False,
        )

        def term(drawn):
            del drawn
            penalty = callback.penalty()
            return penalty, {"ewc": penalty}

        return Penalty("generator", term, [callback])

    def _cache(self, source) -> Path:
        key = "|".join(
            map(
                str,
                (
                    source.fingerprint("generator"),
                    source.fingerprint("discriminator"),
                    self.fisher_samples,
                    self.fisher_likelihood,
                    self.fisher_convention,
                    self.fisher_batch_size,
                    "clipped",
                ),
            )
        )
        return cache_dir() / "fisher" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
