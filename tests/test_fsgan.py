"""FSGAN: kernels against U diag(s) Vᵀ in NumPy, slopes against differences, and what stays."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.data.batches import Batches
from tf_fewshot.methods.cells.singular import SingularValues, SingularValuesOfBoth
from tf_fewshot.methods.problem import Problem
from tf_fewshot.planning import plan
from tf_fewshot.training.assemble import assemble, trainer
from tf_fewshot.training.loop import Schedule

from . import modulation_contract as contract


def as_matrix(kernel: np.ndarray, axis: int) -> np.ndarray:
    """A column for each output channel, entry by entry."""
    columns = [np.take(kernel, o, axis=axis).reshape(-1) for o in range(kernel.shape[axis])]
    return np.stack(columns, axis=1).astype(np.float64)


@pytest.fixture
def modulation() -> tuple[SingularValues, list[int]]:
    kernels, axes = contract.kernels()
    return SingularValues(kernels, axes), axes


def test_it_keeps_the_contract_of_a_modulation():
    def of(seed: int) -> SingularValues:
        return SingularValues(*contract.kernels(seed))

    contract.check_shapes(of(0))
    contract.check_gradients(of(0), [None] * 3)
    contract.check_write_and_restore(of(0), of(5))
    contract.check_what_is_frozen(of(0), [None] * 3, [None] * 3)


def test_kernels_are_the_product_with_their_singular_vectors(modulation):
    singular, axes = modulation
    before = contract.values_of(singular.targets)
    for kernel, value in zip(before, singular.values(), strict=True):
        np.testing.assert_allclose(value, kernel, atol=2e-6)
    contract.disturb(singular)
    singular.write()
    for i, (kernel, axis) in enumerate(zip(before, axes, strict=True)):
        u, s, vt = np.linalg.svd(as_matrix(kernel, axis), full_matrices=False)
        trained = singular.variables[i].numpy().astype(np.float64)
        assert trained.shape == s.shape and np.abs(trained - s).max() > 0.1
        expected = (u * trained) @ vt
        np.testing.assert_allclose(
            as_matrix(singular.targets[i].numpy(), axis), expected, atol=5e-6
        )


def test_slopes_are_those_of_single_singular_values(modulation):
    """d/ds of Σ G ⊙ W is uᵀ G v; here by differences, one singular value after the other."""
    singular, axes = modulation
    rng = np.random.default_rng(3)
    upstream = [rng.standard_normal(t.shape).astype(np.float32) for t in singular.targets]
    slopes = singular.gradients([tf.constant(g) for g in upstream])
    for i, (kernel, axis) in enumerate(
        zip(contract.values_of(singular.targets), axes, strict=True)
    ):
        u, s, vt = np.linalg.svd(as_matrix(kernel, axis), full_matrices=False)
        g = as_matrix(upstream[i], axis)
        for k in range(len(s)):
            ahead, behind = s.copy(), s.copy()
            ahead[k] += 0.5
            behind[k] -= 0.5
            difference = (g * ((u * ahead) @ vt)).sum() - (g * ((u * behind) @ vt)).sum()
            np.testing.assert_allclose(slopes[i][k], difference, atol=2e-5)


@pytest.mark.parametrize("architecture", ["dcgan", "sngan", "stylegan2"])
def test_training_moves_singular_values_and_nothing_else(architecture, build_tiny, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    keras.utils.set_random_seed(0)
    planned = plan(build_tiny(architecture), images, "fsgan", batch_size=4, learning_rate=0.003)
    assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
    gan = assembly.problem.gan
    before = {path: v.numpy().copy() for path, v in gan.variables_by_path().items()}
    loop = trainer(assembly, Batches(planned.pictures, 4, seed=0), tmp_path)
    tf.config.run_functions_eagerly(True)
    try:
        loop.run(Schedule(1))
    finally:
        tf.config.run_functions_eagerly(False)
    kernels = 0
    for path, variable in gan.variables_by_path().items():
        name = path.rpartition("/")[2]
        if name in ("kernel", "weight") and before[path].ndim >= 2:
            axis = gan.output_axis(variable)
            u, s, vt = np.linalg.svd(as_matrix(before[path], axis), full_matrices=False)
            inside = u.T @ as_matrix(variable.numpy(), axis) @ vt.T
            # Seen from its first singular vectors a kernel is diagonal still.
            off = inside - np.diag(np.diag(inside))
            np.testing.assert_allclose(off, 0.0, atol=1e-5 * max(1.0, s[0]))
            # Adam's first step is as long as its rate.
            steps = np.abs(np.diag(inside) - s)
            assert steps.max() <= 0.003 + 5e-5
            kernels += int(steps.max() > 0.002)
        elif variable.trainable:
            assert before[path].tobytes() == variable.numpy().tobytes(), path
    assert kernels > 5


def test_a_sketch_has_the_same_factors_by_size_and_the_same_kernels(tiny_stylegan):
    gan = tiny_stylegan
    problem = Problem(gan, gan, np.zeros((2, 16, 16, 3), np.uint8), 2, 0, lambda line: None)
    cell = SingularValuesOfBoth()
    found, sketched = (c.select(problem).modulations for c in (cell, cell.sketch()))
    assert found.keys() == sketched.keys()
    for network in found:
        (modulation,), (sketch,) = found[network], sketched[network]
        assert [v.shape for v in modulation.state] == [v.shape for v in sketch.state]
        for kernel, value in zip(sketch.targets, sketch.values(), strict=True):
            np.testing.assert_array_equal(value, kernel.numpy())
