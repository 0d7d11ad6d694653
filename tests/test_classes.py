"""Sources with classes: sampled by class, and adapted as one class."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tf_fewshot as tff
from tf_fewshot import backbones
from tf_fewshot.adapted import evaluate_source
from tf_fewshot.data.batches import Batches
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter
from tf_fewshot.methods.nearest_class import nearest_classes
from tf_fewshot.planning import plan
from tf_fewshot.training.assemble import assemble, trainer
from tf_fewshot.training.loop import Schedule

from .conftest import TINY

SMALL = {
    "sngan": {**TINY["sngan"], "num_classes": 3},
    "stylegan2": {**TINY["stylegan2"], "num_classes": 3},
    "biggan": {"resolution": 16, "latent_dim": 9, "channels": 1, "class_dim": 4, "num_classes": 3},
}


@pytest.fixture(params=sorted(SMALL))
def source(request: pytest.FixtureRequest):
    return backbones.build(request.param, **SMALL[request.param])


@pytest.fixture
def eagerly():
    """Runs without graphs, whose making takes longer than two steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_samples_are_of_a_class_or_of_any(source):
    of_any = tff.sample_images(source, 6, seed=1)
    assert of_any.shape == (6, 16, 16, 3)
    np.testing.assert_array_equal(of_any, tff.sample_images(source, 6, seed=1))
    for label in range(3):
        z = source.sample_latents(2, seed=1)
        labels = np.full(2, label, np.int32)
        expected = np.clip(np.round((source.generate(z, labels).numpy() + 1) * 127.5), 0, 255)
        samples = tff.sample_images(source, 2, seed=1, label=label)
        assert np.abs(samples.astype(float) - expected).max() <= 1.0
    with pytest.raises(UserError, match=r"no class 3: .* has classes 0 to 2"):
        tff.sample_images(source, 2, label=3)


def test_a_gan_without_classes_refuses_a_label(tiny_dcgan):
    with pytest.raises(UserError, match="has no classes"):
        tff.sample_images(tiny_dcgan, 2, label=0)


# The matrix adapts one class of each; this keeps to the quickest.
@pytest.mark.parametrize(
    "source",
    [
        "sngan",
        pytest.param("biggan", marks=pytest.mark.large),
        pytest.param("stylegan2", marks=pytest.mark.large),
    ],
    indirect=True,
)
def test_an_adapted_source_has_one_class_and_its_adapter_knows(source, tmp_path, eagerly):
    pictures = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    settings = {"batch_size": 4, "steps": 2, "fresh_discriminator": source.discriminator is None}
    settings |= {"precision": "float32"}
    run = tff.adapt(source, pictures, "transfergan", workdir=tmp_path / "run", **settings)
    assert source.num_classes == 3
    assert run.gan.num_classes == 0
    run.save(tmp_path / "mine.npz")
    again = tff.load_adapter(tmp_path / "mine.npz", source)
    np.testing.assert_array_equal(run.sample(3, seed=2), again.sample(3, seed=2))
    with_one = source.with_one_class()
    assert run.gan.fingerprint() != with_one.fingerprint()


# BSA's recipes for sources with classes ---------------------------------------------------

PICTURES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)


def trained(source, steps: int, folder, method: str, **settings):
    """The GAN after some steps, and by path how far its weights and the latents have moved."""
    planned = plan(source, PICTURES, method, batch_size=4, **settings)
    assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
    gan, latents = assembly.problem.gan, assembly.latents.variables
    before = {path: v.numpy().copy() for path, v in gan.variables_by_path().items()}
    before["latents"] = latents[0].numpy().copy()
    loop = trainer(assembly, Batches(planned.pictures, 4, 0), folder)
    tf.config.run_functions_eagerly(True)
    try:
        loop.run(Schedule(steps))
    finally:
        tf.config.run_functions_eagerly(False)
    after = {path: v.numpy().copy() for path, v in gan.variables_by_path().items()}
    after["latents"] = latents[0].numpy()
    assert before.keys() == after.keys()
    way = {path: float(np.abs(after[path] - before[path]).max()) for path in before}
    return loop.sampled(), way


def assert_adapter_draws_the_same(source, gan, method: str, folder):
    adapter = Adapter.from_gans(source, gan, method=method, source_name="tiny")
    adapter.save(folder / "adapter.npz")
    applied = Adapter.load(folder / "adapter.npz").apply(source)
    assert applied.fingerprint() == gan.fingerprint()
    z = gan.sample_latents(3, seed=1)
    pictures = applied.generate(z).numpy()
    np.testing.assert_array_equal(pictures, gan.generate(z).numpy())
    assert np.abs(pictures - source.with_one_class().generate(z).numpy()).max() > 1e-4


