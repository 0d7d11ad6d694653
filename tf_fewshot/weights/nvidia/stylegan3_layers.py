"""The layers of NVIDIA's StyleGAN3: what they are called, and whether they are as computed here.

A file holds filters, sizes and rates of every layer, which all follow from a few settings. They
are not taken over but compared: what differs would draw other pictures.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from ...backbones.stylegan3.config import StyleGAN3Config
from ...backbones.stylegan3.geometry import Plan, plans
from ...errors import UserError
from .persistence import Module

_NAME = r"synthesis\.(L(\d{1,3})_(\d{1,5})_(\d{1,5}))\.weight"
# What float32 keeps of filters.
_CLOSE = 1e-5


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer by its name, such as "L0_36_512".

    Attributes:
        name: That name, which says the rest.
        size: Width and height of what leaves it.
        channels: Of that.
    """

    name: str
    size: int
    channels: int

    def tensor(self, name: str) -> str:
        """The whole name of one of its tensors."""
        return f"synthesis.{self.name}.{name}"

    fact = tensor


def layers_of(generator: Module) -> list[Layer]:
    """The layers in their order; the last one makes the pixels.

    Raises:
        UserError: if they are not numbered from 0, or fewer than three.
    """
    found: dict[int, Layer] = {}
    for name in generator.tensors:
        match = re.fullmatch(_NAME, name)
        if match:
            index, size, channels = (int(match[i]) for i in (2, 3, 4))
            if index in found:
                raise UserError(f"it has two layers L{index}")
            found[index] = Layer(match[1], size, channels)
    if len(found) < 3 or sorted(found) != list(range(len(found))):
        raise UserError("its layers L0, L1, … are fewer than three, or some are missing")
    return [found[i] for i in range(len(found))]


def check_layers(generator: Module, layers: list[Layer], config: StyleGAN3Config) -> None:
    """Raises a UserError if a layer or a filter is not what the configuration makes of it."""
    for layer, plan in zip(layers, plans(config), strict=True):
        after = plan.after
        own = {"out_cutoff": after.cutoff, "out_half_width": after.half_width}
        own |= {"out_sampling_rate": after.rate, "in_sampling_rate": plan.before.rate}
        stored = {name: generator.facts.get(layer.fact(name)) for name in own}
        if layer.size != after.size or not all(
            value is None or _near(value, own[name]) for name, value in stored.items()
        ):
            raise UserError(
                f"its layer {layer.name} is not the one of {after.size} pixels at a rate of "
                f"{after.rate} that its settings make: it is a changed StyleGAN3"
            )
        for name, expected in _filters(plan).items():
            value = generator.tensors.get(layer.tensor(name))
            if not _alike(value, expected):
                raise UserError(
                    f"its {layer.tensor(name)} is not the filter that its settings make: it is a "
                    "changed StyleGAN3"
                )


def _filters(plan: Plan) -> dict[str, np.ndarray | None]:
    filters: dict[str, np.ndarray | None] = {"up_filter": None, "down_filter": None}
    if plan.up is not None and len(plan.up.taps) > 1:
        filters["up_filter"] = np.asarray(plan.up.taps)
    if plan.radial is not None:
        filters["down_filter"] = plan.radial
    elif plan.down is not None and len(plan.down.taps) > 1:
        filters["down_filter"] = np.asarray(plan.down.taps)
    return filters


def _alike(value: np.ndarray | None, expected: np.ndarray | None) -> bool:
    if value is None or expected is None:
        return value is expected
    return value.shape == expected.shape and np.allclose(value, expected, atol=_CLOSE, rtol=0)


def _near(value: object, expected: float) -> bool:
    number = isinstance(value, (int, float, np.number))
    return number and abs(float(value) - expected) <= 1e-4 * abs(expected)
