"""The contract of a modulation, as checks that any implementation must pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from tf_fewshot.methods.modulation import Modulation
from tf_fewshot.methods.optimizers import adam_with
from tf_fewshot.methods.player import Group, Player
from tf_fewshot.training.moves import rehearse

# From kernels and the axes of their output channels to a modulation of them.
Factory = Callable[[Sequence[keras.Variable], Sequence[int]], Modulation]

SHAPES = (((3, 3, 4, 6), -1), ((4, 4, 6, 2), -2), ((6, 8), -1))


def kernels(seed: int = 0) -> tuple[list[keras.Variable], list[int]]:
    """Returns kernels as networks have them, and the axes of their output channels."""
    rng = np.random.default_rng(seed)
    variables = [
        keras.Variable(rng.standard_normal(shape).astype(np.float32), name=f"kernel{i}")
        for i, (shape, _) in enumerate(SHAPES)
    ]
    return variables, [axis for _, axis in SHAPES]


def values_of(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    return [np.array(v.numpy()) for v in variables]


def assign(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def disturb(modulation: Modulation, seed: int = 1, size: float = 0.3) -> None:
    """Moves every variable at random, so that nothing is at a special place."""
    rng = np.random.default_rng(seed)
    for v in modulation.variables:
        v.assign(v.numpy() + size * rng.standard_normal(v.shape).astype(np.float32))


def same_bits(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> bool:
    return [a.tobytes() for a in some] == [b.tobytes() for b in others]


def check_shapes(modulation: Modulation) -> None:
    """Values have the shapes of their targets, and the state holds all variables."""
    assert modulation.targets and modulation.variables
    for target, value in zip(modulation.targets, modulation.values(), strict=True):
        assert tuple(target.shape) == tuple(value.shape)
        assert value.dtype == tf.float32
    ids = {id(v) for v in modulation.state}
    assert {id(v) for v in modulation.variables} <= ids
    assert len(ids) == len(modulation.state)
    # The networks keep their weights; a checkpoint has those already.
    assert not ids & {id(v) for v in modulation.targets}


def check_gradients(
    modulation: Modulation, frozen: Sequence[np.ndarray | None] | None = None
) -> None:
    """Gradients against central differences, and none of what is frozen.

    Args:
        modulation: Is disturbed.
        frozen: For each variable which entries must have no gradient, None for none of them.
            Without it those that have none are taken for frozen.
    """
    disturb(modulation)
    rng = np.random.default_rng(2)
    upstream = [rng.standard_normal(t.shape).astype(np.float32) for t in modulation.targets]

    def weighted() -> float:
        pairs = zip(upstream, modulation.values(), strict=True)
        return sum(float((u.astype(np.float64) * np.asarray(v)).sum()) for u, v in pairs)

    gradients = modulation.gradients([tf.constant(u) for u in upstream])
    if frozen is None:
        frozen = [np.asarray(gradient) == 0 for gradient in gradients]
    for variable, gradient, mask in zip(modulation.variables, gradients, frozen, strict=True):
        gradient = np.asarray(gradient, np.float64)
        assert gradient.shape == tuple(variable.shape)
        still = np.zeros(gradient.shape, bool) if mask is None else mask
        assert (gradient[still] == 0).all()
        assert still.all() or np.abs(gradient[~still]).max() > 0
        here = variable.numpy()
        direction = np.where(still, 0.0, rng.standard_normal(here.shape)).astype(np.float32)
        step = np.float32(1e-2)
        ahead, behind = [], []
        for side, sign in ((ahead, step), (behind, -step)):
            variable.assign(here + sign * direction)
            side.append(weighted())
        variable.assign(here)
        slope = (ahead[0] - behind[0]) / (2 * float(step))
        expected = (gradient * direction).sum()
        scale = np.abs(gradient * direction).sum() + 1e-6
        assert abs(slope - expected) < 5e-3 * scale, (variable.path, slope, expected)


def check_write_and_restore(modulation: Modulation, twin: Modulation) -> None:
    """The values are what is written, and a function of the state alone.

    Args:
        modulation: Is disturbed.
        twin: Another of the same kind and shapes, of other kernels.
    """
    modulation.write()
    begun, state = values_of(modulation.targets), values_of(modulation.state)
    disturb(modulation, seed=3)
    modulation.write()
    moved = values_of(modulation.targets)
    assert same_bits(moved, [np.asarray(v) for v in modulation.values()])
    assert not same_bits(begun, moved)
    assign(twin.state, values_of(modulation.state))
    twin.write()
    assert same_bits(values_of(twin.targets), moved)
    assign(modulation.state, state)
    modulation.write()
    assert same_bits(values_of(modulation.targets), begun)


def check_what_is_frozen(
    modulation: Modulation,
    frozen: Sequence[np.ndarray | None],
    frozen_targets: Sequence[np.ndarray | None],
) -> None:
    """Three steps of the loop move all but what is frozen, which stays bit-equal.

    Args:
        modulation: Is trained.
        frozen: For each variable which entries are frozen.
        frozen_targets: For each target which entries are frozen.
    """
    modulation.write()
    variables, targets = values_of(modulation.variables), values_of(modulation.targets)

    def loss(step):
        goals = [tf.reduce_mean(tf.square(t.value - 1.0)) for t in modulation.targets]
        return tf.add_n(goals), {}

    pictures = np.zeros((2, 4, 4, 3), np.uint8)
    group = Group(modulation.variables, 0.05, modulation=modulation)
    batches = [(np.arange(2, dtype=np.int32), pictures, None)] * 3
    # A momentum, which must not carry on what is frozen.
    rehearse([Player("generator", [group], loss, adam_with(0.5))], batches, 3)
    for before, now, masks in (
        (variables, values_of(modulation.variables), frozen),
        (targets, values_of(modulation.targets), frozen_targets),
    ):
        for one, other, mask in zip(before, now, masks, strict=True):
            still = np.zeros(one.shape, bool) if mask is None else mask
            assert one[still].tobytes() == other[still].tobytes()
            assert still.all() or (one != other)[~still].any()
