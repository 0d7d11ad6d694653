"""A short training of modulations alone, which tells how much each filter matters.

Source: Zhao et al., "Few-shot Image Generation via Adaptation-Aware Kernel Modulation"
(NeurIPS 2022), section 4.1, and its released code.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from ..optimizers import adam_with
from ..player import Group, Player
from ..problem import Problem
from ..step import Step
from .rank_one import RankOne


class Probe:
    """Rank-one modulations of kernels of both networks, trained and looked at.

    Generator and discriminator move at once, on one pass of each. What is changed of the
    networks is undone when the modulations have been looked at.

    Args:
        problem: Its GAN has a discriminator.
        kernels: Of the generator.
        d_kernels: Of the discriminator.
        learning_rate: Adam's.
    """

    def __init__(
        self,
        problem: Problem,
        kernels: Sequence[keras.Variable],
        d_kernels: Sequence[keras.Variable],
        learning_rate: float,
    ):
        self._problem, self._gan, self._rate = problem, problem.gan, learning_rate
        self._rng = np.random.default_rng(problem.seed)
        first = np.random.default_rng(0)
        axis = problem.gan.output_axis
        self._modulations = [
            RankOne(some, [axis(v) for v in some], seed=first) for some in (kernels, d_kernels)
        ]

    def importance(self, steps: int, samples: int) -> dict[str, np.ndarray]:
        """Returns the Fisher information of each filter by the path of its kernel: û + v.

        Args:
            steps: Of the training.
            samples: Generated images, and real pictures, that it is estimated with.

        Returns:
            float ``[out]`` for each kernel.
        """
        weights = [v for network in self._gan.networks() for v in network.variables]
        before = [v.numpy().copy() for v in weights]
        try:
            self._train(steps)
            squares = self._squares(samples)
        finally:
            for v, value in zip(weights, before, strict=True):
                v.assign(value)
        importance = {}
        for modulation, of_factors in zip(self._modulations, squares, strict=True):
            count = len(modulation.targets)
            for kernel, u, v in zip(
                modulation.targets, of_factors[:count], of_factors[count:], strict=True
            ):
                importance[kernel.path] = u.mean() + v.reshape(-1)
        return importance

    def _train(self, steps: int) -> None:
        for modulation in self._modulations:
            modulation.write()
        images = self._problem.images
        size = min(self._problem.batch_size, len(images))
        rows, latents = [], []
        for _ in range(steps):
            rows.append(self._rng.choice(len(images), size, replace=False))
            latents.append(self._latents(size))
        if not steps:
            return
        z, pictures = tf.constant(np.stack(latents)), _floats(images)

        def losses(step: Step):
            # Converted outside of the graph, as they are for the Fisher information: a graph
            # divides by multiplying, which differs in the last bit.
            shown = tf.gather(pictures, step.indices)
            return self._losses(z[step.number], shown, training=True), {}

        groups = [Group(m.variables, self._rate, modulation=m) for m in self._modulations]
        player = Player("probe", groups, losses, adam_with(), losses_by_group=True)
        self._problem.rehearse([player], _Batches(images, rows), steps)

    def _squares(self, samples: int) -> list[list[np.ndarray]]:
        """Returns mean squared gradients of every factor, by network."""
        # A graph takes longer to trace than one pass takes without it.
        step = tf.function(self._gradients, autograph=False) if samples > 1 else self._gradients
        total: list[list[np.ndarray]] = []
        for _ in range(samples):
            z = self._latents(1)
            row = self._rng.integers(len(self._problem.images), size=1)
            squares = [
                [np.square(g) for g in some]
                for some in step(tf.constant(z), _floats(self._problem.images[row]))
            ]
            total = squares if not total else _sums(total, squares)
        return [[t / samples for t in some] for some in total]

    def _latents(self, n: int) -> np.ndarray:
        return self._rng.standard_normal((n, self._gan.latent_dim), dtype=np.float32)

    def _losses(self, z, pictures, training: bool = False) -> list[tf.Tensor]:
        """Returns the generator's loss and the discriminator's."""
        judge = self._gan.discriminator
        fake = self._gan.generator(z, training=training)
        fake_logits = judge(fake, training=training)
        real_logits = judge(pictures, training=training)
        of_generator = tf.reduce_mean(tf.nn.softplus(-fake_logits))
        of_judge = tf.reduce_mean(tf.nn.softplus(fake_logits))
        of_judge += tf.reduce_mean(tf.nn.softplus(-real_logits))
        return [of_generator, of_judge]

    def _gradients(self, z, pictures) -> list[list[tf.Tensor]]:
        """Returns gradients of the factors: of each network by its own loss."""
        tensors = [[v.value for v in m.targets] for m in self._modulations]
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            losses = self._losses(z, pictures)
        of_kernels = [
            tape.gradient(loss, some, unconnected_gradients="zero")
            for loss, some in zip(losses, tensors, strict=True)
        ]
        del tape
        pairs = zip(self._modulations, of_kernels, strict=True)
        return [list(modulation.gradients(some)) for modulation, some in pairs]


class _Batches:
    """The pictures of each step by rows that were drawn before."""

    def __init__(self, images: np.ndarray, rows: Sequence[np.ndarray]):
        self._images, self._rows = images, rows

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray, None]:
        rows = self._rows[step]
        return rows.astype(np.int32), self._images[rows], None


def _floats(pictures: np.ndarray) -> tf.Tensor:
    return tf.cast(pictures, tf.float32) / 127.5 - 1.0


def _sums(some: list[list[np.ndarray]], others: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    return [[a + b for a, b in zip(*pair, strict=True)] for pair in zip(some, others, strict=True)]
