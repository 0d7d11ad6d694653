"""What is selected is trained, or refused: every objective with every kind of selection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot import methods
from tf_fewshot.data.batches import Batches
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.methods.cells.rank_one import RankOne
from tf_fewshot.methods.cells.regularizers import Regularizer
from tf_fewshot.methods.cells.style import Pixels
from tf_fewshot.methods.cells.trainable import All, ScaleShiftOnly, Trainable
from tf_fewshot.methods.player import DISCRIMINATOR, GENERATOR, Penalty
from tf_fewshot.methods.problem import Problem
from tf_fewshot.methods.selection import Selection
from tf_fewshot.training.assemble import Assembly, assemble, trainer
from tf_fewshot.training.loop import Schedule, Trainer

KERNELS = ("generator/layer2/conv/kernel", "discriminator/layer2/conv/kernel")
PICTURES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)


@pytest.fixture(autouse=True)
def _eagerly() -> Iterator[None]:
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def assembled(gan, name: str, **cells) -> Assembly:
    method = dataclasses.replace(methods.get(name).with_settings(batch_size=4), **cells)
    return assemble(method, Problem(gan, gan.clone(), PICTURES, 4, 0, lambda line: None))


def loop_of(assembly: Assembly, folder: Path) -> Trainer:
    return trainer(assembly, Batches(Pictures(PICTURES), 4, 0), folder)


def values(gan) -> dict[str, bytes]:
    return {path: v.numpy().tobytes() for path, v in gan.variables_by_path().items()}


@dataclasses.dataclass(frozen=True)
class Modulated(Trainable):
    """The second kernel of the generator, and that of the discriminator, by factors alone."""

    both: bool = True

    def select(self, problem: Problem) -> Selection:
        gan = problem.gan
        kernels = [gan.variables_by_path()[path] for path in KERNELS]
        ones = [RankOne([kernel], [gan.output_axis(kernel)]) for kernel in kernels]
        for factor in (v for one in ones for v in one.variables):
            # From near zero one step would not show.
            factor.assign_add(tf.ones_like(factor) * 0.1)
        chosen = {GENERATOR: [ones[0]], DISCRIMINATOR: [ones[1]] if self.both else []}
        return Selection([], modulations=chosen)


# What is trained ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "both"),
    [("transfergan", True), pytest.param("bsa", False, marks=pytest.mark.download)],
)
def test_modulations_alone_are_trained_and_kept(name, both, tiny_dcgan, tmp_path):
    assembly = assembled(tiny_dcgan, name, trainable=Modulated(both), regularizers=())
    before = values(assembly.problem.gan)
    loop_of(assembly, tmp_path).run(Schedule(1))
    after = values(assembly.problem.gan)
    moved = {p for p in before if before[p] != after[p] and not p.split("/")[-1].startswith("mov")}
    networks = ("generator", "discriminator") if both else ("generator",)
    assert moved == set(KERNELS if both else KERNELS[:1])
    with np.load(tmp_path / "step0000001.npz") as arrays:
        # Its base, u, v, and which filters are modulated.
        for network in networks:
            assert {f"state_{network}/{i}" for i in range(4)} <= set(arrays.files)
    again = assembled(tiny_dcgan.clone(), name, trainable=Modulated(both), regularizers=())
    assert loop_of(again, tmp_path).restore() == 1
    (one,), (other,) = (a.selection.modulations[GENERATOR] for a in (assembly, again))
    for v, w in zip(one.state, other.state, strict=True):
        np.testing.assert_array_equal(v, w)


def test_groups_have_beginnings_and_rates_of_their_own(tiny_dcgan):
    g, d = tiny_dcgan.generator.trainable_weights, tiny_dcgan.discriminator.trainable_weights
    head = keras.Variable(1.0)
    selection = Selection(
        g[:4], d[:2], begins={g[1].path: 9, d[0].path: 5}, rates={g[2].path: 0.5, g[3].path: 0.5}
    )
    groups = selection.groups(GENERATOR, 0.1, lambda rate: 2 * rate)
    shown = [(list(group.variables), group.learning_rate, group.begins) for group in groups]
    assert shown == [([g[0]], 0.2, 0), ([g[2], g[3]], 1.0, 0), ([g[1]], 0.2, 9)]
    groups = selection.groups(DISCRIMINATOR, 0.3, beside=[head])
    assert [(list(group.variables), group.begins) for group in groups] == [
        ([d[1], head], 0),
        ([d[0]], 5),
    ]
    assert selection.has(GENERATOR) and selection.has(DISCRIMINATOR)
    assert not selection.has("features")
    assert not Selection([], modulations={GENERATOR: []}).has(GENERATOR)


# What runs meanwhile ----------------------------------------------------------------------


class Counting(keras.callbacks.Callback):
    """Counts steps in a variable, as one that measures again every so many steps must."""

    def __init__(self):
        super().__init__()
        self.steps = keras.Variable(0, dtype="int32", trainable=False)

    def on_train_batch_end(self, batch, logs=None):
        assert self.model is not None
        self.steps.assign_add(1)


class Watched(All):
    def select(self, problem: Problem) -> Selection:
        counting = Counting()
        chosen = super().select(problem)
        return dataclasses.replace(chosen, callbacks=[counting], state=[counting.steps])


def test_a_selection_brings_callbacks_whose_state_resumes(tiny_dcgan, tmp_path):
    assembly = assembled(tiny_dcgan, "transfergan", trainable=Watched())
    loop_of(assembly, tmp_path).run(Schedule(2))
    assert int(assembly.selection.state[0]) == 2
    again = assembled(tiny_dcgan.clone(), "transfergan", trainable=Watched())
    loop_of(again, tmp_path).run(Schedule(3))
    assert int(again.selection.state[0]) == 3


class Held(Regularizer):
    """A penalty of the discriminator that remembers how often it was asked."""

    def prepare(self, problem, selection, latents) -> Penalty:
        asked = keras.Variable(0.0, trainable=False)

        def term(turn):
            asked.assign_add(1.0)
            return tf.zeros([]), {"asked": tf.convert_to_tensor(asked)}

        return Penalty(DISCRIMINATOR, term, state=[asked])


def test_a_penalty_of_the_discriminator_has_state(tiny_dcgan, tmp_path):
    log = {}
    assembly = assembled(tiny_dcgan, "transfergan", regularizers=(Held(),))
    loop_of(assembly, tmp_path).run(Schedule(2), log.__setitem__)
    assert [log[step]["discriminator/asked"] for step in (1, 2)] == [1.0, 2.0]
    again = assembled(tiny_dcgan.clone(), "transfergan", regularizers=(Held(),))
    loop_of(again, tmp_path).run(Schedule(3), log.__setitem__)
    assert log[3]["discriminator/asked"] == 3.0


# What is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "trainable", "refusal"),
    [
        ("bsa", All(), r"Reconstruction trains generator, and weights of the discriminator are"),
        ("bsa", Modulated(), r"Reconstruction trains generator, and weights of the discriminator"),
        ("nst", All(), r"StyleAndContent trains no network, and weights of the generator are"),
        ("transfergan", ScaleShiftOnly(), r"trains the discriminator, and none of its weights"),
        ("transfergan", Pixels(), r"trains the generator, and none of its weights are selected"),
        ("cdc", ScaleShiftOnly(), r"ImageAndPatch trains the discriminator, and none of its"),
    ],
)
def test_objectives_refuse_what_they_cannot_train(name, trainable, refusal, tiny_dcgan):
    with pytest.raises(UserError, match=refusal) as caught:
        assembled(tiny_dcgan, name, trainable=trainable, regularizers=())
    assert "Choose" in str(caught.value) and "\n" not in str(caught.value)


def test_modulations_of_players_that_there_are_not_are_refused(tiny_dcgan):
    kernel = tiny_dcgan.variables_by_path()[KERNELS[0]]
    selection = Selection([kernel], modulations={"judge": [RankOne([kernel], [-2])]})
    with pytest.raises(UserError, match="weights of the judge are selected"):
        methods.get("transfergan").objective.check(selection)


@pytest.mark.download
def test_a_penalty_needs_its_player(tiny_dcgan):
    with pytest.raises(UserError, match=r"Held is added to the loss of the discriminator, and Rec"):
        assembled(tiny_dcgan, "bsa", regularizers=(Held(),))
