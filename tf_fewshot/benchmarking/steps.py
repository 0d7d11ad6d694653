"""Seconds of a method's step, against the passes through networks that it must do."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from .. import methods
from ..backbones import GAN
from ..data.batches import Batches
from ..data.pictures import Pictures
from ..errors import UserError
from ..methods.player import Player
from ..methods.step import Step
from ..planning import Plan
from ..training.assemble import assemble, check_parts, trainer
from .operations import flops_of_graph
from .timing import WIDTHS, best_of_each, matrix_product

# How well a start is prepared changes no step: with few samples it takes no minutes.
_QUICKLY = {"fisher_samples": 8, "fisher_cache": False}
_PICTURES = 10


@dataclasses.dataclass(frozen=True)
class StepTime:
    """How long a training step takes.

    Attributes:
        seconds: Of a step of the training loop.
        passes: Seconds of the passes through networks that it must do, alone.
        batch_size: Pictures in a step.
        peak_flops: Operations a second of the fastest matrix product, measured in turns.
        flops_per_step: Floating-point operations of the passes, as :mod:`.operations` counts;
            None where they cannot be counted.
    """

    seconds: float
    passes: float
    batch_size: int
    peak_flops: float
    flops_per_step: float | None = None

    @property
    def of_passes(self) -> float:
        """Seconds of the step over those of its passes."""
        return self.seconds / self.passes

    @property
    def of_peak(self) -> float | None:
        """Operations of the passes a second of the step, over those of the fastest product."""
        if self.flops_per_step is None:
            return None
        return self.flops_per_step / self.seconds / self.peak_flops

    def record(self) -> dict[str, Any]:
        """The seconds, the operations and their ratios, as JSON values."""
        return {
            "seconds": self.seconds,
            "passes": self.passes,
            "of_passes": self.of_passes,
            "flops_per_step": self.flops_per_step,
            "peak_flops": self.peak_flops,
            "of_peak": self.of_peak,
        }

    def __str__(self) -> str:
        peak = f"the {self.peak_flops / 1e9:.0f} GFLOP/s of a matrix product"
        part = "not counted" if self.of_peak is None else f"{self.of_peak:.0%} of {peak}"
        return (
            f"step {self.seconds:.3f} s, {self.batch_size / self.seconds:.1f} images/s, "
            f"{self.of_passes:.2f} times its passes (losses and their gradients alone), {part}"
        )


def measure_step(
    name: str,
    source: GAN,
    dtype: str,
    batch_size: int,
    repeats: int,
    widths: Sequence[int] = WIDTHS,
) -> StepTime:
    """Times a step of a method, its passes alone, and large matrix products, in turns.

    The passes are what no implementation of the method can leave out: the losses of all of
    its players, as its cells define them, and their gradients with respect to all that
    moves. So a generated image is made once for both players; frozen networks (VGG16,
    AlexNet, the source of CDC) count as far as a loss reads them. The step adds to that:
    the optimizers, modulated kernels, the averaged generator, the batch of pictures, and
    whatever else the training loop does. Both are without the terms that are due in some
    steps only, such as R1.

    Args:
        name: Name of the method; its settings are the defaults.
        source: What it begins from.
        dtype: Keras dtype policy of the networks.
        batch_size: Pictures in a step.
        repeats: How often each is timed; the shortest counts.
        widths: The widths of the matrices, of which the fastest counts.

    Raises:
        UserError: if the source cannot be trained so, or the method trains nothing.
    """
    pictures = _noise(source.image_shape)
    method = methods.get(name)
    known = method.settings()
    method = method.with_settings(
        batch_size=batch_size, **{key: value for key, value in _QUICKLY.items() if key in known}
    )
    method = dataclasses.replace(method, trainable=method.trainable.sketch())
    check_parts(method, source)
    problem = Plan(method, source, "benchmark", pictures).problem(dtype, lambda line: None)
    assembly = assemble(method, problem)
    if not assembly.players:
        raise UserError("it trains nothing, and so has no steps.")
    batches = Batches(pictures, batch_size)
    with tempfile.TemporaryDirectory() as folder:
        loop = trainer(assembly, batches, Path(folder))
        for callback in assembly.callbacks:
            callback.on_train_begin()
        number = whole_step(assembly.players)
        compiled = tf.function(lambda *batch: gradients_of(assembly.players, number, *batch))
        # The values of one output: all of a step is done when it returns.
        kind = dtype.removeprefix("mixed_")
        products = [matrix_product(kind, width) for width in widths]
        seconds, passes, *others = best_of_each(
            [
                lambda: [np.asarray(v) for v in loop.step(number).values()],
                lambda: compiled(*batches[number])[-1].numpy(),
                *products,
            ],
            repeats,
        )
        peak = max(2.0 * n**3 / s for n, s in zip(widths, others, strict=True))
        counted = _counted(compiled.get_concrete_function(*batches[number]).graph)
    return StepTime(seconds, passes, batch_size, peak, counted)


def _counted(graph: Any) -> float | None:
    """Operations of a traced graph; None where it has what cannot be counted."""
    try:
        return float(flops_of_graph(graph))
    except ValueError:
        return None


def gradients_of(players: Sequence[Player], step: int, indices, images, labels) -> list:
    """Computes the gradients of every player's loss with respect to what moves in a step.

    Args:
        players: All players of a method.
        step: The number of the step, from 1.
        indices: int32 ``[N]``, which pictures these are.
        images: uint8 ``[N, H, W, 3]``.
        labels: int32 ``[N]``, or None.

    Returns:
        A tensor for each variable that moves, in the order of players and groups.
    """
    pictures = tf.cast(images, tf.float32) / 127.5 - 1.0
    seen = Step(tf.constant(step), indices, pictures, labels)
    result = []
    for player in players:
        moving = [group for group in player.groups if step >= group.begins]
        tensors = [v.value for group in moving for v in group.targets]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            loss, _ = player.loss(seen)
        gradients = tape.gradient(loss, tensors, unconnected_gradients="zero")
        # That of a table of which a batch takes some rows is no tensor.
        result += [tf.convert_to_tensor(gradient) for gradient in gradients]
    return result


def whole_step(players: Sequence[Player]) -> int:
    """Returns the first step in which all moves, and nothing that is due in some steps only."""
    step = max([1, *(group.begins for player in players for group in player.groups)])
    while any(p.lazy_interval and step % p.lazy_interval == 0 for p in players):
        step += 1
    return step


def _noise(image_shape: Sequence[int]) -> Pictures:
    rng = np.random.default_rng(0)
    return Pictures(rng.integers(0, 256, (_PICTURES, *image_shape), np.uint8))
