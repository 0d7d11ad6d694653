"""How much each filter matters for the new pictures, estimated again and again in training.

Source: Zhao et al., "Exploring Incompatible Knowledge Transfer in Few-shot Image Generation"
(CVPR 2023), section 5, and its released code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from ...backbones import GAN, Stage
from ...errors import UserError
from ..player import DISCRIMINATOR, GENERATOR
from ..problem import Problem
from ..selection import Selection
from .filters import filter_axes, kernels_of
from .pruning import FROZEN, PRUNED, TRAINED, SortedFilters
from .trainable import Trainable


def filter_importance(
    gan: GAN, kernels: Sequence[Sequence[keras.Variable]]
) -> Callable[[np.ndarray, np.ndarray], list[list[np.ndarray]]]:
    """Returns what estimates the Fisher information of the filters of both networks.

    Args:
        gan: Looked at as it is when the estimate is made, in inference.
        kernels: Of the generator, and of the discriminator.

    Returns:
        A function of latents, float32 ``[S, latent_dim]``, and pictures, float32
        ``[S, H, W, C]`` in [-1, 1]. It gives float32 ``[out]`` for each kernel of the generator
        and of the discriminator: the squared gradient of the network's adversarial loss on one
        image (and one picture), as a mean over the weights of a filter and over the S samples.
    """
    axes = [filter_axes(gan, some) for some in kernels]

    @tf.function(autograph=False)
    def squares(z: tf.Tensor, picture: tf.Tensor) -> list[list[tf.Tensor]]:
        tensors = [[v.value for v in some] for some in kernels]
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            fake = gan.discriminator(gan.generator(z))
            of_generator = tf.reduce_mean(tf.nn.softplus(-fake))
            of_judge = tf.reduce_mean(tf.nn.softplus(fake))
            of_judge += tf.reduce_mean(tf.nn.softplus(-gan.discriminator(picture)))
        by_network = []
        for loss, some, lie in zip((of_generator, of_judge), tensors, axes, strict=True):
            gradients = tape.gradient(loss, some, unconnected_gradients="zero")
            pairs = zip(gradients, lie, strict=True)
            by_network.append([_by_filter(tf.square(tf.cast(g, tf.float32)), a) for g, a in pairs])
        del tape
        return by_network

    def importance(z: np.ndarray, pictures: np.ndarray) -> list[list[np.ndarray]]:
        total = [
            [np.zeros(v.shape[a], np.float32) for v, a in zip(*pair, strict=True)]
            for pair in zip(kernels, axes, strict=True)
        ]
        for i in range(len(z)):
            parts = squares(tf.constant(z[i : i + 1]), tf.constant(pictures[i : i + 1]))
            for sums, some in zip(total, parts, strict=True):
                for one, more in zip(sums, some, strict=True):
                    one += more.numpy() / len(z)
        return total

    return importance


def _by_filter(squares: tf.Tensor, axis: int) -> tf.Tensor:
    others = [n for n in range(len(squares.shape)) if n != axis % len(squares.shape)]
    return tf.reduce_mean(squares, others)


def kinds_of(
    importance: Sequence[np.ndarray],
    ranks: Sequence[int],
    prune_quantile: float,
    fisher_quantile: float,
) -> list[np.ndarray]:
    """Sorts filters by their importance, convolutions and dense layers each by themselves.

    Args:
        importance: float ``[out]`` for each kernel.
        ranks: Number of axes of each kernel.
        prune_quantile: Percentage of filters, up to which they are pruned.
        fisher_quantile: Percentage of filters, above which they are frozen.

    Returns:
        int32 ``[out]`` for each kernel.
    """
    kinds = [np.full(len(some), TRAINED, np.int32) for some in importance]
    for rank in set(ranks):
        group = [i for i, other in enumerate(ranks) if other == rank]
        together = np.concatenate([importance[i] for i in group])
        low, high = np.percentile(together, [prune_quantile, fisher_quantile])
        for i in group:
            kinds[i][importance[i] > high] = FROZEN
            if prune_quantile:
                kinds[i][importance[i] <= low] = PRUNED
    return kinds


class SortAgain(keras.callbacks.Callback):
    """Estimates the importance of filters before some steps, and sorts them by it.

    What it draws depends on seed and step alone, so that a resumed run sorts alike.

    Args:
        problem: Its GAN has a discriminator.
        modulations: Of the generator's filters, and of the discriminator's.
        settings: When, with how many samples, and by which quantiles.
    """

    def __init__(
        self, problem: Problem, modulations: Sequence[SortedFilters], settings: TruncatedKnowledge
    ):
        super().__init__()
        self._problem, self._modulations, self._settings = problem, modulations, settings
        targets = [modulation.targets for modulation in modulations]
        self._importance = filter_importance(problem.gan, targets)

    def on_train_batch_begin(self, batch, logs=None):
        since = batch - self._settings.warmup_steps
        if since >= 0 and since % self._settings.probe_every == 0:
            self.sort(batch)

    def sort(self, step: int) -> None:
        """Sorts the filters as they are sorted before that step, counted from 0."""
        problem, settings = self._problem, self._settings
        rng = np.random.default_rng([problem.seed, step])
        shape = (settings.probe_samples, problem.gan.latent_dim)
        z = rng.standard_normal(shape, dtype=np.float32)
        rows = rng.integers(len(problem.images), size=settings.probe_samples)
        pictures = problem.images[rows].astype(np.float32) / 127.5 - 1.0
        by_network = self._importance(z, pictures)
        for modulation, importance in zip(self._modulations, by_network, strict=True):
            ranks = [len(v.shape) for v in modulation.targets]
            modulation.sort(
                kinds_of(importance, ranks, settings.prune_quantile, settings.fisher_quantile)
            )
        kinds = np.concatenate([k for m in self._modulations for k in m.kinds])
        counts = [int((kinds == kind).sum()) for kind in (PRUNED, FROZEN, TRAINED)]
        problem.say(
            "RICK at step {:,}: {:,} filters are pruned, {:,} frozen and {:,} trained.".format(
                step, *counts
            )
        )


@dataclasses.dataclass(frozen=True)
class TruncatedKnowledge(Trainable):
    """Filters that matter least are pruned for good, those that matter most are frozen (RICK).

    Every so many steps the Fisher information of each filter of the hidden stages of both
    networks is estimated on the new pictures. Filters up to a low quantile become 0 and stay so,
    those above a high one are frozen until the next estimate, the others are trained, as is
    everything else in the hidden stages, and the discriminator's last stage. As in the released
    code the stages before and after the generator's hidden ones stay as they are, and at first
    the discriminator's last stage is trained alone.

    Unlike there, the estimate looks at the networks in training rather than at their moving
    average, and biases have no part in what matters, are not pruned and not frozen.

    Source: Zhao et al., "Exploring Incompatible Knowledge Transfer in Few-shot Image Generation"
    (CVPR 2023), section 5, and its released code.

    Attributes:
        probe_every: Steps between two estimates; the paper's and those of the code's scripts.
        probe_samples: Generated images, and real pictures, of an estimate; those of the scripts.
        warmup_steps: Steps in which the discriminator's last stage is trained alone. The scripts
            take 250 of 1,750; this is the same share of 400.
        prune_quantile: Percentage of filters that each estimate prunes, at least one; 0 prunes
            none. The scripts take 0.1 for a near domain and 0.075 for a far one.
        fisher_quantile: Percentage of filters that are not frozen. The code's is 75, its scripts
            take 40 for a near domain and 85 for a far one.
    """

    probe_every: int = 50
    probe_samples: int = 10
    warmup_steps: int = 60
    prune_quantile: float = 0.1
    fisher_quantile: float = 75.0

    keeps_discriminator = True

    def __post_init__(self):
        super().__post_init__()
        if not 0.0 <= self.prune_quantile <= self.fisher_quantile <= 100.0:
            raise UserError(
                "prune_quantile and fisher_quantile are percentages, the first of them the lower, "
                f"not {self.prune_quantile} and {self.fisher_quantile}."
            )
        if self.probe_every < 1 or self.probe_samples < 1 or self.warmup_steps < 0:
            raise UserError(
                "probe_every and probe_samples must be at least 1 and warmup_steps at least 0, not "
                f"{self.probe_every}, {self.probe_samples} and {self.warmup_steps}."
            )

    def select(self, problem: Problem) -> Selection:
        gan = problem.gan
        hidden, judged = gan.synthesis_stages()[1:-1], gan.discriminator_stages()
        stages = {GENERATOR: hidden, DISCRIMINATOR: judged[1:-1]}
        kernels = {name: kernels_of(some) for name, some in stages.items()}
        if not all(kernels.values()):
            raise UserError("RICK needs networks with hidden layers between first and last.")
        modulations = {n: SortedFilters(k, filter_axes(gan, k)) for n, k in kernels.items()}
        rest = {name: _rest(stages[name], kernels[name]) for name in stages}
        last = [v for v in judged[-1].variables if v.trainable]
        return Selection(
            rest[GENERATOR],
            [*rest[DISCRIMINATOR], *last],
            begins={v.path: self.warmup_steps for some in rest.values() for v in some},
            modulations={name: [modulation] for name, modulation in modulations.items()},
            callbacks=[SortAgain(problem, list(modulations.values()), self)],
        )


def _rest(stages: Sequence[Stage], kernels: Sequence[keras.Variable]) -> list[keras.Variable]:
    sorted_out = {v.path for v in kernels}
    return [v for s in stages for v in s.variables if v.trainable and v.path not in sorted_out]