@pytest.mark.download
def test_the_recipe_of_biggan(tmp_path):
    source = backbones.build("biggan", **SMALL["biggan"])
    before = source.fingerprint()
    gan, way = trained(source, 1, tmp_path, "bsa_biggan")
    assert source.fingerprint() == before
    # The first step of Adam is as long as the learning rate, each group with its own.
    rates = {"generator/class_vector": 1e-3, "latents": 0.05}
    for path in way:
        if path.startswith("generator/G_linear") or path.startswith("generator/scale_shift"):
            if not path.endswith("/u"):
                rates[path] = 1e-7 if path.endswith("/kernel") else 5e-4
        elif path.endswith(("/gamma/kernel", "/beta/kernel")):
            rates[path] = 5e-4
    assert len(rates) == 2 + 4 + 8, sorted(way)
    assert {path for path, length in way.items() if length} == set(rates)
    for path, rate in rates.items():
        assert way[path] == pytest.approx(rate, rel=0.1), path
    assert_adapter_draws_the_same(source, gan, "bsa_biggan", tmp_path)


@pytest.mark.download
@pytest.mark.parametrize("start", ["identity", "0"])
def test_the_recipe_of_sngan(start, tmp_path):
    """The paper begins at scale 1 and shift 0, and its code at those of the source's class 0."""
    source = backbones.build("sngan", **SMALL["sngan"])
    rng = np.random.default_rng(1)
    for role in source.own_scale_shift_roles():
        for table in (*role.gammas, *role.betas):
            table.assign(rng.uniform(0.5, 1.5, table.shape).astype(np.float32))
    settings = {"class_start": start, "rate_factor": 1.0, "latent_learning_rate": None}
    gan, way = trained(source, 1, tmp_path, "bsa", **settings)
    moved = {path for path, length in way.items() if length}
    # After the fully connected layer and after both normalisations of two blocks.
    pairs = {p for p in way if "scale_shift" in p and p.startswith("generator/")}
    assert len(pairs) == 2 * (1 + 2 * 2)
    assert moved == {*pairs, "latents"}
    # The paper's rate of 25 pictures and fewer, of latents, too.
    for path in moved:
        assert way[path] == pytest.approx(0.1, rel=0.1), path
    roles = zip(source.own_scale_shift_roles(), gan.own_scale_shift_roles(), strict=True)
    for theirs, mine in roles:
        gamma, beta = mine.gammas[0].numpy()[0], mine.betas[0].numpy()[0]
        expected = (1.0, 0.0)
        if start == "0":
            expected = (theirs.gammas[0].numpy()[0], theirs.betas[0].numpy()[0])
        np.testing.assert_array_equal(gamma, np.broadcast_to(expected[0], gamma.shape))
        np.testing.assert_array_equal(beta, np.broadcast_to(expected[1], beta.shape))
    assert_adapter_draws_the_same(source, gan, "bsa", tmp_path)


@pytest.mark.parametrize("start", ["median", "-1", "3", ""])
def test_a_class_that_cannot_be_begun_with_is_refused(start):
    source = backbones.build("sngan", **SMALL["sngan"])
    with pytest.raises(UserError, match="class"):
        _ = plan(source, PICTURES, "bsa", class_start=start).start


# Each class of the pictures on its own ----------------------------------------------------


