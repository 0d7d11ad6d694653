"""Training a source from scratch: growing, snapshots, resuming, choosing by FID."""

import dataclasses
import functools
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tf_fewshot import backbones, methods, weights
from tf_fewshot.backbones.biggan import family
from tf_fewshot.backbones.biggan.standing_statistics import accumulate_statistics
from tf_fewshot.backbones.sngan.discriminator import SNGANDiscriminator
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.pretraining import (
    describe,
    known_settings,
    plan,
    pretrain,
    scaled,
    trained_by,
)
from tf_fewshot.training.growth import Fade, Falling, Growth, shrunk
from tf_fewshot.training.pretrain import PretrainingPlan
from tf_fewshot.training.run_folder import RunFolder
from tf_fewshot.weights.native.gan_file import save_gan

from .conftest import TINY
from .processes import forks

MODEL = {
    "resolution": 16,
    "latent_dim": 8,
    "w_dim": 8,
    "mapping_layers": 2,
    "channels": [8, 8, 8],
    "fused": True,
}
_BATCHES = 5
GROWTHS = [Growth(8, 16, 0, 4, 0.1), Growth(16, 24, 8, 4, 0.5)]


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return Pictures(rng.integers(0, 256, (12, 16, 16, 3), np.uint8), source="noise")


@pytest.fixture
def eagerly():
    """Runs without graphs, whose tracing takes longer than a few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(autouse=True)
def _few_batches(monkeypatch):
    """BigGANs take standing statistics of few batches."""
    few = functools.partial(accumulate_statistics, batches=_BATCHES)
    monkeypatch.setattr(family, "accumulate_statistics", few)


def pretraining(pictures, **changes):
    planned = PretrainingPlan(
        methods.get("scratch"), "stylegan", MODEL, GROWTHS, pictures, snapshot_images=16
    )
    return dataclasses.replace(planned, checkpoint_every=2, **changes)


def weights_of(path):
    gan = weights.load(path)
    return {name: variable.numpy() for name, variable in gan.variables_by_path().items()}


@pytest.mark.parametrize("mode", ["eagerly", pytest.param("graphs", marks=pytest.mark.large)])
def test_grows_and_leaves_snapshots_that_load(mode, pictures, tmp_path, request):
    if mode == "eagerly":
        request.getfixturevalue("eagerly")
    planned = pretraining(pictures)
    with RunFolder.open(tmp_path, planned.identity()) as folder:
        snapshots = planned.run(folder)
    names = [path.stem for path in snapshots]
    assert names == ["000000016", "000000032", "000000040"]
    first, last = weights.load(snapshots[0]), weights.load(snapshots[-1])
    assert first.image_shape == (8, 8, 3)
    assert last.image_shape == (16, 16, 3)
    # The last resolution is whole: what faded it in is gone.
    assert last.config["fading"] is False
    assert last.source_metadata["images_seen"] == 40
    assert last.discriminator is not None
    assert (tmp_path / "snapshot000000040.png").exists()


def test_resumed_equals_uninterrupted(pictures, tmp_path, eagerly):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    with RunFolder.open(whole, pretraining(pictures).identity()) as folder:
        expected = pretraining(pictures).run(folder)[-1]
    half = pretraining(pictures, growths=[GROWTHS[0]])
    with RunFolder.open(cut, half.identity()) as folder:
        half.run(folder)
    with RunFolder.open(cut, pretraining(pictures).identity()) as folder:
        resumed = pretraining(pictures).run(folder)[-1]
    a, b = weights_of(expected), weights_of(resumed)
    assert a.keys() == b.keys()
    for name, value in a.items():
        np.testing.assert_array_equal(value, b[name], err_msg=name)


def test_goes_on_from_a_source(pictures, tmp_path, eagerly):
    with RunFolder.open(tmp_path / "a", pretraining(pictures).identity()) as folder:
        begun = weights.load(pretraining(pictures).run(folder)[-1])
    more = pretraining(pictures, growths=[Growth(16, 8, 0, 4)], start=begun)
    with RunFolder.open(tmp_path / "b", more.identity()) as folder:
        (snapshot,) = more.run(folder)
    assert snapshot.stem == "000000048"
    before = begun.variables_by_path()
    after = weights.load(snapshot).variables_by_path()
    moved = [k for k in before if not np.array_equal(before[k].numpy(), after[k].numpy())]
    assert "generator/16x16/Conv1/weight" in moved
    # The fixed noise maps are no matter of training.
    assert not [name for name in moved if "generator/noise" in name]


def test_a_discriminator_of_its_own_widths_grows_and_goes_on(pictures, tmp_path, eagerly):
    config = {**MODEL, "discriminator_channels": [8, 4, 4]}
    small = pretraining(pictures, config=config, growths=GROWTHS[:1])
    with RunFolder.open(tmp_path / "run", small.identity()) as folder:
        (snapshot, *_) = small.run(folder)
    assert weights.load(snapshot).config["discriminator_channels"] == [8, 4]
    data = tmp_path / "pictures.npz"
    np.savez(data, images=pictures.images)
    settings = {"architecture": "stylegan", "model": config, "batch_size": 4}
    whole = plan({**settings, "growths": [(16, 4, 0, 0.0, 1.0)]}, data, start=snapshot)
    grown = whole.grown(whole.start, whole.growths[0])
    assert grown.config["discriminator_channels"] == [8, 4, 4]
    other = {**settings, "model": {**config, "discriminator_channels": [8, 8, 4]}}
    with pytest.raises(UserError, match=r"--start has discriminator_channels \[8, 4\]"):
        plan({**other, "growths": [(16, 4, 0, 0.0, 1.0)]}, data, start=snapshot)


@pytest.mark.large
def test_a_conditional_biggan_goes_on_with_its_discriminator(tmp_path, eagerly):
    rng = np.random.default_rng(0)
    labels = np.arange(12) % 3
    pictures = Pictures(rng.integers(0, 256, (12, 16, 16, 3), np.uint8), labels, source="noise")
    model = {"resolution": 16, **BIGGAN, "num_classes": 3, "discriminator_widths": [4, 4, 8]}
    first = PretrainingPlan(
        methods.get("scratch").with_settings(adversarial_loss="hinge"),
        "biggan",
        model,
        [Growth(16, 8, 0, 4, 0.0)],
        pictures,
        class_group=2,
    )
    assert dataclasses.replace(first, class_group=1).identity() != first.identity()
    with RunFolder.open(tmp_path / "a", first.identity()) as folder:
        begun = weights.load(first.run(folder)[-1])
    assert begun.discriminator is not None
    # Batches normalise images by what the averaged generator gives, not the trained one.
    np.testing.assert_allclose(
        begun.generator.norm.moving_mean,
        accumulate_statistics(begun, batches=_BATCHES).generator.norm.moving_mean,
        rtol=0.02,
        atol=1e-3,
    )
    still = Growth(16, 4, 0, 4, 0.0, learning_rate=0.0)
    more = dataclasses.replace(first, growths=[still], start=begun)
    with RunFolder.open(tmp_path / "b", more.identity()) as folder:
        (path,) = more.run(folder)
    assert path.stem == "000000012"
    after = weights.load(path).variables_by_path()
    # At a learning rate of 0 nothing is trained: both networks are those that it began with.
    for name, variable in begun.variables_by_path().items():
        if variable.trainable:
            np.testing.assert_array_equal(variable, after[name], err_msg=name)


def test_fade_goes_from_the_old_to_the_new_resolution(tiny_stylegan):
    gan = tiny_stylegan.rebuild(fading=True)
    fade = Fade(gan, steps=4)
    lods = []
    for step in range(6):
        fade.on_train_batch_begin(step)
        lods.append((float(gan.generator.lod), float(gan.discriminator.lod)))
    assert lods == [(v, v) for v in (1.0, 0.75, 0.5, 0.25, 0.0, 0.0)]


def test_falling_rate():
    rate = Falling(0.01, 10, 20)
    for step, expected in ((0, 0.01), (10, 0.01), (15, 0.0055), (20, 0.001), (99, 0.001)):
        assert float(rate(step)) == pytest.approx(expected)
    assert Growth(8, 400, 0, 4, learning_rate=0.01).rates() == (0.01, 0.01)
    falling = Growth(8, 400, 0, 4, learning_rate=0.01, decay_from=0.5, d_learning_rate=0.04)
    assert [float(rate(100)) for rate in falling.rates()] == pytest.approx([0.001, 0.004])


def test_shrunk_is_the_mean_of_squares():
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    small = shrunk(images, 4)
    expected = np.stack(
        [
            [
                [images[n, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4].mean((0, 1)) for x in range(4)]
                for y in range(4)
            ]
            for n in range(3)
        ]
    )
    assert np.abs(small - expected).max() <= 0.5
    assert shrunk(images, 16) is images


def config(**changes):
    return {
        "architecture": "stylegan",
        "model": MODEL,
        "growths": [(16, 16, 0, 0.5, 0.5)],
        "batch_size": 4,
        "learning_rate": 0.002,
        "ema_images": 100,
        "snapshot_images": 8,
        "adversarial_loss": "non_saturating",
        "r1_interval": 16,
        **changes,
    }


def test_plan_says_what_is_wrong(tiny_pictures):
    with pytest.raises(UserError, match="lacks 'growths'"):
        plan({k: v for k, v in config().items() if k != "growths"}, tiny_pictures)
    with pytest.raises(UserError, match=r"8 usable pictures.* at least 64"):
        plan(config(batch_size=64), tiny_pictures)
    with pytest.raises(UserError, match=r"Unknown setting of a pretraining 'stepz'\. .+'steps'"):
        plan(config(stepz=3), tiny_pictures)
    with pytest.raises(UserError, match="Unknown setting of a pretraining 'r1_gamma'"):
        plan(config(r1_gamma=1.0), tiny_pictures)
    with pytest.raises(UserError, match=r"Each of growths must be .+, not \(16, 16\)\."):
        plan(config(growths=[(16, 16)]), tiny_pictures)
    with pytest.raises(UserError, match="lacks 'resolution' in its model"):
        plan(config(model={"latent_dim": 8}), tiny_pictures)
    with pytest.raises(UserError, match="batch_size must be at least 1, not 0"):
        plan(config(batch_size=0), tiny_pictures)
    with pytest.raises(UserError, match="Did you mean 'stylegan'"):
        plan(config(architecture="stylgan"), tiny_pictures)
    assert "generator:" in describe(plan(config(), tiny_pictures, precision="float32"))


def test_what_is_left_out_has_the_defaults(tiny_pictures):
    """A configuration that leaves settings out means what it meant in earlier versions."""
    fields = {k: config()[k] for k in ("architecture", "model", "growths", "batch_size")}
    planned = plan(fields, tiny_pictures, precision="float32")
    changed = {"clip_images": False, "ada_images": 500_000}
    assert planned.method == methods.get("scratch").with_settings(**changed)
    (growth,) = planned.growths
    assert (growth.learning_rate, growth.d_learning_rate) == (0.004, None)
    assert (planned.ema_images, planned.snapshot_images) == (5_000, 16_000)


def test_a_run_is_the_one_that_it_was(tiny_pictures):
    """Run folders of earlier versions hold this identity, and must go on to resume."""
    planned = plan(config(), tiny_pictures, seed=3, precision="float32")
    expected = {
        "method": "scratch",
        "architecture": "stylegan",
        "config": MODEL,
        "start": None,
        "data_fingerprint": planned.pictures.fingerprint(),
        "seed": 3,
        "ema_images": 100,
    }
    assert planned.identity() == expected
    longer = plan(config(steps=50, learning_rate=0.1), tiny_pictures, seed=3, precision="float32")
    assert longer.identity() == expected


def test_another_method_brings_its_settings(tiny_pictures):
    fields = config(method="cdc", image_share=0.75)
    method = plan(fields, tiny_pictures, precision="float32").method
    assert (method.name, method.settings()["image_share"]) == ("cdc", 0.75)
    with pytest.raises(UserError, match="Unknown setting of a pretraining 'image_share'"):
        plan(config(image_share=0.75), tiny_pictures)


@given(
    st.lists(st.tuples(st.integers(1, 500), st.floats(0.0, 1.0)), min_size=1, max_size=4),
    st.integers(1, 2000),
)
def test_steps_change_every_growth_by_one_factor(rows, steps):
    growths = [
        Growth(8 * 2**i, 4 * count, round(4 * count * share), 4)
        for i, (count, share) in enumerate(rows)
    ]
    before = [growth.steps for growth in growths]
    if steps < len(growths):
        with pytest.raises(UserError, match=f"steps must be at least {len(growths)}, one for"):
            scaled(growths, steps)
        return
    after = scaled(growths, steps)
    assert sum(growth.steps for growth in after) == steps
    factor = steps / sum(before)
    for old, new in zip(growths, after, strict=True):
        assert new.steps >= 1
        # Whole steps, of which each growth has one for certain.
        assert abs(new.steps - factor * old.steps) <= len(growths) + 1
        assert new.images == 4 * new.steps
        share = old.fade_images / old.images
        assert new.fade_images == pytest.approx(share * new.images, abs=0.51)
        assert dataclasses.replace(old, images=0, fade_images=0) == dataclasses.replace(
            new, images=0, fade_images=0
        )
    if steps == sum(before):
        assert after == growths


def described(folder, *flags):
    """What ``tf-fewshot pretrain`` would train on the pictures of a folder."""
    flags = ["--data=pictures", "--precision=float32", "--dry_run", *flags]
    done = forks().command("pretrain", *flags, cwd=folder)
    assert done.code == 0, done.stderr
    return done.stdout


SMALL = ["--config=pretrain_sngan32", "--model.resolution=16", "--model.widths=[8, 8, 8]"]
SMALL += ["--config.model.num_classes=0", "--growths=[(8, 48, 0, 0.0, 1.0), (16, 48, 0, 0.1, 0.5)]"]


def test_settings_are_flags(tiny_pictures):
    folder = tiny_pictures.parent
    flags = [*SMALL, "--batch_size=4", "--config.learning_rate=0.5", "--d_learning_rate=none"]
    shown = described(folder, *flags)
    assert "From scratch, sngan {'latent_dim': 128, 'num_classes': 0, 'resolution': 16," in shown
    growths = [line for line in shown.splitlines() if line.startswith("Growth(")]
    expected = [Growth(8, 48, 0, 4, 0.0, 0.5, 1.0), Growth(16, 48, 0, 4, 0.1, 0.5, 0.5)]
    assert growths == [str(growth) for growth in expected]
    shown = described(folder, *flags, "--steps", "12")
    growths = [line for line in shown.splitlines() if line.startswith("Growth(")]
    expected = [Growth(8, 24, 0, 4, 0.0, 0.5, 1.0), Growth(16, 24, 0, 4, 0.1, 0.5, 0.5)]
    assert growths == [str(growth) for growth in expected]


def test_a_dry_run_says_what_an_architecture_does_not_know(tiny_pictures):
    faded = [flag.replace("(16, 48, 0,", "(16, 48, 8,") for flag in SMALL]
    flags = ["--data=pictures", "--batch_size=4", "--precision=float32", "--dry_run", *faded]
    done = forks().command("pretrain", *flags, cwd=tiny_pictures.parent)
    assert done.code == 2
    assert "Unknown setting of a sngan 'fading'" in done.error


def test_every_setting_of_a_pretraining_is_shown(tmp_path):
    done = forks().command("methods", "pretrain", cwd=tmp_path, COLUMNS="90")
    assert done.code == 0, done.stderr
    known = known_settings(trained_by("scratch"))
    blocks = dict(re.findall(r"^  --(\w+)=(.*\n(?: {6}.*\n)*)", done.stdout, re.M))
    assert list(blocks) == list(known)
    for name, setting in known.items():
        assert len(setting.text) > 5
        # The first words of what its class says.
        assert setting.text.split("(")[0][:20] in " ".join(blocks[name].split())
    assert blocks["clip_images"].startswith("false ")
    assert blocks["ada_images"].startswith("500000 ")


BIGGAN = {"latent_dim": 6, "channels": [8, 4, 4], "attention": 0, "class_dim": 4}


@pytest.mark.parametrize(
    ("architecture", "model"),
    [
        pytest.param(
            "biggan",
            {**BIGGAN, "num_classes": 0, "one_class": True},
            marks=pytest.mark.large,
        ),
        ("sngan", {"latent_dim": 8, "widths": [8, 8, 8], "halvings": 1}),
        ("dcgan", {"latent_dim": 8, "widths": [8, 8]}),
        ("stylegan2", {"latent_dim": 8, "w_dim": 8, "mapping_layers": 2, "channels": [8, 8, 8]}),
        pytest.param("stylegan3", TINY["stylegan3"], marks=pytest.mark.large),
        pytest.param("progan", TINY["progan"], marks=pytest.mark.large),
    ],
)
def test_trains_other_architectures(architecture, model, tiny_pictures, tmp_path, eagerly):
    fields = config(architecture=architecture, model={"resolution": 16, **model})
    if architecture == "biggan":
        with pytest.raises(UserError, match="fresh_discriminator=True"):
            pretrain(plan(fields, tiny_pictures, precision="float32"), tmp_path / "without")
        fields["fresh_discriminator"] = True
    path = pretrain(plan(fields, tiny_pictures, precision="float32"), tmp_path / "run")
    gan = weights.load(path)
    assert (gan.architecture, gan.source_metadata["images_seen"]) == (architecture, 16)
    assert (gan.discriminator is not None) == gan.has_discriminator
    first = weights.load(tmp_path / "run" / "snapshots" / "000000008.npz")
    assert first.fingerprint() != gan.fingerprint()


@pytest.mark.parametrize("architecture", [pytest.param("biggan", marks=pytest.mark.large), "sngan"])
def test_sub_folders_are_the_classes_of_a_source(architecture, tmp_path, eagerly, monkeypatch):
    for name, colour in (("blue", (0, 0, 255)), ("red", (255, 0, 0))):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (16, 16), colour).save(tmp_path / "data" / name / f"{i}.png")
    model = BIGGAN if architecture == "biggan" else {"latent_dim": 8, "widths": [8, 8, 8]}
    fields = config(
        architecture=architecture,
        model={"resolution": 16, **model, "num_classes": 2},
        fresh_discriminator=True,
    )
    planned = plan(fields, tmp_path / "data", precision="float32")
    np.testing.assert_array_equal(planned.pictures.labels, [0, 0, 0, 0, 1, 1, 1, 1])
    shuffled = dataclasses.replace(planned.pictures, labels=planned.pictures.labels[::-1])
    assert dataclasses.replace(planned, pictures=shuffled).identity() != planned.identity()

    seen, call = [], SNGANDiscriminator.call

    def watching(self, images, label=None, training=False):
        for image, number in zip(np.array(images), np.array(label), strict=True):
            seen.append((tuple(image[0, 0]), np.ptp(image, (0, 1)).max(), int(number)))
        return call(self, images, label, training)

    monkeypatch.setattr(SNGANDiscriminator, "call", watching)
    assert weights.load(pretrain(planned, tmp_path / "run")).num_classes == 2
    real = {(colour, label) for colour, spread, label in seen if spread == 0}
    assert real == {((-1, -1, 1), 0), ((1, -1, -1), 1)}


@pytest.mark.parametrize(("classes", "folder", "count"), [(3, "", 2), (2, "one", 0)])
def test_classes_must_be_those_of_the_pictures(classes, folder, count, tmp_path):
    for i in range(8):
        path = tmp_path / ("one" if i % 2 else "other") / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (16, 16)).save(path)
    model = {"resolution": 16, "latent_dim": 8, "widths": [8, 8, 8], "num_classes": classes}
    fields = config(architecture="sngan", model=model)
    with pytest.raises(UserError, match=f"has {classes} classes.* has {count}: a sub-folder"):
        plan(fields, tmp_path / folder, precision="float32")


def test_plan_passes_the_augmentation_on(tiny_pictures):
    def settings(**changes):
        method = plan(config(**changes), tiny_pictures, precision="float32").method
        names = ("augment", "augment_p", "ada_target", "ada_images")
        return {name: method.settings()[name] for name in names}

    plain, fixed, adapted = (
        settings(),
        settings(augment="ada", augment_p=0.25),
        settings(augment="ada", augment_p=None, ada_target=0.4, ada_images=100),
    )
    assert (plain["augment"], plain["augment_p"]) == ("none", None)
    assert (fixed["augment"], fixed["augment_p"], fixed["ada_images"]) == ("ada", 0.25, 500_000)
    assert list(adapted.values()) == ["ada", None, 0.4, 100]
    with pytest.raises(UserError, match="augment_p is a setting of augment='ada'"):
        settings(augment="diffaugment", augment_p=0.25)


def test_the_discriminator_sees_augmented_pictures(pictures, tmp_path, eagerly):
    augmented = methods.get("scratch").with_settings(augment="ada", ada_target=-1.0, ada_images=32)
    planned = pretraining(pictures, method=augmented, growths=[Growth(8, 16, 0, 4)])
    with RunFolder.open(tmp_path, planned.identity()) as folder:
        planned.run(folder)
    # Logits are always surer than the target: 16 pictures raise the probability by a half.
    (checkpoint,) = (tmp_path / "checkpoints" / "0-8px").glob("step0000004.npz")
    with np.load(checkpoint) as saved:
        state = [saved[f"state_discriminator/{i}"] for i in range(4)]
    assert 0.5 in [float(value) for value in state if value.shape == ()]


@pytest.mark.download
def test_plan_goes_on_from_a_narrower_source_with_noise(tiny_pictures, tmp_path):
    start = backbones.build("stylegan", **{**MODEL, "channels": [8, 8, 4]})
    save_gan(start, tmp_path / "start.npz")
    wide = config(model={**MODEL, "channels": [8, 8, 8], "use_noise": False})
    begun = plan(wide, tiny_pictures, precision="float32", start=tmp_path / "start.npz").start
    assert begun is not None
    assert begun.config["channels"] == [8, 8, 8]
    assert begun.config["use_noise"] is False
    z = start.sample_latents(3, seed=0)
    expected = start.generate(z, noise="none")
    np.testing.assert_allclose(begun.generate(z), expected, atol=1e-4)
    other = config(model={**MODEL, "mapping_layers": 3})
    with pytest.raises(UserError, match="--start has mapping_layers 2, the configuration 3"):
        plan(other, tiny_pictures, precision="float32", start=tmp_path / "start.npz")


@pytest.mark.large  # a minute and more
def test_keeps_the_snapshot_of_the_lowest_fid(tiny_pictures, tmp_path):
    planned = plan(config(), tiny_pictures, precision="float32", checkpoint_every=2)
    source = pretrain(planned, tmp_path / "run", tiny_pictures, candidates=2)
    gan = weights.load(source)
    lines = (tmp_path / "run" / "metric-fid.jsonl").read_text().splitlines()
    assert len(lines) == 2
    values = [float(line.split('"value": ')[1].split(",")[0]) for line in lines]
    chosen = gan.source_metadata["fid"]
    assert chosen["value"] == pytest.approx(min(values))
    assert chosen["reference"] == Path(tiny_pictures).name
