"""The Python face, used as the README shows it."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tf_fewshot as tff
from tf_fewshot.weights.native.gan_file import save_gan

from .conftest import TINY

SMALL = {**TINY["stylegan"], "resolution": 8, "channels": [8, 8]}
SETTINGS = {"steps": 3, "batch_size": 4, "fisher_samples": 4, "fisher_cache": False}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source in a file; beside it, a folder with six pictures of another size."""
    folder = tmp_path_factory.mktemp("api")
    keras.utils.set_random_seed(0)
    gan = tff.backbones.build("stylegan", **SMALL)
    gan.generator.w_avg.assign(np.linspace(-0.1, 0.1, 8))
    save_gan(gan, folder / "source.npz", metadata={"licence": "CC0-1.0"})
    (folder / "my_pictures").mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        picture = rng.integers(0, 256, (24, 20, 3)).astype(np.uint8)
        Image.fromarray(picture).save(folder / "my_pictures" / f"{i}.png")
    return folder / "source.npz"


@pytest.fixture(scope="module")
def gan(path: Path) -> tff.GAN:
    return tff.load(path)


@pytest.fixture(scope="module")
def run(path: Path, gan: tff.GAN, tmp_path_factory) -> tff.AdaptationRun:
    workdir = tmp_path_factory.mktemp("run")
    # Without graphs, whose making takes longer than three steps.
    tf.config.run_functions_eagerly(True)
    finished_run = tff.adapt(
        gan,
        path.parent / "my_pictures",
        method="ewc",
        seed=0,
        workdir=workdir,
        precision="float32",
        truncation=0.7,
        **SETTINGS,
    )
    tf.config.run_functions_eagerly(False)
    return finished_run


# Loading --------------------------------------------------------------------------------


def test_a_loaded_gan_says_where_it_comes_from(path, gan):
    metadata = gan.source_metadata
    assert metadata["name"] == "source.npz"
    assert metadata["licence"] == "CC0-1.0"
    assert len(metadata["sha256"]) == 64
    assert (gan.latent_dim, gan.image_shape) == (8, (8, 8, 3))
    assert tff.load(str(path)).fingerprint("discriminator") == gan.fingerprint("discriminator")


def test_user_errors_are_value_errors(path):
    with pytest.raises(
        ValueError, match=r"Unknown source 'avataars64'\. Did you mean 'avataaars64'"
    ):
        tff.load("avataars64")
    with pytest.raises(tff.UserError, match=r"Unknown method 'ecw'\. Did you mean 'ewc'"):
        tff.adapt(path, path.parent / "my_pictures", "ecw", workdir=path.parent / "never")
    assert not (path.parent / "never").exists()


def test_a_source_is_never_changed(path, gan, run):
    before = tff.load(path)
    for network in ("generator", "discriminator"):
        assert gan.fingerprint(network) == before.fingerprint(network)
    assert run.gan is not gan
    assert run.gan.fingerprint() != gan.fingerprint()


# Sampling -------------------------------------------------------------------------------


def test_samples_are_uint8_and_depend_on_the_seed_alone(run):
    images = run.sample(5, seed=3)
    assert images.shape == (5, 8, 8, 3)
    assert images.dtype == np.uint8
    assert images.std() > 0
    np.testing.assert_array_equal(images, run.sample(5, seed=3))
    # More of them begin with the same ones.
    np.testing.assert_array_equal(images, run.sample(7, seed=3)[:5])
    assert (images != run.sample(5, seed=4)).any()


def test_samples_are_truncated_as_the_method_says_unless_asked_otherwise(run):
    assert run.truncation == 0.7
    usual = run.sample(4, seed=0)
    np.testing.assert_array_equal(usual, run.sample(4, seed=0, truncation=0.7))
    whole = run.sample(4, seed=0, truncation=1.0)
    assert (usual != whole).any()
    # By hand, from the definition: styles are pulled towards their mean.
    g = run.gan.generator
    styles = g.mapping(run.gan.sample_latents(4, seed=0))
    pulled = g.w_avg + 0.7 * (styles - g.w_avg)
    images = np.asarray(g.synthesize(g.broadcast(pulled)))
    expected = np.clip(np.rint((images + 1) * 127.5), 0, 255)
    assert np.abs(expected - usual.astype(float)).max() <= 1
    # At 0 all are the picture of the mean.
    mean = run.sample(3, seed=0, truncation=0.0)
    np.testing.assert_array_equal(mean[0], mean[1])


@pytest.mark.parametrize("n", [0, -3])
def test_a_number_of_pictures_below_one_is_refused(run, n):
    with pytest.raises(tff.UserError, match=f"must be at least 1, not {n}"):
        run.sample(n)


def test_an_interpolation_goes_from_one_picture_to_another(run):
    images = run.interpolate(5, seed=2)
    assert (images.shape, images.dtype) == ((5, 8, 8, 3), np.uint8)
    ends = run.sample(2, seed=2)
    assert np.abs(images[[0, -1]].astype(int) - ends.astype(int)).max() <= 1
    assert (images[2] != images[0]).any() and (images[2] != images[-1]).any()


def test_sources_can_be_sampled_too(gan):
    images = tff.sample_images(gan, 3, seed=1)
    assert (images.shape, images.dtype) == ((3, 8, 8, 3), np.uint8)


# Keeping --------------------------------------------------------------------------------