@pytest.fixture
def two_classes(tmp_path):
    """Four pictures, two in each of two sub-folders."""
    for i, picture in enumerate(PICTURES):
        folder = tmp_path / "pictures" / ("cat" if i < 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{i}.png")
    return tmp_path / "pictures"


@pytest.mark.download
@pytest.mark.parametrize("architecture", ["biggan", pytest.param("sngan", marks=pytest.mark.large)])
def test_each_class_is_learned_on_its_own(architecture, two_classes, tmp_path, eagerly):
    source = backbones.build(architecture, **SMALL[architecture])
    before = source.fingerprint()
    settings = {"per_class": True, "batch_size": 4, "steps": 2, "class_start": "1"}
    run = tff.adapt(
        source, two_classes, "bsa_biggan", workdir=tmp_path / "run", precision="float32", **settings
    )
    assert (source.fingerprint(), source.num_classes) == (before, 3)
    assert run.gan.num_classes == 2
    tables = [v for v in run.gan.generator.weights if len(v.shape) == 2 and v.shape[0] == 2]
    assert tables
    for table in tables:
        assert not np.array_equal(*table.numpy())
    first, second = (run.sample(2, seed=1, label=label) for label in (0, 1))
    assert not np.array_equal(first, second)
    assert (run.folder / "reconstructions.png").exists()
    run.save(tmp_path / "mine.npz")
    again = tff.load_adapter(tmp_path / "mine.npz", source)
    np.testing.assert_array_equal(again.sample(2, seed=1, label=1), second)
    np.testing.assert_array_equal(again.sample(5, seed=1), run.sample(5, seed=1))


@pytest.mark.download
def test_a_class_that_is_not_shown_stays_as_it_began(tmp_path):
    source = backbones.build("sngan", **SMALL["sngan"])
    pictures = Pictures(PICTURES, labels=np.array([7, 7, 7, 2]))
    planned = plan(source, pictures, "bsa_biggan", batch_size=4, per_class=True)
    assert planned.pictures.labels.tolist() == [1, 1, 1, 0]
    start = planned.start
    assert start.num_classes == 2
    rows = [r.gammas[0].numpy() for r in start.own_scale_shift_roles()]
    means = [r.gammas[0].numpy().mean(0) for r in source.own_scale_shift_roles()]
    for row, mean in zip(rows, means, strict=True):
        np.testing.assert_allclose(row, np.stack([mean, mean]), rtol=1e-6)
    assembly = assemble(planned.method, planned.problem("float32", lambda line: None))
    only = planned.pictures.select([0, 1, 2])
    loop = trainer(assembly, Batches(only, 3, 0), tmp_path)
    tf.config.run_functions_eagerly(True)
    try:
        loop.run(Schedule(1))
    finally:
        tf.config.run_functions_eagerly(False)
    for row, role in zip(rows, assembly.problem.gan.own_scale_shift_roles(), strict=True):
        np.testing.assert_array_equal(role.gammas[0].numpy()[0], row[0])
        assert not np.array_equal(role.gammas[0].numpy()[1], row[1])


def test_pictures_without_classes_are_one_and_a_source_without_them_cannot(two_classes, tiny_dcgan):
    source = backbones.build("sngan", **SMALL["sngan"])
    assert plan(source, PICTURES, "bsa_biggan", per_class=True).start.num_classes == 0
    assert plan(source, two_classes, "bsa_biggan").start.num_classes == 0
    planned = plan(tiny_dcgan, two_classes, "bsa_biggan", per_class=True)
    with pytest.raises(UserError, match="no tables of classes"):
        _ = planned.start


def test_labels_are_part_of_what_a_run_is():
    source = backbones.build("sngan", **SMALL["sngan"])

    def identity(*labels):
        pictures = Pictures(PICTURES, labels=np.array(labels))
        return plan(source, pictures, "bsa_biggan", per_class=True).identity()

    assert identity(0, 0, 1, 1) == identity(3, 3, 5, 5)
    assert identity(0, 0, 1, 1) != identity(0, 1, 1, 1)


def test_a_start_that_nothing_begins_with_is_said():
    one_domain = backbones.build("sngan", **TINY["sngan"])
    chosen = plan(one_domain, PICTURES, "bsa", class_start="identity")
    assert chosen.notes == ["The source has no classes: class_start=identity is not looked at."]
    assert plan(one_domain, PICTURES, "bsa").notes == []


@pytest.mark.download
def test_a_class_is_measured_against_its_own_pictures():
    source = backbones.build("sngan", **SMALL["sngan"])
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3)).astype(np.uint8)
    reference = Pictures(images, labels=np.arange(12) % 3)

    def measured(of: Pictures, label: int | None) -> dict:
        (record,) = evaluate_source(source, of, ["kid"], 6, label=label)
        return record

    one = measured(reference, 1)
    assert (one["label"], one["num_real"]) == (1, 4)
    assert one["value"] == measured(Pictures(images[1::3]), 1)["value"]
    assert one["value"] != measured(reference, 2)["value"]
    assert "label" not in measured(reference, None)
    with pytest.raises(UserError, match="no pictures of class 3"):
        measured(reference, 3)


@pytest.mark.download
def test_the_nearest_class_is_the_one_of_the_pictures(tmp_path, caplog):
    """Samples of a class are nearest to their own class; the run says so and keeps the number."""
    source = backbones.build("sngan", **SMALL["sngan"])
    rng = np.random.default_rng(1)
    for role in source.own_scale_shift_roles():
        for table in (*role.gammas, *role.betas):
            table.assign(rng.uniform(-1.5, 1.5, table.shape).astype(np.float32))
    images = np.asarray(source.generate(source.sample_latents(4, seed=9), np.full(4, 2)))
    pictures = np.clip(images * 127.5 + 127.5, 0, 255).astype(np.uint8)
    ranked = nearest_classes(source, Pictures(pictures))
    assert ranked[0][0] == 2 and sorted(dict(ranked)) == [0, 1, 2]
    assert [distance for _, distance in ranked] == sorted(dict(ranked).values())
    assert nearest_classes(source, Pictures(pictures)) == ranked
    chosen = plan(source, pictures, "bsa", class_start="nearest")
    assert chosen.method.settings()["class_start"] == "2"
    assert re.fullmatch(
        r"Begins as class 2 of the source, .* \(LPIPS 0\.\d+; class [01]: 0\.\d+\)\.",
        chosen.notes[0],
    )
    source.source_metadata = {"classes": ["bats", "cats", "rats"]}
    named = plan(source, pictures, "bsa", class_start="nearest").notes[0]
    assert re.match(
        r"Begins as class 2 \(rats\) of the source, .*; class [01] \([bc]ats\): ", named
    )
    z = source.sample_latents(2, seed=0)
    np.testing.assert_allclose(
        chosen.start.generate(z), source.generate(z, np.full(2, 2)), atol=1e-5
    )
    with pytest.raises(UserError, match="needs pictures"):
        chosen.method.with_settings(class_start="nearest").trainable.begin(source)
