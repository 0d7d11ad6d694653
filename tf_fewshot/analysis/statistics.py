"""Scale and shift of hidden layers, of classes or of domains.

Source: Noguchi and Harada, "Image Generation From Small Datasets via Batch Statistics
Adaptation" (ICCV 2019), figure 2: semantically near classes have near γ and β.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ..backbones import GAN, RoleValues
from ..backbones.extensions import GeneratorScaleShift
from ..errors import UserError

_ROWS = 4096  # latents that are looked at together


@dataclasses.dataclass(frozen=True, eq=False)
class LayerStatistics:
    """γ and β of one hidden layer, a row a class or domain.

    Attributes:
        layer: Name of the layer.
        gammas: Scales, float32 ``[P, C]``; 1 changes nothing.
        betas: Shifts, float32 ``[P, C]``; None if the layer has none.
    """

    layer: str
    gammas: np.ndarray
    betas: np.ndarray | None

    def parts(self) -> dict[str, np.ndarray]:
        """What there is of the two, by "gamma" and "beta"."""
        both = {"gamma": self.gammas, "beta": self.betas}
        return {name: values for name, values in both.items() if values is not None}


@dataclasses.dataclass(frozen=True, eq=False)
class Statistics:
    """γ and β of several classes or domains.

    Attributes:
        names: What the P rows are called: domains, or classes (``GAN.class_names``).
        layers: From input to output.
    """

    names: tuple[str, ...]
    layers: tuple[LayerStatistics, ...]


def statistics_of_classes(
    gan: GAN, classes: Sequence[int] | None = None, samples: int = 64, seed: int = 0
) -> Statistics:
    """Gives γ and β of the classes of a GAN.

    Where they depend on the latent, too, they are means over latents, the same ones for every
    class.

    Args:
        gan: With classes.
        classes: Which ones; None takes all.
        samples: Number of latents.
        seed: Of these.

    Raises:
        UserError: if there are fewer than two classes, no such class, or no scale and shift.
    """
    chosen = list(range(gan.num_classes) if classes is None else classes)
    wrong = [c for c in chosen if not 0 <= c < gan.num_classes]
    if wrong:
        raise UserError(f"There is no class {wrong[0]}: there are {gan.num_classes}.")
    if len(chosen) < 2:
        raise UserError(
            f"Statistics of {len(chosen)} classes compare nothing: give a source with classes, or "
            "two adapters or more."
        )
    _check(gan)
    direct = all(role.direct for role in gan.own_scale_shift_roles())
    z = gan.sample_latents(1 if direct else samples, seed)
    parts = []
    at_once = max(1, _ROWS // len(z))
    for start in range(0, len(chosen), at_once):
        some = np.asarray(chosen[start : start + at_once], np.int32)
        rows = gan.own_scale_shift(np.tile(z, (len(some), 1)), np.repeat(some, len(z)))
        parts.append(_means(rows, len(some)))
    return Statistics(tuple(gan.class_names[c] for c in chosen), _stacked(parts))


def statistics_of_domains(
    gans: Mapping[str, GAN], samples: int = 64, seed: int = 0
) -> tuple[Statistics, list[str]]:
    """Gives γ and β of domains, each a generator of one architecture.

    If any of them has scale and shift of its hidden layers, as BSA adds, these are compared, and
    those of the others are 1 and 0. Else it is the architecture's own, means over latents where
    they depend on them.

    Args:
        gans: By name, at least two.
        samples: Number of latents, the same ones for every domain.
        seed: Of these.

    Returns:
        The statistics, and remarks for people.

    Raises:
        UserError: if there is one domain only, no scale and shift, or layers differ.
    """
    if len(gans) < 2:
        raise UserError(
            f"One domain only ({', '.join(gans)}): statistics compare two or more. Give more "
            "adapters, or a source with classes."
        )
    has = {name: gan.extension(GeneratorScaleShift.name) is not None for name, gan in gans.items()}
    remarks: list[str] = []
    if any(has.values()):
        lacking = [name for name, there in has.items() if not there]
        if lacking:
            verb = "have" if len(lacking) > 1 else "has"
            remarks.append(
                f"{', '.join(lacking)} {verb} no scale and shift beside the architecture's own: "
                "γ is 1 and β is 0 there."
            )
        rows = [_added(gan if has[name] else gan.with_scale_shift()) for name, gan in gans.items()]
    else:
        rows = [_own(gan, samples, seed) for gan in gans.values()]
        remarks.append(
            "None of them has scale and shift beside the architecture's own, which are shown."
        )
    names = [[layer for layer, *_ in row] for row in rows]
    if any(other != names[0] for other in names):
        raise UserError("These generators differ in their layers: compare those of one source.")
    return Statistics(tuple(gans), _stacked(rows)), remarks


_Row = tuple[str, np.ndarray, np.ndarray | None]


def _added(gan: GAN) -> list[_Row]:
    return [
        (role.layer, role.gammas[0].numpy()[None], role.betas[0].numpy()[None])
        for role in gan.scale_shift_roles()
    ]


def _own(gan: GAN, samples: int, seed: int) -> list[_Row]:
    _check(gan)
    z = gan.sample_latents(samples, seed)
    labels = np.arange(samples) % gan.num_classes if gan.num_classes else None
    return _means(gan.own_scale_shift(z, labels), 1)


def _means(values: Sequence[RoleValues], groups: int) -> list[_Row]:
    """Returns the means ``[groups, C]`` of rows ``[groups * samples, C]`` of each layer."""

    def mean(rows: np.ndarray) -> np.ndarray:
        return rows.reshape(groups, -1, rows.shape[-1]).mean(1)

    return [(v.layer, mean(v.gammas), None if v.betas is None else mean(v.betas)) for v in values]


def _stacked(parts: Sequence[Sequence[_Row]]) -> tuple[LayerStatistics, ...]:
    """Puts the rows of parts, each a list of the same layers, below one another."""
    layers = []
    for rows in zip(*parts, strict=True):
        betas = [betas for _, _, betas in rows if betas is not None]
        gammas = np.concatenate([gammas for _, gammas, _ in rows])
        layers.append(LayerStatistics(rows[0][0], gammas, np.concatenate(betas) if betas else None))
    return tuple(layers)


def _check(gan: GAN) -> None:
    if not gan.own_scale_shift_roles():
        raise UserError(
            f"This {gan.architecture} has no scale and shift: adapt it with method 'bsa', which "
            "adds them, and compare the adapters."
        )
