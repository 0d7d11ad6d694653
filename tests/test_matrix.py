"""Every backbone with every method: what moves, what stays, and what an adapter keeps of it."""

from __future__ import annotations

import dataclasses
import functools
import shutil
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot import backbones, methods
from tf_fewshot.backbones import fresh
from tf_fewshot.backbones.style_based.gan import StyleBasedGAN
from tf_fewshot.data.batches import Batches
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter, export_saved_model
from tf_fewshot.methods.cells.adversarial import Adversarial
from tf_fewshot.methods.cells.consistency import DistanceConsistency
from tf_fewshot.methods.cells.elastic import FisherPenalty
from tf_fewshot.methods.cells.fitted import PictureSource, TableSource
from tf_fewshot.methods.cells.reconstruction import Reconstruction
from tf_fewshot.methods.cells.regularizers import LatentPrior, ScaleShiftDecay
from tf_fewshot.methods.selection import Selection
from tf_fewshot.planning import plan
from tf_fewshot.training.assemble import Assembly, assemble, trainer
from tf_fewshot.training.loop import Schedule

from . import modulation_contract as contract
from . import selections
from .conftest import TINY

# Sources with classes, which are adapted as one, and without a discriminator. More channels:
# of a kernel with a single output the vector u cannot turn.
BIGGAN = {"resolution": 16, "channels": [16, 16, 8], "class_dim": 4, "num_classes": 3}
SOURCES = {
    **TINY,
    "biggan": {**BIGGAN, "latent_dim": 9},
    "biggan_deep": {**BIGGAN, "latent_dim": 8, "statistics": 3},
}
JUDGELESS = ("biggan", "biggan_deep")
# DCGAN meets every method. Others meet here what is another thing with them, and the rest in
# test_other_pairs_do_as_these_do: methods that choose some of their layers; with StyleGAN, which
# stands for StyleGAN2 in this, those with latents for each layer, in phases and without an end
# of the source; with BigGAN those that begin as a class or with a new judge. BigGAN-deep is many
# layers, and slow: it meets what has a row for each class.
_CHOOSING = ("bsa", "bsa_biggan", "freezed", "transfergan_scale_shift")
MEETS = {
    "progan": ("bsa", "minegan"),
    "sngan": _CHOOSING,
    "stylegan": (
        *_CHOOSING,
        "adam",
        "cdc",
        "collage",
        "ewc",
        "fsgan",
        "minegan",
    ),
    "stylegan2": _CHOOSING,
    "stylegan3": ("bsa", "freezed"),
    "biggan": (
        "bsa",
        "bsa_biggan",
        "ewc",
        "fsgan",
        "known_latents_game",
    ),
    "biggan_deep": ("bsa_biggan",),
}
# Small and without files on disk; every method takes those that it has.
SETTINGS = {"batch_size": 4, "fisher_samples": 4, "fisher_cache": False, "frozen_stages": 2}
SETTINGS |= {"miner_steps": 1, "miner_width": 8, "patch_stage": 1}
SETTINGS |= {"probe_steps": 2, "probe_samples": 2, "warmup_steps": 0}
NEW_JUDGE = {"fresh_discriminator": True, "fisher_likelihood": "pixels"}
# What the log calls the term of a regularizer; each is in the generator's loss.
PENALTIES = {
    DistanceConsistency: "consistency",
    FisherPenalty: "ewc",
    LatentPrior: "latent_prior",
    ScaleShiftDecay: "scale_shift",
}
# The running statistics: not trained, but moved by every call with training=True.
STATISTICS = ("moving_mean", "moving_variance", "u", "w_avg", "magnitude_ema")


def _pairs(usual: bool = True) -> list:
    """The pairs of the usual tests, or the others."""
    return [
        pytest.param((architecture, name), id=f"{architecture}-{name}", marks=downloads(name))
        for architecture in sorted(SOURCES)
        for name in methods.names()
        if not (architecture in JUDGELESS and methods.get(name).keeps_discriminator)
        and usual == (name in MEETS.get(architecture, methods.names()))
    ]


def downloads(name: str) -> list:
    """The marks of a method: the reconstruction objective looks through VGG16."""
    return [pytest.mark.download] * isinstance(methods.get(name).objective, Reconstruction)


def built(architecture: str) -> backbones.GAN:
    gan = backbones.build(architecture, **SOURCES[architecture])
    if architecture in JUDGELESS:
        # New attention is shut: nothing flows back to its kernels.
        gan.generator.attention.gamma.assign(0.5)
    return gan


