"""Kernels of rank-one modulation: their values, their gradients, and what probing chooses."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.description import describe
from tf_fewshot.errors import UserError
from tf_fewshot.methods import get
from tf_fewshot.methods.cells.kernels import ImportantKernels
from tf_fewshot.methods.modulation import Modulation
from tf_fewshot.methods.player import Problem
from tf_fewshot.planning import plan


def drawn(*shape, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("shape", "axis"), [((3, 3, 4, 5), -1), ((4, 4, 5, 2), -2), ((6, 7), -1)])
def test_values_and_gradients_against_their_definition(shape, axis):
    kernel = keras.Variable(drawn(*shape, seed=0))
    base = kernel.numpy()
    chosen = np.arange(shape[axis]) % 2 == 0
    modulation = Modulation([kernel], [axis], [chosen], seed=1)
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
    Modulation([kernel], [-1], [np.ones(8, bool)]).write()
    np.testing.assert_allclose(kernel.numpy(), before, rtol=1e-6, atol=1e-9)


def problem_of(gan):
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    said: list[str] = []
    return Problem(gan, gan.clone(), images, 4, 0, said.append), said


def test_probing_changes_nothing_and_splits_the_filters(tiny_stylegan):
    gan = tiny_stylegan
    before = {path: v.numpy().copy() for path, v in gan.variables_by_path().items()}
    problem, said = problem_of(gan)
    cell = ImportantKernels(probe_steps=2, probe_samples=4, fisher_quantile=75.0)
    selection = cell.select(problem)
    for path, v in gan.variables_by_path().items():
        np.testing.assert_array_equal(v.numpy(), before[path])
    assert "probes which filters matter: 2 steps and 4 samples" in said[0]
    assert "modulates" in said[1]
    hidden = [
        (kernel, np.asarray(mask).reshape(-1))
        for modulation in selection.modulations
        for kernel, mask in zip(modulation.targets, modulation._chosen, strict=True)
        if kernel.path.startswith("generator/8x8") and len(kernel.shape) == 4
    ]
    # A quarter of the filters of the generator's hidden convolutions.
    assert len(hidden) == 2
    assert np.concatenate([mask for _, mask in hidden]).mean() == pytest.approx(0.25, abs=0.07)
    again = cell.select(problem)
    for one, other in zip(selection.modulations, again.modulations, strict=True):
        for a, b in zip(one._chosen, other._chosen, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


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