def test_an_adapter_brings_the_run_back(path, gan, run, tmp_path):
    saved = run.save(tmp_path / "mine.adapter.npz")
    assert saved == tmp_path / "mine.adapter.npz"
    expected = run.sample(4, seed=5)
    for where, source in ((saved, gan), (saved, path), (run.folder, gan)):
        loaded = tff.load_adapter(where, source)
        np.testing.assert_array_equal(loaded.sample(4, seed=5), expected)
        assert loaded.truncation == 0.7
    assert loaded.adapter.settings == run.adapter.settings
    assert loaded.adapter.settings["steps"] == 3
    assert loaded.adapter.settings["pictures"] == 6
    assert not isinstance(loaded, tff.AdaptationRun)


def test_an_adapter_of_half_the_size_holds_rounded_weights(run, gan, tmp_path):
    half = tff.load_adapter(run.save(tmp_path / "half", half=True), gan)
    whole = run.adapter.weights
    assert half.adapter.weights.keys() == whole.keys()
    for path, value in half.adapter.weights.items():
        assert 2 * value.nbytes == whole[path].nbytes
        # Eleven bits, or the smallest subnormal number.
        np.testing.assert_allclose(value, whole[path], rtol=2**-11, atol=2**-25)
    assert half.sample(2).shape == (2, 8, 8, 3)


def test_an_adapter_whose_source_is_not_found_says_so(run):
    """An adapter of a GAN that was in memory knows only the name of its file, not where it lies."""
    with pytest.raises(tff.UserError, match=r"source\.npz"):
        tff.load_adapter(run.folder)


def test_an_adapter_of_another_source_is_refused(run, build_tiny):
    with pytest.raises(tff.UserError, match=r"was made for source\.npz"):
        tff.load_adapter(run.folder, build_tiny("stylegan"))


def test_metrics_renew_the_report(run):
    before = (run.folder / "report.html").read_text("utf-8")
    assert "0.1234" not in before
    record = {"metric": "fid", "value": 0.1234, "std": None, "num_real": 6, "num_fake": 4}
    run.add_metrics([record | {"seed": 0, "feature_network": "efficientnet_lite0", "note": None}])
    assert "0.1234" in (run.folder / "report.html").read_text("utf-8")
    (line,) = (run.folder / "metric-fid.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["step"] == 3
    assert json.loads(line)["value"] == 0.1234


@pytest.mark.download
def test_a_run_is_measured(run, path, tmp_path):
    reference = tff.load_pictures(path.parent / "my_pictures", 8)
    (record,) = run.evaluate(reference, metrics=["kid"], n=6, seed=1)
    assert record["metric"] == "kid"
    assert np.isfinite(record["value"])
    assert (record["num_real"], record["num_fake"], record["truncation"]) == (6, 6, 0.7)
    json.dumps(record)


# Pieces ---------------------------------------------------------------------------------


def test_pictures_may_be_arrays(gan, path, tmp_path):
    pictures = tff.load_pictures(path.parent / "my_pictures", 8)
    assert pictures.images.shape == (6, 8, 8, 3)
    options = {"workdir": tmp_path / "run", "precision": "float32", "steps": 1, "batch_size": 2}
    for images, message in (
        (pictures.images[:, :4], r"The pictures are \(4, 8, 3\), the generator makes \(8, 8, 3"),
        (pictures.images.astype(np.float32), "must be a uint8 array"),
    ):
        with pytest.raises(tff.UserError, match=message):
            tff.adapt(gan, images, "transfergan", **options)
    tf.config.run_functions_eagerly(True)
    try:
        one = tff.adapt(gan, pictures.images, "transfergan", **options)
        # The same run, whatever its pictures come in.
        two = tff.adapt(gan, pictures, "transfergan", **options)
    finally:
        tf.config.run_functions_eagerly(False)
    assert one.gan.fingerprint() == two.gan.fingerprint()


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(name, marks=[] if name in ("dcgan", "stylegan") else pytest.mark.large)
        for name in sorted(TINY)
    ],
)
def test_a_generator_is_a_model_among_models(build_tiny, architecture):
    """In a functional model of Keras, with a layer before it and one behind it."""
    gan = build_tiny(architecture)
    inputs = keras.Input((3,))
    z = keras.layers.Dense(gan.latent_dim, name="to_latent")(inputs)
    images = gan.generator(z)
    assert images.shape == (None, 16, 16, 3)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(images))
    values = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    latents = model.get_layer("to_latent")(values)
    expected = gan.generator(latents).numpy().mean(axis=(1, 2))
    np.testing.assert_allclose(model.predict(values, verbose=0), expected, atol=1e-5)
    # Frozen, it can be trained through, and keeps its running statistics too.
    gan.generator.trainable = False
    assert [v.path for v in model.trainable_weights] == ["to_latent/kernel", "to_latent/bias"]
    model.compile("sgd", "mse", run_eagerly=True)
    before = gan.fingerprint()
    loss = model.train_on_batch(values, np.zeros((4, 3), np.float32))
    assert np.isfinite(loss)
    assert gan.fingerprint() == before


def test_every_public_name_is_there():
    for name in tff.__all__:
        assert getattr(tff, name) is not None
    assert set(tff.__all__) <= set(dir(tff))
    with pytest.raises(AttributeError, match="has no attribute 'adopt'"):
        _ = tff.adopt
