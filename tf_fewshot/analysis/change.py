"""How much the weights of each layer changed.

Source: Li et al., "Few-shot Image Generation with Elastic Weight Consolidation" (NeurIPS 2020),
figure 2: rates of change of weights by layer.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ..backbones import GAN
from ..errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class ChangeRates:
    """Changes of weights by layer.

    Attributes:
        layers: Names of the generator's stages with trainable weights, from latents to pixels.
        changes: float64 ``[L]``: the mean of ``|θ_T - θ_S|`` over the weights of a stage.
        sizes: float64 ``[L]``: the mean of ``|θ_S|``.
    """

    layers: tuple[str, ...]
    changes: np.ndarray
    sizes: np.ndarray

    @property
    def rates(self) -> np.ndarray:
        """float64 ``[L]``: changes over sizes; of weights that were 0, 0 or infinite."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.changes == 0, 0.0, self.changes / self.sizes)


def change_rates(source: GAN, adapted: GAN) -> ChangeRates:
    """Compares the trainable weights of two generators, stage by stage.

    Means over all weights of a stage, so that weights near 0 do not outweigh the others, as they
    would in a mean of single rates. Weights that the source has not are no part of it; scale and
    shift that an adaptation added count as what they do: γ as factors of 1, β as shifts of 0.

    Args:
        source: What was adapted.
        adapted: What it became.

    Raises:
        UserError: if they are not of one architecture.
    """
    if source.architecture != adapted.architecture:
        raise UserError(
            f"Change rates compare one architecture, not {source.architecture!r} with "
            f"{adapted.architecture!r}."
        )
    before = {v.path: v for v in source.generator.weights}
    layers, changes, sizes = [], [], []
    for stage in adapted.generator_stages():
        changed = whole = 0.0
        count = 0
        for variable in stage.variables:
            first = _value_before(variable, before)
            if first is None:
                continue
            now = np.asarray(variable, np.float64)
            changed += float(np.abs(now - first).sum())
            whole += float(np.abs(first).sum())
            count += now.size
        if count:
            layers.append(stage.name)
            changes.append(changed / count)
            sizes.append(whole / count)
    return ChangeRates(tuple(layers), np.array(changes), np.array(sizes))


def _value_before(variable, before) -> np.ndarray | None:
    """Returns what a weight was in the source; None if it is no weight that could be trained."""
    known = before.get(variable.path)
    if known is not None and known.shape == variable.shape:
        return np.asarray(known, np.float64) if known.trainable else None
    if not variable.trainable:
        return None
    return {"gamma": np.ones, "beta": np.zeros}.get(variable.name, lambda _: None)(variable.shape)
