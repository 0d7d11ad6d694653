"""Cell: kernels that matter for the adaptation are modulated, the others fine-tuned."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from ...errors import UserError
from ..player import DISCRIMINATOR, GENERATOR
from ..problem import Problem
from ..selection import Selection
from .filters import filter_axes, filter_count, is_kernel, kernels_of
from .probe import Probe
from .rank_one import RankOne
from .trainable import Trainable


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
        inner, outer = kernels_of(gan.synthesis_stages()[1:-1]), kernels_of(gan.generator_stages())
        judged = gan.discriminator_stages()
        if len(judged) < 3 or not inner:
            raise UserError("AdAM needs networks with hidden layers between first and last.")
        d_inner, d_outer = kernels_of(judged[1:-1]), kernels_of(judged[:-1])
        if self.probe_steps:
            problem.say(
                f"AdAM probes which filters matter: {self.probe_steps:,} steps and "
                f"{self.probe_samples:,} samples, before training begins."
            )
        probe = Probe(problem, outer, d_outer, self.probe_learning_rate)
        importance = probe.importance(self.probe_steps, self.probe_samples)
        chosen = {v.path: np.ones(filter_count(gan, v), bool) for v in (*outer, *d_outer)}
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

        def modulation(kernels: list[keras.Variable], seed: int) -> RankOne:
            return RankOne(
                kernels, filter_axes(gan, kernels), [chosen[v.path] for v in kernels], seed
            )

        return Selection(
            _rest(gan.generator, set(chosen)),
            _rest(gan.discriminator, set(chosen)),
            modulations={
                GENERATOR: [modulation(outer, problem.seed)],
                DISCRIMINATOR: [modulation(d_outer, problem.seed + 1)],
            },
        )


def _rest(network: keras.Model, modulated: set[str]) -> list[keras.Variable]:
    """Returns what else is trained: biases and the like, and kernels without modulation."""
    return [
        v
        for v in network.trainable_weights
        if v.path not in modulated and (len(v.shape) < 2 or is_kernel(v))
    ]
