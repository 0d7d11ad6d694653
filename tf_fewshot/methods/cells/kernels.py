"""Cell: kernels that matter for the adaptation are modulated, the others fine-tuned."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from ...backbones import Stage
from ...errors import UserError
from ..modulation import Modulation
from ..player import Problem
from .trainable import Selection, Trainable

_KERNELS = ("kernel", "weight")


@dataclasses.dataclass(frozen=True)
class ImportantKernels(Trainable):
    """Adaptation-aware kernel modulation (AdAM).

    A short training of modulations alone, of all kernels of both networks, probes the
    adaptation: the Fisher information of the modulations says how much a filter matters
    for it. Filters above a quantile keep their weights and are modulated from then on,
    those below are fine-tuned. As in the released code this is decided for the hidden
    blocks; kernels before and after them are modulated, the discriminator's last stage is
    fine-tuned, biases are trained. Unlike there, biases have no part in what matters.

    Source: Zhao et al., "Few-shot Image Generation via Adaptation-Aware Kernel Modulation"
    (NeurIPS 2022), section 4, and its released code.

    Attributes:
        probe_steps: Of the short training; those of the code's script.
        probe_samples: Generated images for the Fisher information; the paper's, and those
            of the code's script.
        probe_learning_rate: Adam's, of the short training; the code's.
        fisher_quantile: Percentage of filters that are fine-tuned; the paper takes 50 for
            near domains, 75 for far ones.
    """

    probe_steps: int = 500
    probe_samples: int = 1000
    probe_learning_rate: float = 0.002
    fisher_quantile: float = 50.0

    keeps_discriminator = True

    def sketch(self) -> ImportantKernels:
        return dataclasses.replace(self, probe_steps=0, probe_samples=1)

    def select(self, problem: Problem) -> Selection:
        if not 0.0 <= self.fisher_quantile <= 100.0:
            raise UserError(f"fisher_quantile is a percentage, not {self.fisher_quantile}.")
        gan = problem.gan
        inner, outer = _kernels(gan.synthesis_stages()[1:-1]), _kernels(gan.generator_stages())
        judged = gan.discriminator_stages()
        if len(judged) < 3 or not inner:
            raise UserError("AdAM needs networks with hidden layers between first and last.")
        d_inner, d_outer = _kernels(judged[1:-1]), _kernels(judged[:-1])
        kernels = [*outer, *d_outer]
        everything = [np.ones(v.shape[gan.output_axis(v)], bool) for v in kernels]
        probe = Modulation(kernels, [gan.output_axis(v) for v in kernels], everything)
        if self.probe_steps:
            problem.say(
                f"AdAM probes which filters matter: {self.probe_steps:,} steps and "
                f"{self.probe_samples:,} samples, before training begins."
            )
        importance = _Probe(problem, probe, self).importance()
        chosen = dict(zip([v.path for v in kernels], everything, strict=True))
        # A threshold for each kind of kernel: convolutions and dense layers differ in scale.
        for group in (inner, d_inner):
            for rank in {len(v.shape) for v in group}:
                paths = [v.path for v in group if len(v.shape) == rank]
                cut = np.percentile(
                    np.concatenate([importance[p] for p in paths]), self.fisher_quantile
                )
                chosen.update({p: importance[p] > cut for p in paths})
        count = sum(int(mask.sum()) for mask in chosen.values())
        total = sum(mask.size for mask in chosen.values())
        problem.say(f"AdAM modulates {count:,} of {total:,} filters and fine-tunes the others.")
        modulated = {v.path for v in kernels}
        return Selection(
            _rest(gan.generator, modulated),
            _rest(gan.discriminator, modulated),
            modulations=tuple(
                Modulation(
                    some,
                    [gan.output_axis(v) for v in some],
                    [chosen[v.path] for v in some],
                    problem.seed + i,
                )
                for i, some in enumerate((outer, d_outer))
            ),
        )


def _kernels(stages: list[Stage]) -> list[keras.Variable]:
    return [
        v
        for stage in stages
        for v in stage.variables
        if v.trainable and len(v.shape) >= 2 and v.path.rpartition("/")[2] in _KERNELS
    ]


def _rest(network: keras.Model, modulated: set[str]) -> list[keras.Variable]:
    """What else is trained: biases and the like, and kernels that are not modulated."""
    return [
        v
        for v in network.trainable_weights
        if v.path not in modulated and (len(v.shape) < 2 or v.path.rpartition("/")[2] in _KERNELS)
    ]


class _Probe:
    """The short training of modulations, undone when it has been looked at."""

    def __init__(self, problem: Problem, modulation: Modulation, settings: ImportantKernels):
        self.gan, self.modulation, self.settings = problem.gan, modulation, settings
        self.images, self.batch_size = problem.images, problem.batch_size
        self.rng = np.random.default_rng(problem.seed)
        self._of_generator = [v.path.startswith("generator") for v in modulation.targets]

    def importance(self) -> dict[str, np.ndarray]:
        """Fisher information of each filter, by the path of its kernel (code: û + v)."""
        every = [v for network in self.gan.networks() for v in network.variables]
        before = [v.numpy().copy() for v in every]
        try:
            self._train()
            squares = self._fisher()
        finally:
            for v, value in zip(every, before, strict=True):
                v.assign(value)
        count = len(self.modulation.targets)
        found = {}
        for i, kernel in enumerate(self.modulation.targets):
            u, v = squares[i], squares[count + i]
            found[kernel.path] = u.mean() + v.reshape(-1)
        return found

    def _train(self) -> None:
        factors = [*self.modulation.inputs, *self.modulation.outputs]
        optimizer = keras.optimizers.Adam(
            self.settings.probe_learning_rate, beta_1=0.0, beta_2=0.99, epsilon=1e-8
        )
        optimizer.build(factors)
        size = min(self.batch_size, len(self.images))

        @tf.function
        def step(z, pictures):
            optimizer.apply(self._gradients(z, pictures, training=True), factors)
            self.modulation.write()

        self.modulation.write()
        for _ in range(self.settings.probe_steps):
            rows = self.rng.choice(len(self.images), size, replace=False)
            z = self.rng.standard_normal((size, self.gan.latent_dim), dtype=np.float32)
            step(tf.constant(z), self._shown(rows))

    def _fisher(self) -> list[np.ndarray]:
        step = tf.function(self._gradients)
        total: list[np.ndarray] = []
        for _ in range(self.settings.probe_samples):
            z = self.rng.standard_normal((1, self.gan.latent_dim), dtype=np.float32)
            row = self.rng.integers(len(self.images), size=1)
            squares = [np.square(g) for g in step(tf.constant(z), self._shown(row))]
            total = squares if not total else [a + b for a, b in zip(total, squares, strict=True)]
        return [t / self.settings.probe_samples for t in total]

    def _shown(self, rows: np.ndarray) -> tf.Tensor:
        return tf.cast(self.images[rows], tf.float32) / 127.5 - 1.0

    def _gradients(self, z, pictures, training: bool = False) -> list[tf.Tensor]:
        """Of the modulations: the generator's of its loss, the discriminator's of its own."""
        tensors = [v.value for v in self.modulation.targets]
        judge = self.gan.discriminator
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            fake = self.gan.generator(z, training=training)
            fake_logits = judge(fake, training=training)
            real_logits = judge(pictures, training=training)
            of_generator = tf.reduce_mean(tf.nn.softplus(-fake_logits))
            of_judge = tf.reduce_mean(tf.nn.softplus(fake_logits))
            of_judge += tf.reduce_mean(tf.nn.softplus(-real_logits))
        found = []
        for loss, wanted in ((of_generator, True), (of_judge, False)):
            some = [
                t for t, mine in zip(tensors, self._of_generator, strict=True) if mine is wanted
            ]
            found.append(iter(tape.gradient(loss, some, unconnected_gradients="zero")))
        del tape
        kernels = [next(found[0] if mine else found[1]) for mine in self._of_generator]
        count = len(self.modulation.targets)
        return self.modulation.gradients(kernels)[count:]
