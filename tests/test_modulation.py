"""Modulations: the contract of each, AdAM's factors by their definition, and what it probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.description import describe
from tf_fewshot.errors import UserError
from tf_fewshot.methods import get
from tf_fewshot.methods.cells.kernels import ImportantKernels
from tf_fewshot.methods.cells.rank_one import RankOne
from tf_fewshot.methods.modulation import DifferentiableModulation, Modulation
from tf_fewshot.methods.problem import Problem
from tf_fewshot.planning import plan
from tf_fewshot.training.moves import rehearse

from . import modulation_contract as contract


def drawn(*shape, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# The contract ---------------------------------------------------------------------------


class Filters(DifferentiableModulation):
    """Filters of which some are frozen and some pruned: the contract must hold for such, too."""

    def __init__(self, kernels, axes):
        self.targets, self.variables, self._kinds = list(kernels), [], []
        for i, (kernel, axis) in enumerate(zip(kernels, axes, strict=True)):
            shape = [1] * len(kernel.shape)
            shape[axis] = kernel.shape[axis]
            # 0 is trained, 1 frozen, 2 pruned.
            kinds = (np.arange(kernel.shape[axis]) % 3).astype(np.float32).reshape(shape)
            self.variables.append(keras.Variable(kernel.numpy(), name=f"weights{i}"))
            self._kinds.append(keras.Variable(kinds, trainable=False, name=f"kinds{i}"))
        self._first = [keras.Variable(k.numpy(), trainable=False) for k in kernels]
        self.state = [*self.variables, *self._kinds, *self._first]

    def values(self):
        parts = zip(self.variables, self._kinds, self._first, strict=True)
        return [
            tf.where(kind == 0, w.value, tf.where(kind == 1, first.value, 0.0))
            for w, kind, first in parts
        ]

    def frozen(self) -> list[np.ndarray]:
        pairs = zip(self._kinds, self.targets, strict=True)
        return [np.broadcast_to(k.numpy() != 0, t.shape) for k, t in pairs]


class SingularValues(DifferentiableModulation):
    """Kernels of which only the singular values are trained."""

    def __init__(self, kernels, axes):
        self.targets, self.variables, self._bases = list(kernels), [], []
        self._axes = list(axes)
        for kernel, axis in zip(kernels, axes, strict=True):
            moved = np.moveaxis(kernel.numpy(), axis, -1)
            u, s, vt = np.linalg.svd(moved.reshape(-1, moved.shape[-1]), full_matrices=False)
            self.variables.append(keras.Variable(s))
            self._bases += [keras.Variable(u, trainable=False), keras.Variable(vt, trainable=False)]
        self.state = [*self.variables, *self._bases]

    def values(self):
        kernels = []
        for i, (target, axis) in enumerate(zip(self.targets, self._axes, strict=True)):
            u, vt = self._bases[2 * i].value, self._bases[2 * i + 1].value
            order = list(range(len(target.shape)))
            order.append(order.pop(axis))
            flat = tf.matmul(u * self.variables[i].value, vt)
            moved = tf.reshape(flat, [target.shape[n] for n in order])
            kernels.append(tf.transpose(moved, np.argsort(order)))
        return kernels


def some_modulated(kernels, axes) -> RankOne:
    chosen = [np.arange(k.shape[a]) % 2 == 0 for k, a in zip(kernels, axes, strict=True)]
    return RankOne(kernels, axes, chosen, seed=1)


def bases_of_modulated(modulation: RankOne) -> list[np.ndarray | None]:
    """The weights of filters that are modulated are frozen, the factors are not."""
    masks: list[np.ndarray | None] = []
    for i, (target, axis) in enumerate(zip(modulation.targets, (-1, -2, -1), strict=True)):
        shape = [1] * len(target.shape)
        shape[axis] = target.shape[axis]
        masks.append(np.broadcast_to(modulation.modulated[i].reshape(shape), target.shape))
    return [*masks, *[None] * 6]


def nothing(modulation: Modulation) -> list[None]:
    return [None] * len(modulation.variables)


Masks = Callable[[Modulation], Sequence[np.ndarray | None]]
# A line for each implementation: what builds it, and which entries of its variables and of the
# targets are frozen.
IMPLEMENTATIONS: dict[str, tuple[contract.Factory, Masks, Masks]] = {
    "rank one": (some_modulated, bases_of_modulated, lambda m: [None] * 3),
    "rank one of all": (lambda k, a: RankOne(k, a, seed=1), nothing, lambda m: [None] * 3),
    "frozen and pruned": (Filters, lambda m: m.frozen(), lambda m: m.frozen()),
    "singular values": (SingularValues, nothing, lambda m: [None] * 3),
}


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request):
    return IMPLEMENTATIONS[request.param]


def test_it_is_what_it_says(implementation):
    contract.check_shapes(implementation[0](*contract.kernels()))


def test_gradients_are_those_of_finite_differences(implementation):
    factory, frozen, _ = implementation
    modulation = factory(*contract.kernels())
    contract.check_gradients(modulation, frozen(modulation))


def test_what_is_written_is_a_function_of_the_state(implementation):
    factory = implementation[0]
    twin = factory(*contract.kernels(seed=5))
    contract.check_write_and_restore(factory(*contract.kernels()), twin)


def test_what_is_frozen_stays_bit_equal_in_training(implementation):
    factory, frozen, frozen_targets = implementation
    modulation = factory(*contract.kernels())
    contract.check_what_is_frozen(modulation, frozen(modulation), frozen_targets(modulation))


# Factors of rank one ----------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "axis"), [((3, 3, 4, 5), -1), ((4, 4, 5, 2), -2), ((6, 7), -1)])
def test_values_and_gradients_against_their_definition(shape, axis):
    kernel = keras.Variable(drawn(*shape, seed=0))
    base = kernel.numpy()
    chosen = np.arange(shape[axis]) % 2 == 0
    modulation = RankOne([kernel], [axis], [chosen], seed=1)
    for i, v in enumerate((*modulation.inputs, *modulation.outputs)):
        v.assign(drawn(*v.shape, seed=2 + i))
    (u,), (v,) = ([x.numpy() for x in some] for some in (modulation.inputs, modulation.outputs))
    assert u.size * v.size == base.size
    mask = chosen.reshape(v.shape)
    expected = np.where(mask, base * (1 + u * v), base)
    modulation.write()
    np.testing.assert_allclose(kernel.numpy(), expected, rtol=1e-5, atol=1e-6)
    upstream = drawn(*shape, seed=9)
    of_base, of_u, of_v = (g.numpy() for g in modulation.gradients([tf.constant(upstream)]))
    # Weights of modulated filters stay; the rest of the product rule.
    np.testing.assert_allclose(of_base, np.where(mask, 0, upstream), rtol=1e-5, atol=1e-6)
    sums = tuple(i for i, n in enumerate(u.shape) if n == 1)
    wanted = (upstream * base * v * mask).sum(sums, keepdims=True)
    np.testing.assert_allclose(of_u, wanted, rtol=1e-4, atol=1e-4)
    sums = tuple(i for i, n in enumerate(v.shape) if n == 1)
    wanted = (upstream * base * u * mask).sum(sums, keepdims=True)
    np.testing.assert_allclose(of_v, wanted, rtol=1e-4, atol=1e-4)


def test_modulations_begin_where_the_network_is():
    kernel = keras.Variable(drawn(3, 3, 8, 8, seed=0))
    before = kernel.numpy()
    RankOne([kernel], [-1]).write()
    np.testing.assert_allclose(kernel.numpy(), before, rtol=1e-6, atol=1e-9)


# Probing ----------------------------------------------------------------------------------


def problem_of(gan):
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    said: list[str] = []
    return Problem(gan, gan.clone(), images, 4, 0, said.append, rehearse=rehearse), said


@pytest.fixture
def eagerly() -> Iterator[None]:
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_probing_changes_nothing_and_splits_the_filters(tiny_stylegan, eagerly):
    gan = tiny_stylegan
    before = {path: v.numpy().copy() for path, v in gan.variables_by_path().items()}
    problem, said = problem_of(gan)
    cell = ImportantKernels(probe_steps=2, probe_samples=4, fisher_quantile=75.0)
    selection = cell.select(problem)
    for path, v in gan.variables_by_path().items():
        np.testing.assert_array_equal(v.numpy(), before[path])
    assert "probes which filters matter: 2 steps and 4 samples" in said[0]
    assert "modulates" in said[1]
    (of_generator,), _ = selection.modulations.values()
    hidden = [
        (kernel, mask)
        for kernel, mask in zip(of_generator.targets, of_generator.modulated, strict=True)
        if kernel.path.startswith("generator/8x8") and len(kernel.shape) == 4
    ]
    # A quarter of the filters of the generator's hidden convolutions.
    assert len(hidden) == 2
    assert np.concatenate([mask for _, mask in hidden]).mean() == pytest.approx(0.25, abs=0.07)


def test_probing_again_finds_the_same_filters(tiny_stylegan, eagerly):
    """Without graphs, which would be traced again for the same few steps."""
    problem, _ = problem_of(tiny_stylegan)
    cell = ImportantKernels(probe_steps=2, probe_samples=1, fisher_quantile=75.0)
    once, again = (cell.select(problem).modulations.values() for _ in range(2))
    for (one,), (other,) in zip(once, again, strict=True):
        for a, b in zip(one.modulated, other.modulated, strict=True):
            np.testing.assert_array_equal(a, b)


def test_only_what_was_assembled_can_probe(tiny_dcgan):
    images = np.zeros((4, 16, 16, 3), np.uint8)
    problem = Problem(tiny_dcgan, tiny_dcgan.clone(), images, 4, 0, lambda line: None)
    with pytest.raises(RuntimeError, match="assembled"):
        ImportantKernels(probe_steps=1, probe_samples=1).select(problem)


def test_what_it_refuses(tiny_dcgan):
    problem, _ = problem_of(tiny_dcgan)
    with pytest.raises(UserError, match="percentage"):
        ImportantKernels(fisher_quantile=101.0).select(problem)
    assert get("adam").settings()["probe_steps"] == 500


def test_a_dry_run_does_not_probe(tiny_stylegan):
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    text = describe(plan(tiny_stylegan, images, "adam", batch_size=4))
    assert "probe_steps=500" in text and "AdAM modulates" in text
    assert "AdAM probes" not in text
