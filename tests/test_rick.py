"""RICK: importance filter by filter, quantiles by sorting, and what is pruned, frozen, trained."""

from __future__ import annotations

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.data.batches import Batches
from tf_fewshot.errors import UserError
from tf_fewshot.methods.cells.filters import kernels_of
from tf_fewshot.methods.cells.importance import TruncatedKnowledge, filter_importance, kinds_of
from tf_fewshot.methods.cells.pruning import FROZEN, PRUNED, TRAINED, SortedFilters
from tf_fewshot.planning import plan
from tf_fewshot.training.assemble import Assembly, assemble, trainer
from tf_fewshot.training.loop import Schedule, Trainer

from . import modulation_contract as contract

SETTINGS = {
    "batch_size": 4,
    "probe_samples": 2,
    "probe_every": 2,
    "warmup_steps": 1,
    "prune_quantile": 10.0,
    "fisher_quantile": 60.0,
}


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)


@pytest.fixture
def eagerly():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def filter_of(kernel: np.ndarray, axis: int, number: int) -> np.ndarray:
    return np.take(kernel, number, axis=axis)


# The modulation -------------------------------------------------------------------------


def some_sorted(kernels, axes) -> SortedFilters:
    modulation = SortedFilters(kernels, axes)
    modulation.sort([np.arange(k.shape[a]) % 3 for k, a in zip(kernels, axes, strict=True)])
    return modulation


def untrained(modulation: SortedFilters) -> list[np.ndarray]:
    masks = []
    for target, kinds, (_, axis) in zip(
        modulation.targets, modulation.kinds, contract.SHAPES, strict=True
    ):
        shape = [1] * len(target.shape)
        shape[axis] = -1
        masks.append(np.broadcast_to(kinds.reshape(shape) != TRAINED, target.shape))
    return masks


def test_it_keeps_the_contract_of_a_modulation():
    modulation = some_sorted(*contract.kernels())
    contract.check_shapes(modulation)
    contract.check_gradients(modulation, untrained(modulation))
    modulation = some_sorted(*contract.kernels())
    contract.check_write_and_restore(modulation, SortedFilters(*contract.kernels(seed=5)))
    modulation = some_sorted(*contract.kernels())
    masks = untrained(modulation)
    contract.check_what_is_frozen(modulation, masks, masks)


def test_sorting_anew_keeps_what_is_pruned_and_goes_on_from_what_was_frozen():
    kernels, axes = contract.kernels()
    begun = contract.values_of(kernels)
    modulation = SortedFilters(kernels, axes)
    assert all((kinds == FROZEN).all() for kinds in modulation.kinds)
    modulation.sort([np.arange(k.shape[a]) % 3 for k, a in zip(kernels, axes, strict=True)])
    contract.disturb(modulation)
    modulation.write()
    moved = contract.values_of(kernels)
    # What was pruned is to be trained, what was trained frozen, and what was frozen trained.
    others = [np.array([FROZEN, TRAINED, TRAINED])[kinds] for kinds in modulation.kinds]
    modulation.sort(others)
    assert contract.same_bits(contract.values_of(kernels), moved)
    contract.disturb(modulation, seed=2)
    modulation.write()
    rows = zip(begun, moved, contract.values_of(kernels), axes, strict=True)
    for first, second, third, axis in rows:
        for number in range(first.shape[axis]):
            one, two, three = (filter_of(k, axis, number) for k in (first, second, third))
            if number % 3 == PRUNED:
                assert not two.any() and not three.any()
            elif number % 3 == FROZEN:
                assert one.tobytes() == two.tobytes() and (two != three).all()
            else:
                assert (one != two).all() and two.tobytes() == three.tobytes()


# What matters ---------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["dcgan", "stylegan"])
def test_importance_is_the_mean_squared_gradient_of_each_filter(architecture, build_tiny):
    gan = build_tiny(architecture)
    kernels = [
        kernels_of(gan.synthesis_stages()[1:-1]),
        kernels_of(gan.discriminator_stages()[1:-1]),
    ]
    rng = np.random.default_rng(1)
    z = rng.standard_normal((3, gan.latent_dim)).astype(np.float32)
    pictures = rng.uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)
    by_network = filter_importance(gan, kernels)(z, pictures)

    def losses(i: int):
        fake = gan.discriminator(gan.generator(z[i : i + 1]))
        real = gan.discriminator(pictures[i : i + 1])
        return -tf.math.log_sigmoid(fake), -tf.math.log_sigmoid(-fake) - tf.math.log_sigmoid(real)

    for network, some in enumerate(kernels):
        values, single = [kernel.value for kernel in some], []
        for i in range(3):
            with tf.GradientTape() as tape:
                tape.watch(values)
                loss = tf.reduce_sum(losses(i)[network])
            single.append([np.asarray(g, np.float64) for g in tape.gradient(loss, values)])
        for number, kernel in enumerate(some):
            axis = gan.output_axis(kernel)
            gradients = [of_picture[number] for of_picture in single]
            expected = [
                np.mean([np.mean(filter_of(g, axis, o) ** 2) for g in gradients])
                for o in range(kernel.shape[axis])
            ]
            estimated = by_network[network][number]
            assert estimated.shape == (kernel.shape[axis],) and estimated.max() > 0
            np.testing.assert_allclose(estimated, expected, rtol=2e-4, atol=1e-12)


