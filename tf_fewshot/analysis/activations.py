"""How often each filter is active.

Source: Noguchi and Harada, "Image Generation From Small Datasets via Batch Statistics Adaptation"
(ICCV 2019), figure A of the supplement: activation rates against γ and β.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..backbones import GAN
from ..backbones.extensions import Extension, GeneratorScaleShift, Point, register
from ..errors import UserError
from .progress import Progress, quiet

_BATCH = 32


@dataclasses.dataclass(frozen=True, eq=False)
class LayerActivations:
    """The filters of one hidden layer.

    Attributes:
        layer: Its name.
        rates: float32 ``[C]``: the share of places of all images at which a filter gives more
            than 0, after scale and shift; 0 is a dead filter.
        gammas, betas: float32 ``[C]``: what scales and shifts it, means over the latents.
    """

    layer: str
    rates: np.ndarray
    gammas: np.ndarray
    betas: np.ndarray

    def correlation(self, part: str) -> float:
        """Pearson's correlation of the rates with "gammas" or "betas", in [-1, 1].

        NaN where all filters have one value, so that there is nothing to correlate.
        """
        x, y = (np.asarray(v, np.float64) for v in (getattr(self, part), self.rates))
        x, y = x - x.mean(), y - y.mean()
        spread = float(np.sqrt((x**2).sum() * (y**2).sum()))
        return float((x * y).sum() / spread) if spread > 1e-12 else float("nan")


def activation_rates(
    gan: GAN,
    samples: int = 256,
    seed: int = 0,
    truncation: float | None = None,
    labels: np.ndarray | None = None,
    progress: Progress = quiet,
) -> list[LayerActivations]:
    """Measures how often the filters of the hidden layers are active, with their γ and β.

    These are what an adaptation added (as BSA does), or, if nothing was, the architecture's own.

    Args:
        gan: A generator whose hidden layers can be watched.
        samples: Number of images; each is one pass through the generator.
        seed: Of their latents.
        truncation: Of these.
        labels: Their classes, int ``[samples]``; None takes all in turn.
        progress: Told how far the work is.

    Returns:
        The hidden layers that have scale and shift of their filters, from input to output.

    Raises:
        UserError: if there are none.
    """
    probed = gan.extended(_Probing())
    layers = probed.generator.extensions.layers(_Probing.name)
    if labels is None and gan.num_classes:
        labels = np.arange(samples, dtype=np.int32) % gan.num_classes
    z = gan.sample_latents(samples, seed, truncation)
    known = _scale_and_shift(gan, z, labels)
    shown = [(name, layer) for name, layer in layers if name in known]
    if not shown:
        raise UserError(
            f"This {gan.architecture} has no scale and shift of its filters: adapt it with method "
            "'bsa', which adds them, and analyze the adapter."
        )

    @tf.function(autograph=False, reduce_retracing=True)
    def sums(z, some):
        probed.generate(z, some, truncation)
        return [layer.active for _, layer in shown]

    totals = [np.zeros(1)] * len(shown)
    for start in range(0, samples, _BATCH):
        part = slice(start, start + _BATCH)
        some = None if labels is None else tf.constant(labels[part])
        active = sums(tf.constant(z[part]), some)
        totals = [
            total + np.asarray(a, np.float64) for total, a in zip(totals, active, strict=True)
        ]
        progress("activations", min(start + _BATCH, samples), samples)
    return [
        LayerActivations(name, (total / samples).astype(np.float32), *known[name])
        for (name, _), total in zip(shown, totals, strict=True)
    ]


def _scale_and_shift(gan: GAN, z, labels) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns γ and β ``[C]`` of the filters by the name of their hidden layer."""
    if gan.extension(GeneratorScaleShift.name) is not None:
        roles = gan.scale_shift_roles()
        return {r.layer: (r.gammas[0].numpy(), r.betas[0].numpy()) for r in roles}
    return {
        value.layer: (value.gammas.mean(0), value.betas.mean(0))
        for value in gan.own_scale_shift(z, labels)
        if value.betas is not None and not value.of_input
    }


class _Probe(keras.layers.Layer):
    """Lets maps through, and keeps the sum over images of the share of active places."""

    active: Any = None

    def call(self, x):
        over = range(1, len(x.shape) - 1)
        self.active = tf.reduce_sum(tf.reduce_mean(tf.cast(x > 0, tf.float32), list(over)), 0)
        return x


@register
@dataclasses.dataclass(frozen=True)
class _Probing(Extension):
    """Watches every hidden layer but the last; of a copy that is never saved."""

    name = layer_name = "activation_probe"
    words = "a probe of its hidden layers"
    point = Point.HIDDEN

    def layer(self, name: str, place, dtype: Any) -> Any:
        del place
        return _Probe(name=name, dtype=dtype)