def settings_of(name: str, architecture: str = "") -> dict:
    wanted = SETTINGS | (NEW_JUDGE if architecture in JUDGELESS else {})
    return {k: v for k, v in wanted.items() if k in methods.get(name).settings()}


def values(gan: backbones.GAN) -> dict[str, np.ndarray]:
    return {path: v.numpy().copy() for path, v in gan.variables_by_path().items()}


def moved(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    assert before.keys() == after.keys()
    return {path for path in before if before[path].tobytes() != after[path].tobytes()}


@dataclasses.dataclass
class Trained:
    """Two steps of training, with everything as it was before."""

    method: methods.Method
    source: backbones.GAN
    source_before: dict[str, np.ndarray]
    assembly: Assembly
    before: dict[str, np.ndarray]
    latents_before: list[np.ndarray]
    log: dict[int, dict[str, float]]
    sampled: backbones.GAN


@pytest.fixture(scope="module", autouse=True)
def _narrow_judges() -> Iterator[None]:
    """New discriminators have 16 channels instead of 256."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fresh, "_MAXIMUM", 16)
        yield


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)


@functools.cache
def source_of(architecture: str) -> backbones.GAN:
    """The one source of all methods, which none of them may change."""
    keras.utils.set_random_seed(0)
    return built(architecture)


@functools.cache
def pictures_of_source(architecture: str) -> np.ndarray:
    """What it draws, as one class."""
    start = source_of(architecture).with_one_class()
    return start.generate(start.sample_latents(3, seed=1), truncation=0.5).numpy()


def drawn_by(source: backbones.GAN, images: np.ndarray) -> Pictures:
    """The pictures with latents of their own, which methods that want none pass over."""
    return Pictures(images, latents=source.sample_latents(len(images), seed=3))


@pytest.fixture(scope="module", params=_pairs())
def trained(
    request: pytest.FixtureRequest, pictures: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    architecture, name = request.param
    return train(architecture, name, pictures, tmp_path_factory.mktemp("checkpoints"))


def train(architecture: str, name: str, pictures: np.ndarray, folder: Path) -> Trained:
    source = source_of(architecture)
    keras.utils.set_random_seed(1)
    source_before = values(source)
    planned = plan(source, drawn_by(source, pictures), name, **settings_of(name, architecture))
    # Eagerly, as two steps take less time than tracing; test_training runs the graphs.
    tf.config.run_functions_eagerly(True)
    try:
        assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
        before = values(assembly.problem.gan)
        latents_before = [v.numpy().copy() for v in assembly.latents.variables]
        loop = trainer(assembly, Batches(planned.pictures, 4, seed=0), folder)
        log: dict[int, dict[str, float]] = {1: {}, 2: {}}
        assert loop.run(Schedule(2), log.__setitem__) == (2 if loop.players else 0)
    finally:
        tf.config.run_functions_eagerly(False)
    return Trained(
        planned.method,
        source,
        source_before,
        assembly,
        before,
        latents_before,
        log,
        loop.sampled(),
    )


def test_the_source_stays_as_it_is(trained):
    assert not moved(trained.source_before, values(trained.source))


def test_exactly_what_is_selected_moves(trained):
    selection = trained.assembly.selection
    selected = {v.path for v in selection.moving()}
    assert len(selected) == len(selection.moving())
    assert selected <= trained.before.keys()
    changed = moved(trained.before, values(trained.assembly.problem.gan))
    statistics = {path for path in trained.before if path.rpartition("/")[2] in STATISTICS}
    assert not statistics & selected
    assert changed - statistics <= selected
    # A modulation may hold some of its kernels as they are; AdAM's holds none. Of StyleGAN3, whose
    # gradients are small, two steps move its factors by less than kernels are rounded by.
    moves = trained.method.name in selections.TRAINED and trained.source.architecture != "stylegan3"
    held = set() if moves else modulated_by(selection)
    if getattr(trained.method.objective, "adversarial_loss", "") == "relativistic":
        # What is added to every logit alike drops out of their differences.
        held |= {
            path
            for path, value in trained.before.items()
            if path.startswith("discriminator/") and value.shape == (1,)
        }
    assert selected - held <= changed
    assert selected & changed or not trained.assembly.players
    if isinstance(trained.method.objective, Adversarial):
        assert statistics <= changed
    elif isinstance(trained.assembly.latents, PictureSource):
        # The objective looks at the generator as it samples, and moves no statistics.
        assert not statistics & changed


def test_the_selection_is_what_the_method_declares(trained):
    """It is that of ``selections.TRAINED``; of a method that is not there it is not empty."""
    gan, selection = trained.assembly.problem.gan, trained.assembly.selection
    name, architecture = trained.method.name, gan.architecture
    selected = {v.path for v in selection.moving()}
    trainable = [v.path for network in gan.networks() for v in network.trainable_weights]
    expected = selections.matching(selections.TRAINED, name, architecture, trainable)
    if expected is None:
        assert selected <= set(trainable)
        assert selected or not trained.assembly.players
        return
    assert selected == expected
    kernels = [p for p in trainable if trained.before[p].ndim >= 2]
    modulated = selections.matching(selections.MODULATED, name, architecture, kernels)
    assert modulated_by(selection) == (modulated or set())
    if name in selections.SCALES_AND_SHIFTS:
        assert len(selected) == selections.SCALES_AND_SHIFTS[name][architecture]


def modulated_by(selection: Selection) -> set[str]:
    return {v.path for some in selection.modulations.values() for m in some for v in m.targets}


def test_modulations_keep_their_contract(trained):
    for some in trained.assembly.selection.modulations.values():
        for modulation in some:
            contract.check_shapes(modulation)
            # What was trained is what the networks have.
            after = contract.values_of(modulation.targets)
            assert contract.same_bits(after, [np.asarray(v) for v in modulation.values()])
            state = contract.values_of(modulation.state)
            contract.check_gradients(modulation)
            contract.assign(modulation.state, state)
            modulation.write()
            assert contract.same_bits(after, contract.values_of(modulation.targets))


def test_latents_of_pictures_move(trained):
    latents = trained.assembly.latents
    after = [v.numpy() for v in latents.variables]
    for before, now in zip(trained.latents_before, after, strict=True):
        assert not np.array_equal(before, now)
    if isinstance(latents, PictureSource):
        assert after
        assert latents.fitted().shape == (4, trained.source.free_latent_dim)
    if not isinstance(latents, TableSource):
        return
    # A table begins at the centre; all parts of a latent are made of one.
    layered = isinstance(trained.source, StyleBasedGAN)
    assert len(after) == (3 if layered else 1)
    assert not any(before.any() for before in trained.latents_before)
    table, layers = after[0], trained.source.free_latent_layers
    assert table.shape == (4, trained.source.free_latent_dim // layers)
    # Each of the four pictures is in each batch of four.
    assert (np.abs(table).max(axis=1) > 0).all()
    carried = np.tile(table, (1, layers))
    if layered:
        carried = carried + 0.02 * table @ after[1] + 0.3 * after[2]
    np.testing.assert_allclose(latents.fitted(), carried, atol=1e-6)


def test_samples_are_of_the_gaussian_of_the_pictures_latents(trained):
    latents, sampled = trained.assembly.latents, trained.sampled
    if getattr(trained.method.latents, "latent_distribution", "prior") == "prior":
        assert not sampled.extension("latent_gaussian")
        copies = latents.reconstructions(sampled, 2)
        assert (copies is None) != isinstance(latents, PictureSource)
        return
    gan, fitted = trained.assembly.problem.gan, latents.fitted()

    def carried(z):
        if isinstance(sampled, StyleBasedGAN):
            return np.asarray(sampled.free_latents(z))
        return np.asarray(sampled.generator.latent_gaussian(z, z))

    drawn = carried(sampled.sample_latents(20_000, seed=0))
    spread = np.abs(fitted).max()
    np.testing.assert_allclose(drawn.mean(0), fitted.mean(0), atol=0.03 * spread)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(fitted.T), atol=0.05 * spread**2)
    # Each picture has its place in it, up to the rounding of its axes; what is trained has none.
    placed = carried(sampled.latents_of_fitted(fitted))
    np.testing.assert_allclose(placed, fitted, atol=1e-3 * spread)
    # What is sampled is the averaged generator, where there is an average.
    averaged, weights = gan.clone(), sampled.variables_by_path()
    averaged.share_free_space(gan)
    for path, variable in averaged.variables_by_path().items():
        if "latent_gaussian" not in path:
            variable.assign(weights[path])
    expected = averaged.synthesize(tf.constant(fitted))
    np.testing.assert_allclose(latents.reconstructions(sampled, 4), expected, atol=8e-3)
    assert gan.generator.latent_gaussian.mean_and_axes.numpy().any() == np.False_
    centre = sampled.generate(sampled.sample_latents(2, 0, 0.0), truncation=0.0)
    mean = averaged.synthesize(tf.constant(fitted.mean(0, keepdims=True)))
    np.testing.assert_allclose(centre[0], mean[0], atol=1e-3)


def test_penalties_are_in_the_log(trained):
    numbers = {key: [trained.log[step].get(key) for step in (1, 2)] for key in trained.log[1]}
    assert all(np.isfinite(v) for v in trained.log[2].values())
    known = [type(r) for r in trained.method.regularizers if type(r) in PENALTIES]
    expected = {f"generator/{PENALTIES[kind]}" for kind in known}
    assert {key for key in numbers if key.rpartition("/")[2] in PENALTIES.values()} == expected
    for key in expected - {"generator/latent_prior"}:
        # The loss of the first step is that of the source, which nothing pulls back.
        first, second = numbers[key]
        if key == "generator/consistency":
            # Running statistics moved before it was looked at.
            assert -1e-7 <= first < 1e-3
            assert second > 0.0
            continue
        assert first == 0.0 < second
    assert {key.split("/")[0] for key in numbers} == {p.name for p in trained.assembly.players}
    if "discriminator/r1" in numbers:
        # R1 is lazy: of sixteen steps it is in the first.
        assert numbers["discriminator/r1"][0] > 0.0
        assert numbers["discriminator/r1"][1] is None
    if isinstance(trained.method.objective, Reconstruction):
        assert all(
            n > 0.0 for term in ("pixels", "perceptual") for n in numbers[f"generator/{term}"]
        )


def test_rare_terms_are_in_the_first_step_of_those_that_have_them(trained):
    for player in trained.assembly.players:
        first, second = (
            {key for key in trained.log[step] if key.startswith(f"{player.name}/")}
            for step in (1, 2)
        )
        assert first == second if player.lazy_interval is None else first > second


def test_an_adapter_keeps_what_moved_and_gives_the_same_pictures(trained, tmp_path):
    sampled, source = trained.sampled, trained.source
    adapter = Adapter.from_gans(
        source,
        sampled,
        method=trained.method.name,
        source_name="tiny",
        settings=trained.method.settings(),
        sampling={"truncation": trained.method.run.truncation},
    )
    learned = bool(trained.assembly.players)
    changed = moved(trained.before, values(trained.assembly.problem.gan))
    assert any(path.startswith("generator/") for path in changed) == learned
    if not trained.method.from_scratch:
        new = trained.before.keys() - trained.source_before.keys()
        # Pictures that an extension keeps.
        changed |= {path for path in new if trained.before[path].dtype == np.uint8}
        changed |= {"generator/class_vector"} if source.num_classes else set()
        if sampled.extension("latent_gaussian"):
            changed |= {"generator/latent_gaussian/mean_and_axes"}
        if sampled.extension("latent_parts"):
            changed |= {"generator/latent_parts/mean_and_parts"}
        assert set(adapter.weights) == {p for p in changed if p.startswith("generator/")}
    adapter.save(tmp_path / "adapter.npz")
    loaded = Adapter.load(tmp_path / "adapter.npz")
    assert loaded.settings == trained.method.settings()
    applied = loaded.apply(source, "tiny")
    assert applied.discriminator is None
    assert applied.fingerprint() == sampled.fingerprint()
    assert sampled.num_classes == 0
    z = sampled.sample_latents(3, seed=1)
    pictures, expected = (g.generate(z, truncation=0.5).numpy() for g in (applied, sampled))
    assert pictures.shape == (3, 16, 16, 3)
    np.testing.assert_array_equal(pictures, expected)
    before = pictures_of_source(source.architecture)
    assert np.array_equal(pictures, before) != learned


@pytest.mark.large
@pytest.mark.parametrize("pair", _pairs(usual=False))
def test_other_pairs_do_as_these_do(pair, pictures, tmp_path):
    architecture, name = pair
    trained = train(architecture, name, pictures, tmp_path / "checkpoints")
    for check in (
        test_the_source_stays_as_it_is,
        test_exactly_what_is_selected_moves,
        test_the_selection_is_what_the_method_declares,
        test_modulations_keep_their_contract,
        test_latents_of_pictures_move,
        test_samples_are_of_the_gaussian_of_the_pictures_latents,
        test_penalties_are_in_the_log,
        test_rare_terms_are_in_the_first_step_of_those_that_have_them,
    ):
        check(trained)
    test_an_adapter_keeps_what_moved_and_gives_the_same_pictures(trained, tmp_path)


@pytest.mark.parametrize(
    "architecture", ["biggan", pytest.param("biggan_deep", marks=pytest.mark.large)]
)
def test_what_is_exported_gives_the_pictures_of_the_adapter(architecture, tmp_path):
    """Of sources with classes; test_export has the others."""
    source = backbones.build(architecture, **SOURCES[architecture])
    if architecture == "biggan_deep":
        # Statistics of each truncation that are not those of another.
        for norm in source.generator.norms:
            norm.moving_variance.assign_add(np.array([[4.0], [1.0], [0.0]], np.float32))
    start = source.with_one_class()
    adapted = start.with_scale_shift()
    for i, role in enumerate(adapted.scale_shift_roles()):
        role.gammas[0].assign_add(np.full(role.gammas[0].shape, 0.1 * (i + 1), np.float32))
        role.betas[0].assign_add(np.full(role.betas[0].shape, -0.1, np.float32))
    adapter = Adapter.from_gans(
        source, adapted, method="bsa", source_name="tiny", sampling={"truncation": 0.4}
    )
    applied = adapter.apply(source)
    folder = export_saved_model(applied, tmp_path / "mine", adapter=adapter)
    assert folder == tmp_path / "mine" / "1"
    served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    z = source.sample_latents(2, seed=3)
    # A threshold on z is for whoever draws it.
    images = served(z=tf.constant(z), truncation=tf.constant([0.4, 0.4]))["images"]
    expected = np.clip(adapted.generate(z, truncation=0.4).numpy(), -1.0, 1.0)
    np.testing.assert_allclose(images.numpy(), expected, atol=2e-5)
    assert np.abs(images.numpy() - np.clip(start.generate(z).numpy(), -1, 1)).max() > 1e-3
    if architecture == "biggan_deep":
        assert np.abs(expected - adapted.generate(z).numpy()).max() > 1e-3


# Phases ---------------------------------------------------------------------------------


@pytest.fixture
def eagerly() -> Iterator[None]:
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("architecture", [*sorted(TINY), "biggan"])
def test_a_generator_waits_for_its_miner(request, pictures, architecture, tmp_path):
    if architecture != "dcgan":
        # Graphs take long to make; those of one network show that each combination is a trace.
        request.getfixturevalue("eagerly")
    settings = settings_of("minegan", architecture)
    planned = plan(built(architecture), pictures, "minegan", **settings)
    assembly = assemble(planned.method, planned.problem("float32", print))
    loop = trainer(assembly, Batches(planned.pictures, 4, 0), tmp_path)
    gan = assembly.problem.gan
    before = values(gan)
    mined = {p for p in before if p.startswith("generator/miner/")}
    judged = {v.path for v in gan.discriminator.trainable_weights}
    statistics = {path for path in before if path.rpartition("/")[2] in STATISTICS}
    loop.run(Schedule(1))
    assert len(mined) == 4
    assert moved(before, values(gan)) == mined | judged | statistics
    loop.run(Schedule(2))
    assert moved(before, values(gan)) == {
        *judged,
        *statistics,
        *(v.path for v in gan.generator.trainable_weights),
    }


# Resuming -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.download] * isinstance(methods.get(name).objective, Reconstruction),
        )
        for name in methods.names()
    ],
)
def test_every_method_resumes_exactly(name, tiny_dcgan, pictures, tmp_path, eagerly):
    def loop(folder: str):
        planned = plan(tiny_dcgan, drawn_by(tiny_dcgan, pictures), name, **settings_of(name))
        problem = planned.problem("float32", lambda line: None)
        assembly = assemble(planned.method, problem)
        return trainer(assembly, Batches(planned.pictures, 4, seed=0), tmp_path / folder)

    straight = loop("straight")
    if not straight.players:
        return
    straight.run(Schedule(2, checkpoint_every=1))
    (tmp_path / "halves").mkdir()
    shutil.copy(tmp_path / "straight" / "step0000001.npz", tmp_path / "halves")
    assert loop("halves").run(Schedule(2, checkpoint_every=1)) == 2
    one, other = (
        np.load(tmp_path / folder / "step0000002.npz") for folder in ("straight", "halves")
    )
    with one, other:
        assert one.files == other.files
        for key in one.files:
            assert one[key].tobytes() == other[key].tobytes(), key


# What is missing ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [n for n in methods.names() if methods.get(n).objective.needs_discriminator]
)
def test_a_game_needs_its_discriminator(tiny_dcgan, pictures, name):
    drawn = drawn_by(tiny_dcgan, pictures)
    planned = plan(tiny_dcgan, drawn, name, **settings_of(name))
    tiny_dcgan.discriminator = None
    with pytest.raises(UserError, match=f"'{name}' needs a discriminator"):
        assemble(planned.method, planned.problem("float32", print))
    # It is known before a workdir is planned.
    with pytest.raises(UserError, match=f"'{name}' needs a discriminator"):
        plan(tiny_dcgan, drawn, name, **settings_of(name))


@pytest.mark.parametrize("architecture", JUDGELESS)
def test_a_source_that_never_had_a_discriminator(pictures, architecture):
    source, games = built(architecture), [methods.get(name) for name in methods.names()]
    for method in (m for m in games if m.objective.needs_discriminator):
        name, keeps = method.name, method.keeps_discriminator
        remedy = "'transfergan' with" if keeps else "train a new one with"
        expected = f"'{name}' needs a discriminator.* {remedy} fresh_discriminator=True"
        with pytest.raises(UserError, match=expected):
            plan(source, pictures, name, **settings_of(name))
        if keeps:
            # A new one will not do.
            with pytest.raises(UserError, match="stays as it is, and this source has none"):
                plan(source, pictures, name, **settings_of(name, architecture))


def test_a_new_discriminator_has_no_fisher_information(pictures):
    planned = plan(built("biggan"), pictures, "ewc", fresh_discriminator=True, **settings_of("ewc"))
    with pytest.raises(UserError, match=r"this source has none\. Set fisher_likelihood='pixels'"):
        assemble(planned.method, planned.problem("float32", print))


@pytest.mark.parametrize("name", [n for n in methods.names() if methods.get(n).keeps_discriminator])
def test_what_is_kept_of_a_discriminator_must_have_learned(tiny_dcgan, pictures, name):
    settings = {**settings_of(name), "fresh_discriminator": True}
    with pytest.raises(UserError, match=f"'{name}' needs .*: leave out fresh_discriminator"):
        plan(tiny_dcgan, pictures, name, **settings)


def test_the_fisher_penalty_needs_the_discriminator_of_the_source(tiny_dcgan, pictures):
    planned = plan(tiny_dcgan, pictures, "ewc", **settings_of("ewc"))
    problem = planned.problem("float32", print)
    tiny_dcgan.discriminator = None
    with pytest.raises(UserError, match="EWC needs a source with a discriminator"):
        assemble(planned.method, problem)
    problem.source = None
    with pytest.raises(UserError, match="EWC needs a source whose"):
        assemble(planned.method, problem)


@pytest.mark.parametrize("architecture", ["dcgan", "stylegan"])
def test_a_fresh_discriminator_takes_the_place_of_one_that_is_not_there(
    build_tiny, pictures, architecture, tmp_path
):
    source = build_tiny(architecture)
    source.discriminator = None
    settings = {**settings_of("ewc"), "fisher_likelihood": "pixels"}
    planned = plan(source, pictures, "ewc", fresh_discriminator=True, **settings)
    assembly = assemble(planned.method, planned.problem("float32", print))
    judge = assembly.problem.gan.discriminator
    before = [v.numpy().copy() for v in judge.trainable_weights]
    loop = trainer(assembly, Batches(planned.pictures, 4, 0), tmp_path)
    tf.config.run_functions_eagerly(True)
    try:
        assert loop.run(Schedule(2)) == 2
    finally:
        tf.config.run_functions_eagerly(False)
    after = [v.numpy() for v in judge.trainable_weights]
    assert all(not np.array_equal(*pair) for pair in zip(before, after, strict=True))
    assert source.discriminator is None
    assert loop.sampled().fingerprint() != source.fingerprint()


@pytest.mark.download
@pytest.mark.parametrize("architecture", sorted(TINY))
def test_reconstruction_needs_no_discriminator(build_tiny, pictures, architecture, tmp_path):
    source = build_tiny(architecture)
    source.discriminator = None
    planned = plan(source, pictures, "bsa", batch_size=4)
    assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
    loop = trainer(assembly, Batches(planned.pictures, 4, 0), Path(tmp_path))
    tf.config.run_functions_eagerly(True)
    try:
        assert loop.run(Schedule(1)) == 1
    finally:
        tf.config.run_functions_eagerly(False)
    assert loop.sampled().discriminator is None