def quantile_by_sorting(values: np.ndarray, percentage: float) -> float:
    ordered = sorted(float(v) for v in values)
    place = percentage / 100 * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def test_filters_are_sorted_by_quantiles_of_their_kind_of_kernel():
    rng = np.random.default_rng(2)
    sizes, ranks = (7, 12, 5, 9), (4, 4, 2, 2)
    # Dense layers matter a thousand times as much.
    importance = [rng.random(n) * 10 ** (6 - 3 * r / 2) for n, r in zip(sizes, ranks, strict=True)]
    kinds = kinds_of(importance, ranks, 15.0, 70.0)
    for rank in (2, 4):
        own = [i for i, r in enumerate(ranks) if r == rank]
        values = np.concatenate([importance[i] for i in own])
        low, high = quantile_by_sorting(values, 15.0), quantile_by_sorting(values, 70.0)
        for i in own:
            for value, kind in zip(importance[i], kinds[i], strict=True):
                assert kind == (PRUNED if value <= low else FROZEN if value > high else TRAINED)
        together = np.concatenate([kinds[i] for i in own])
        assert {PRUNED, FROZEN, TRAINED} == set(together)
    # The least of a kind goes in any case, unless nothing is to be pruned.
    assert sum((k == PRUNED).sum() for k in kinds_of(importance, ranks, 0.01, 70.0)) == 2
    assert not any((k == PRUNED).any() for k in kinds_of(importance, ranks, 0.0, 70.0))


# Training -------------------------------------------------------------------------------


def loop_of(source, pictures, folder) -> tuple[Assembly, Trainer, list[str]]:
    keras.utils.set_random_seed(0)
    said: list[str] = []
    planned = plan(source, pictures, "rick", **SETTINGS)
    assembly = assemble(planned.method, planned.problem("float32", said.append))
    return assembly, trainer(assembly, Batches(planned.pictures, 4, seed=0), folder), said


def values_of(gan) -> dict[str, np.ndarray]:
    return {path: v.numpy().copy() for path, v in gan.variables_by_path().items()}


@pytest.mark.parametrize(
    "architecture",
    ["dcgan", pytest.param("sngan", marks=pytest.mark.large), "stylegan2"],
)
def test_pruned_filters_are_zero_frozen_ones_stay_and_the_rest_moves(
    architecture, build_tiny, pictures, tmp_path, eagerly
):
    assembly, loop, said = loop_of(build_tiny(architecture), pictures, tmp_path)
    gan = assembly.problem.gan
    modulations = [m for some in assembly.selection.modulations.values() for m in some]
    sorted_out = {v.path for m in modulations for v in m.targets}
    last = {v.path for v in gan.discriminator_stages()[-1].variables if v.trainable}
    trainable = {v.path for n in gan.networks() for v in n.trainable_weights}
    history = [values_of(gan)]
    kinds = []
    for step in range(1, 5):
        loop.run(Schedule(step))
        history.append(values_of(gan))
        kinds.append([k for m in modulations for k in m.kinds])
    # A warm-up of one step moves the end of the discriminator alone.
    moved = {p for p in trainable if history[0][p].tobytes() != history[1][p].tobytes()}
    assert moved == last
    assert all((k == FROZEN).all() for k in kinds[0])
    assert [line.split(":")[0] for line in said] == ["RICK at step 1", "RICK at step 3"]
    targets = [v for m in modulations for v in m.targets]
    seen = set()
    for i, target in enumerate(targets):
        axis = gan.output_axis(target)
        for number in range(target.shape[axis]):
            # Sorted before the second step (number 1) and before the fourth.
            for begin, end in ((1, 3), (3, 4)):
                kind = kinds[end - 1][i][number]
                seen.add(kind)
                one, other = (
                    filter_of(history[t][target.path], axis, number) for t in (begin, end)
                )
                if kind == PRUNED:
                    assert not other.any()
                elif kind == FROZEN:
                    assert one.tobytes() == other.tobytes()
                else:
                    assert not np.array_equal(one, other)
            if kinds[1][i][number] == PRUNED:
                assert kinds[3][i][number] == PRUNED
    assert seen == {TRAINED, FROZEN, PRUNED}
    # Outside of the hidden stages, and of the last of the discriminator, nothing moves.
    hidden = [*gan.synthesis_stages()[1:-1], *gan.discriminator_stages()[1:-1]]
    inside = {v.path for stage in hidden for v in stage.variables if v.trainable}
    moved = {p for p in trainable if history[0][p].tobytes() != history[4][p].tobytes()}
    assert moved - sorted_out == (inside | last) - sorted_out
    assert moved & sorted_out


def test_a_resumed_run_sorts_alike_bit_by_bit(tiny_dcgan, pictures, tmp_path, eagerly):
    straight = loop_of(tiny_dcgan, pictures, tmp_path / "straight")[1]
    straight.run(Schedule(4, checkpoint_every=3))
    (tmp_path / "halves").mkdir()
    # After three steps: filters were sorted once, and are sorted again before the fourth.
    shutil.copy(tmp_path / "straight" / "step0000003.npz", tmp_path / "halves")
    assembly, again, _ = loop_of(tiny_dcgan, pictures, tmp_path / "halves")
    assert again.run(Schedule(4, checkpoint_every=3)) == 4
    kinds = [k for some in assembly.selection.modulations.values() for m in some for k in m.kinds]
    assert {PRUNED, FROZEN, TRAINED} == set(np.concatenate(kinds))
    one, other = (np.load(tmp_path / name / "step0000004.npz") for name in ("straight", "halves"))
    with one, other:
        assert one.files == other.files
        for key in one.files:
            assert one[key].tobytes() == other[key].tobytes(), key


def test_what_it_refuses():
    for wrong in ({"prune_quantile": 80.0}, {"fisher_quantile": 101.0}, {"prune_quantile": -1.0}):
        with pytest.raises(UserError, match="percentages"):
            TruncatedKnowledge(**wrong)
    with pytest.raises(UserError, match="probe_every"):
        TruncatedKnowledge(probe_every=0)
