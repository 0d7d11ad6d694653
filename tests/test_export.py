"""Adapter files and SavedModels: what they hold, what they refuse, whether they serve."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import io
import json
import os
import resource
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tf_fewshot import backbones, weights
from tf_fewshot.backbones import base
from tf_fewshot.backbones.truncation import Truncation, truncated_latents
from tf_fewshot.compat.saved_models import METADATA, WARMUP
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter, Sampling, export_saved_model, verify_saved_model
from tf_fewshot.export import verify as verify_module
from tf_fewshot.export.container import read_container, write_container
from tf_fewshot.export.publishing import _publish
from tf_fewshot.export.sampling import latents_of_seeds
from tf_fewshot.export.saved_model import Endpoints
from tf_fewshot.export.verify import CPP, SESSION, Example

from .conftest import TINY as TINY_16

TINY = {**TINY_16, "stylegan": {**TINY_16["stylegan"], "resolution": 8, "channels": [8, 8]}}


def tiny(architecture: str = "stylegan", **changes) -> base.GAN:
    keras.utils.set_random_seed(0)
    return backbones.build(architecture, **{**TINY[architecture], **changes})


def perturbed(gan: base.GAN, seed: int = 1) -> base.GAN:
    """A copy with every generator weight moved."""
    twin, rng = gan.clone(), np.random.default_rng(seed)
    for variable in twin.generator.weights:
        variable.assign_add(rng.normal(0, 0.1, variable.shape).astype(np.float32))
    return twin


def adapter_of(source: base.GAN, adapted: base.GAN, **fields) -> Adapter:
    return Adapter.from_gans(source, adapted, method="ewc", source_name="tiny", **fields)


def everything(adapter: Adapter) -> dict:
    values = {path: (v.dtype.str, v.shape, v.tobytes()) for path, v in adapter.weights.items()}
    return {**vars(adapter), "weights": values}


@pytest.fixture(scope="module")
def gan() -> base.GAN:
    return tiny()


@pytest.fixture
def small_files():
    """While it holds, no file may grow beyond 4 KiB: what a full disk does, for EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Limit:
        def __enter__(self):
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))

        def __exit__(self, *error):
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    yield Limit()
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestAdapter:
    @pytest.mark.parametrize("architecture", sorted(TINY))
    def test_gives_the_adapted_generator_back(self, architecture, tmp_path):
        source = tiny(architecture)
        adapted = perturbed(source)
        adapter = adapter_of(
            source, adapted, settings={"steps": 5, "rates": (1, 2)}, sampling={"truncation": 0.7}
        )
        adapter.save(tmp_path / "a.adapter")
        loaded = Adapter.load(tmp_path / "a.adapter")
        assert everything(loaded) == everything(adapter)
        assert loaded.settings == {"steps": 5, "rates": [1, 2]}
        assert loaded.sampling == {"latents": "z", "truncation": 0.7}
        result = loaded.apply(source)
        assert result.discriminator is None
        assert source.discriminator is not None
        assert result.fingerprint() == adapted.fingerprint() != source.fingerprint()
        z = source.sample_latents(2, seed=0)
        np.testing.assert_array_equal(result.generate(z), adapted.generate(z))

    def test_keeps_single_bits_and_nothing_else(self, gan):
        adapted = gan.clone()
        by_path = adapted.variables_by_path()
        bias = next(v for p, v in by_path.items() if p.startswith("generator") and "bias" in p)
        value = bias.numpy()
        value[0] = -0.0
        bias.assign(value)
        adapted.generator.w_avg.assign_add([1e-30, *[0.0] * 7])
        next(iter(adapted.discriminator.weights)).assign_add(
            tf.ones_like(next(iter(adapted.discriminator.weights)))
        )
        adapter = adapter_of(gan, adapted)
        assert set(adapter.weights) == {bias.path, adapted.generator.w_avg.path}
        assert not adapter_of(gan, gan.clone()).weights

    def test_random_generators_are_no_part_of_it(self, gan):
        adapted = gan.clone()
        adapted.generator.seeds.next()
        assert not adapter_of(gan, adapted).weights

    def test_scale_and_shift_are_tiny(self, tmp_path):
        source = tiny(channels=[96, 96])
        adapted = source.with_scale_shift()
        gamma, beta = (getattr(adapted.scale_shift_roles()[0], k)[0] for k in ("gammas", "betas"))
        rng = np.random.default_rng(0)
        for role in adapted.scale_shift_roles()[1:]:
            for variable in (*role.gammas, *role.betas):
                variable.assign_add(rng.normal(0, 0.1, variable.shape))
        gamma.assign_add(tf.ones_like(gamma))
        adapter = adapter_of(source, adapted)
        assert adapter.config_changes == {"extensions": [{"name": "scale_shift"}]}
        assert all("ScaleShift" in path for path in adapter.weights)
        # One that is still where it begins is left out.
        assert gamma.path in adapter.weights
        assert beta.path not in adapter.weights
        adapter.save(tmp_path / "a.adapter")
        generator = sum(v.numpy().nbytes for v in source.generator.weights)
        assert (tmp_path / "a.adapter").stat().st_size <= 0.03 * generator
        result = Adapter.load(tmp_path / "a.adapter").apply(source)
        assert result.fingerprint() == adapted.fingerprint()

    def test_precision_is_not_adapted(self, gan):
        adapted = perturbed(gan)
        adapter = adapter_of(gan, adapted.with_precision("mixed_bfloat16"))
        assert adapter.config_changes == {}
        assert adapter.apply(gan).precision == "float32"
        assert adapter.apply(gan).fingerprint() == adapted.fingerprint()

    def test_another_source_is_refused(self, gan):
        adapter = adapter_of(gan, perturbed(gan))
        other = perturbed(gan, seed=2)
        with pytest.raises(UserError) as error:
            adapter.apply(other, "ffhq")
        for part in ("tiny", "ffhq", gan.fingerprint(), other.fingerprint()):
            assert part in str(error.value)
        assert "\n" not in str(error.value)
        with pytest.raises(UserError, match="dcgan"):
            adapter.apply(tiny("dcgan"))
        with pytest.raises(UserError, match="one architecture"):
            adapter_of(gan, tiny("dcgan"))

    def test_weights_that_do_not_fit_are_refused(self, gan):
        adapter = adapter_of(gan, perturbed(gan))
        path = next(iter(adapter.weights))
        before = gan.fingerprint()
        adapter.weights["generator/none"] = np.zeros(3, np.float32)
        with pytest.raises(UserError, match="'generator/none'"):
            adapter.apply(gan)
        del adapter.weights["generator/none"]
        adapter.weights[path] = np.zeros((1, 2, 3), np.float32)
        with pytest.raises(UserError, match=r"\[1, 2, 3\]"):
            adapter.apply(gan)
        adapter.config_changes = {"wings": 2}
        with pytest.raises(UserError, match="wings"):
            adapter.apply(gan)
        assert gan.fingerprint() == before

    def test_half_precision(self, gan, tmp_path):
        adapted = perturbed(gan)
        adapter = adapter_of(gan, adapted)
        adapter.save(tmp_path / "full")
        adapter.save(tmp_path / "half", half=True)
        assert (tmp_path / "half").stat().st_size < 0.75 * (tmp_path / "full").stat().st_size
        result = Adapter.load(tmp_path / "half").apply(gan)
        for a, b in zip(adapted.generator.weights, result.generator.weights, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2**-11, atol=1e-7)
        path = next(iter(adapter.weights))
        adapter.weights[path] = np.full_like(adapter.weights[path], 65504.0)
        adapter.save(tmp_path / "limit", half=True)
        adapter.weights[path].flat[0] = -65520.0
        with pytest.raises(UserError, match="65520"):
            adapter.save(tmp_path / "over", half=True)
        assert not (tmp_path / "over").exists()

    def test_equal_adapters_are_equal_files(self, gan, tmp_path):
        adapter = adapter_of(gan, perturbed(gan))
        adapter.save(tmp_path / "a")
        adapter.save(tmp_path / "b")
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_a_failed_write_leaves_the_old_file(self, gan, tmp_path, small_files):
        path = tmp_path / "a.adapter"
        adapter_of(gan, gan.clone()).save(path)
        before = path.read_bytes()
        with small_files, pytest.raises((UserError, OSError)):
            adapter_of(gan, perturbed(gan)).save(path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["a.adapter"]

    @pytest.mark.parametrize(
        "change",
        [
            {"format": "other"},
            {"format_version": 2},
            {"format_version": "1"},
            {"method": 3},
            {"settings": None},
            {"extra": 1},
            {"sampling": {"latents": "w"}},
        ],
    )
    def test_metadata_that_is_not_ours_is_refused(self, gan, tmp_path, change):
        adapter_of(gan, gan.clone()).save(tmp_path / "a")
        arrays, metadata = read_container(tmp_path / "a")
        write_container(tmp_path / "b", arrays, {**metadata, **change})
        with pytest.raises(UserError):
            Adapter.load(tmp_path / "b")


ARRAYS = {
    "generator/4x4/γ": np.arange(600, dtype=np.float32).reshape(2, 300),
    "scalar": np.array(2.5, np.float16),
    "empty": np.zeros((0, 3), np.int64),
    "flags": np.array([True, False]),
}
JSON = {"a": [1, {"b": "ü"}], "c": None}


class TestContainer:
    @staticmethod
    def content(path: Path) -> tuple:
        arrays, metadata = read_container(path)
        return {k: (v.dtype, v.shape, v.tobytes()) for k, v in arrays.items()}, metadata

    def test_round_trip_and_numpy(self, tmp_path):
        write_container(tmp_path / "c.npz", ARRAYS, JSON)
        arrays, metadata = read_container(tmp_path / "c.npz")
        assert metadata == JSON
        assert list(arrays) == list(ARRAYS)
        with np.load(tmp_path / "c.npz", allow_pickle=False) as plain:
            for name, array in ARRAYS.items():
                assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
                np.testing.assert_array_equal(arrays[name], array)
                np.testing.assert_array_equal(plain[name], array)

    @settings(
        max_examples=150,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(data=st.data())
    def test_damage_is_found(self, tmp_path, data):
        whole, path = tmp_path / "whole", tmp_path / "damaged"
        if not whole.exists():
            write_container(whole, ARRAYS, JSON)
        content = bytearray(whole.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "drop", "zeros"]))
        if kind == "flip":
            content[at] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del content[at:]
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=40))
        elif kind == "drop":
            del content[at : at + data.draw(st.integers(1, 40))]
        else:
            content[at : at + 16] = bytes(len(content[at : at + 16]))
        path.write_bytes(content)
        try:
            read_back = self.content(path)
        except UserError as error:
            message = str(error)
            assert (path.name in message, "\n" in message) == (True, False)
        else:
            # Bytes that mean nothing, such as the time of a member.
            assert read_back == self.content(whole)

    @pytest.mark.parametrize("kind", ["text", "empty", "npz", "pickle", "folder", "missing"])
    def test_foreign_files_are_refused(self, tmp_path, kind):
        path = tmp_path / "foreign"
        if kind == "text":
            path.write_text("hello")
        elif kind == "empty":
            path.write_bytes(b"")
        elif kind == "npz":
            with open(path, "wb") as file:
                np.savez(file, a=np.zeros(3))
        elif kind == "pickle":
            with zipfile.ZipFile(path, "w") as archive, archive.open("a.npy", "w") as member:
                np.lib.format.write_array(member, np.array([{"x": 1}], object), (1, 0))
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr("metadata.json", "{}")
        elif kind == "folder":
            path.mkdir()
        with pytest.raises(UserError, match="foreign"):
            read_container(path)

    def test_an_impossible_length_allocates_nothing(self, tmp_path):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 60,)}
        )
        with zipfile.ZipFile(tmp_path / "bomb", "w") as archive:
            archive.writestr("metadata.json", "{}")
            archive.writestr("a.npy", header.getvalue())
        with pytest.raises(UserError, match="as long as its shape"):
            read_container(tmp_path / "bomb")

    def test_what_would_need_pickle_is_not_written(self, tmp_path):
        for array in (np.array([None]), np.array(["a"]), np.zeros(2, "V2")):
            with pytest.raises(ValueError, match="cannot store"):
                write_container(tmp_path / "c", {"a": array}, {})
        assert not os.listdir(tmp_path)


class TestLatents:
    def test_rows_depend_on_their_seed_alone(self):
        seeds = np.array([5, -3, 2**40, 5])
        together = latents_of_seeds(tf.constant(seeds), 6).numpy()
        assert (together.shape, together.dtype) == ((4, 6), np.float32)
        np.testing.assert_array_equal(together[0], together[3])
        assert len({row.tobytes() for row in together}) == 3
        for i in range(4):
            alone = latents_of_seeds(tf.constant(seeds[i : i + 1]), 6)
            np.testing.assert_allclose(alone[0], together[i], atol=1e-6)
        assert latents_of_seeds(tf.constant([], tf.int64), 6).shape == (0, 6)

    @pytest.mark.parametrize("threshold", [0.3, 1.0, 10.0])
    def test_law(self, threshold):
        z = latents_of_seeds(tf.range(40, dtype=tf.int64), 256)
        values = truncated_latents(z, tf.fill([40], threshold)).numpy().ravel()
        law = scipy.stats.truncnorm(-threshold, threshold)
        assert scipy.stats.kstest(values, law.cdf).pvalue > 1e-3
        assert np.max(np.abs(values)) <= np.float32(threshold)

    def test_the_ends_of_the_thresholds(self):
        z = tf.constant([[8.0, -1.0], [8.0, -1.0], [0.5, 2.0]])
        cut = truncated_latents(z, tf.constant([0.0, -1.0, 10.0]))
        np.testing.assert_array_equal(cut, [[0, 0], [0, 0], [0.5, 2]])


@pytest.mark.parametrize("value", [{"latents": "w"}, {"truncation": "x"}, {"psi": 1.0}])
def test_sampling_refuses_what_it_does_not_know(value):
    with pytest.raises(UserError, match="Cannot sample by"):
        Sampling.from_json(value)


@dataclasses.dataclass
class Exported:
    """A GAN, its adapter and version 1 of its SavedModel."""

    gan: base.GAN
    adapter: Adapter
    path: Path

    def examples(self, rows: int = 2) -> list[Example]:
        return Endpoints(self.gan, Sampling.from_json(self.adapter.sampling)).examples(rows)

    @functools.cached_property
    def signatures(self):
        return tf.saved_model.load(self.path).signatures


def export(architecture: str, folder: Path) -> Exported:
    """Exports what an adapter makes of a source: other weights, and layers that it lacks."""
    source = tiny(architecture)
    adapted = perturbed(source.with_scale_shift())
    adapter = adapter_of(source, adapted, settings={"steps": 5}, sampling={"truncation": 0.7})
    assert adapter.config_changes == {"extensions": [{"name": "scale_shift"}]}
    gan = adapter.apply(source)
    return Exported(gan, adapter, export_saved_model(gan, folder / "model", adapter=adapter))


@pytest.fixture(scope="module")
def stylegan_export(tmp_path_factory) -> Exported:
    return export("stylegan", tmp_path_factory.mktemp("serving"))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            name, marks=[pytest.mark.large] * (name in ("progan", "sngan", "stylegan", "stylegan3"))
        )
        for name in sorted(TINY)
    ],
)
def exported(request, tmp_path_factory) -> Exported:
    if request.param == "stylegan":
        return request.getfixturevalue("stylegan_export")
    return export(request.param, tmp_path_factory.mktemp("serving"))


class TestSavedModel:
    def test_signatures(self, exported):
        gan, signatures = exported.gan, exported.signatures
        image = (None, *gan.image_shape)
        shapes = {
            name: (
                {k: (v.shape, v.dtype) for k, v in s.structured_input_signature[1].items()},
                {k: (v.shape, v.dtype) for k, v in s.structured_outputs.items()},
            )
            for name, s in signatures.items()
        }
        truncation = {"truncation": ((None,), tf.float32)}
        seed = {"seed": ((None,), tf.int64), **truncation}
        images = {"images": (image, tf.float32)}
        z = {"z": ((None, gan.latent_dim), tf.float32), **truncation}
        assert shapes == {
            "serving_default": (z, images),
            "generate_from_seed": (seed, images),
            "png": (seed, {"images_bytes": ((None,), tf.string)}),
        }

    def test_both_loaders_agree_with_eager(self, exported):
        gan, adapter, path = exported.gan, exported.adapter, exported.path
        assert (path.name, os.listdir(path.parent)) == ("1", ["1"])
        metadata = json.loads((path / METADATA).read_text())
        assert set(metadata["checked"]["differences"]) == {SESSION, CPP}
        for differences in metadata["checked"]["differences"].values():
            assert set(differences) == {"serving_default", "generate_from_seed", "png"}
            assert max(differences.values()) <= 1e-4 + 1 / 127.5
        assert metadata["checked"]["not_checked"] == {}
        assert metadata["source_fingerprint"] == adapter.source_fingerprint
        assert metadata["fingerprint"] == gan.fingerprint()
        assert (metadata["method"], metadata["source"]) == ("ewc", "tiny")
        assert metadata["default_truncation"] == 0.7

    def test_each_row_has_its_own_truncation(self, exported):
        gan, signatures = exported.gan, exported.signatures
        z = gan.sample_latents(3, seed=0)
        factors = np.float32([1.0, 0.7, 0.0])
        outputs = signatures["serving_default"](z=tf.constant(z), truncation=tf.constant(factors))
        expected = [
            np.asarray(gan.generate(z[i : i + 1], truncation=psi))[0]
            for i, psi in enumerate([None, 0.7, 0.0])
        ]
        images = outputs["images"].numpy()
        np.testing.assert_allclose(images, np.clip(expected, -1, 1), atol=1e-5)
        # Not all black and white, where anything would agree.
        assert np.mean(np.abs(images) < 0.99) > 0.1
        assert np.abs(images[0] - images[1]).max() > 1e-3

    def test_a_row_does_not_depend_on_its_batch(self, exported):
        signatures = exported.signatures
        signature = signatures["generate_from_seed"]
        seeds, factors = np.arange(5), np.linspace(0.2, 1.0, 5, dtype=np.float32)
        together = signature(seed=tf.constant(seeds), truncation=tf.constant(factors))["images"]
        assert together.shape[0] == 5
        for i in (0, 4):
            alone = signature(
                seed=tf.constant(seeds[i : i + 1]), truncation=tf.constant(factors[i : i + 1])
            )
            np.testing.assert_allclose(alone["images"][0], together[i], atol=1e-5)
        assert np.abs(together[0] - together[4]).max() > 1e-3

    def test_png_files_are_the_images(self, exported):
        gan, signatures = exported.gan, exported.signatures
        inputs = {
            "seed": tf.constant([3, 4], tf.int64),
            "truncation": tf.constant([1.0, 0.5]),
        }
        images = signatures["generate_from_seed"](**inputs)["images"].numpy()
        files = signatures["png"](**inputs)["images_bytes"].numpy()
        for image, file in zip(images, files, strict=True):
            picture = np.asarray(Image.open(io.BytesIO(file)))
            assert picture.shape == gan.image_shape
            assert np.abs(picture - (image + 1) * 127.5).max() <= 0.501

    def test_graph_is_for_any_server(self, exported):
        path = exported.path
        graph = (path / "saved_model.pb").read_bytes()
        assert b"_XlaMustCompile" not in graph
        assert b"PyFunc" not in graph

    def test_warm_up_needs_the_serving_package(self, exported):
        path, signatures = exported.path, exported.signatures
        if importlib.util.find_spec("tensorflow_serving") is None:
            assert not (path / WARMUP).exists()
            return
        from tensorflow_serving.apis import prediction_log_pb2

        asked = set()
        for record in tf.compat.v1.io.tf_record_iterator(str(path / WARMUP)):
            log = prediction_log_pb2.PredictionLog.FromString(record)
            request = log.predict_log.request
            assert request.model_spec.name == path.parent.name
            name = request.model_spec.signature_name
            inputs = {k: tf.constant(tf.make_ndarray(v)) for k, v in request.inputs.items()}
            assert len(next(iter(signatures[name](**inputs).values()))) == 2
            asked.add(name)
        assert asked == set(signatures)


def test_free_latents_are_exported(gan, tmp_path):
    sampling = Sampling("free", 0.4)
    path = export_saved_model(gan, tmp_path / "m", sampling=sampling)
    metadata = json.loads((path / METADATA).read_text())
    assert (metadata["latents"], metadata["no_truncation"]) == ("free", 10.0)
    signatures = tf.saved_model.load(path).signatures
    seeds, thresholds = tf.constant([1, 2], tf.int64), tf.constant([0.4, 10.0])
    free = truncated_latents(latents_of_seeds(seeds, gan.free_latent_dim), thresholds)
    expected = np.clip(gan.synthesize(free), -1, 1)
    images = signatures["generate_from_seed"](seed=seeds, truncation=thresholds)["images"]
    np.testing.assert_allclose(images, expected, atol=1e-5)
    images = signatures["serving_default"](z=free, truncation=thresholds)["images"]
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_what_bsa_learns_of_25_pictures_is_small(tmp_path):
    source, rng = weights.load("avataaars64"), np.random.default_rng(0)
    adapted = source.with_scale_shift().with_latent_gaussian(25)
    for role in adapted.scale_shift_roles():
        for variable in (*role.gammas, *role.betas):
            variable.assign(rng.standard_normal(variable.shape))
    adapted.fit_latents(rng.standard_normal((25, source.free_latent_dim)), adapted)
    adapter = Adapter.from_gans(source, adapted, method="bsa", source_name="avataaars64")
    adapter.save(tmp_path / "bsa.adapter")
    generator = 4 * sum(v.numpy().size for v in source.generator.weights)
    assert (tmp_path / "bsa.adapter").stat().st_size < 0.03 * generator


class Conditional(base.GAN):
    """A generator with a class vector, for the input ``label``."""

    architecture = "conditional"
    latent_dim = 4
    image_shape = (2, 2, 3)
    num_classes = 3
    discriminator = None
    generator_stages = discriminator_stages = lambda self: []

    def __init__(self, **config):
        super().__init__(**config)
        z, label = keras.Input((4,)), keras.Input((), dtype="int32")
        x = keras.layers.Concatenate()([z, keras.layers.Embedding(3, 4, name="class")(label)])
        x = keras.layers.Reshape((2, 2, 3))(
            keras.layers.Dense(12, activation="tanh", name="dense")(x)
        )
        self.generator = keras.Model([z, label], x, name="generator")

    truncates = frozenset({Truncation.LATENTS, Truncation.STATISTICS})

    def _generated(self, z, label, truncation, noise):
        images = self.generator([z, label])
        if truncation is None:
            return images
        return images * tf.reshape(tf.clip_by_value(truncation, 0.0, 1.0), [-1, 1, 1, 1])


def test_labels_and_truncated_latents(tmp_path):
    keras.utils.set_random_seed(0)
    gan = Conditional()
    path = export_saved_model(gan, tmp_path / "m")
    metadata = json.loads((path / METADATA).read_text())
    assert (metadata["num_classes"], metadata["default_truncation"]) == (3, 10.0)
    signature = tf.saved_model.load(path).signatures["generate_from_seed"]
    seeds, thresholds = tf.constant([7, 7], tf.int64), tf.constant([0.2, 10.0])
    label = tf.constant([0, 2])
    z = truncated_latents(latents_of_seeds(seeds, 4), thresholds)
    images = signature(seed=seeds, truncation=thresholds, label=label)["images"]
    # It cuts the latents, and the network has its own use of it.
    expected = gan.generator([z, label]) * np.reshape([0.2, 1.0], [2, 1, 1, 1])
    np.testing.assert_allclose(images, expected, atol=1e-6)
    assert np.abs(images[0] - images[1]).max() > 1e-3


@pytest.fixture(scope="module")
def trap(tmp_path_factory):
    """What ``tf.saved_model.save`` makes of a module that holds a Keras model."""

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.generator = holder

        @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, "z")])
        def serve(self, z):
            return {"images": self.generator(z)}

    holder = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    path = tmp_path_factory.mktemp("trap") / "1"
    module = Module()
    tf.saved_model.save(module, path, signatures={"serving_default": module.serve})
    z = np.ones((2, 8), np.float32)
    return path, [Example("serving_default", {"z": z}, {"images": np.asarray(holder(z))})]


class TestVerify:
    def test_the_trap_loads_in_python(self, trap):
        path, (example,) = trap
        outputs = tf.saved_model.load(path).signatures["serving_default"](z=example.inputs["z"])
        np.testing.assert_allclose(outputs["images"], example.outputs["images"], atol=1e-6)

    def test_the_session_loader_finds_the_trap(self, trap):
        with pytest.raises(UserError, match=r"session loader says: .*variable") as error:
            verify_saved_model(*trap)
        assert "\n" not in str(error.value)

    def test_the_cpp_loader_finds_the_trap(self, trap):
        path, examples = trap
        library = verify_module._library()
        assert library is not None
        with pytest.raises(UserError, match=r"C\+\+ loader says: .*variable"):
            verify_module._in_cpp(library, path, verify_module._signatures(path), examples)

    def test_a_difference_is_found(self, stylegan_export):
        path, examples = stylegan_export.path, stylegan_export.examples()
        for example in examples[:2]:
            images = example.outputs["images"].copy()
            images[1, 2, 3, 0] += 2e-4
            wrong = Example(example.signature, example.inputs, {"images": images})
            others = [e for e in examples if e is not example]
            with pytest.raises(UserError, match=f"{example.signature}.* more than 0.0001"):
                verify_saved_model(path, [wrong, *others])
        swapped = examples[2].outputs["images_bytes"][::-1]
        wrong = Example("png", examples[2].inputs, {"images_bytes": swapped})
        with pytest.raises(UserError, match="'png' differs"):
            verify_saved_model(path, [*examples[:2], wrong])
        with pytest.raises(UserError, match="nothing to compare the signature 'png' with"):
            verify_saved_model(path, examples[:2])

    def test_the_cpp_loader_reads_what_it_computes(self, stylegan_export):
        path, examples = stylegan_export.path, stylegan_export.examples(rows=3)
        library = verify_module._library()
        assert library is not None
        outputs_in_cpp = verify_module._in_cpp(
            library, path, verify_module._signatures(path), examples
        )
        for example, outputs in zip(examples[:2], outputs_in_cpp[:2], strict=True):
            np.testing.assert_allclose(outputs["images"], example.outputs["images"], atol=1e-5)
        assert [len(f) for f in outputs_in_cpp[2]["images_bytes"]] == [
            len(f) for f in examples[2].outputs["images_bytes"]
        ]

    def test_a_missing_library_is_reported(self, stylegan_export, monkeypatch):
        monkeypatch.setattr(verify_module, "_library", lambda: None)
        report = verify_saved_model(stylegan_export.path, stylegan_export.examples())
        assert set(report.differences) == {SESSION}
        assert "libtensorflow_cc" in report.not_checked[CPP]

    def test_no_saved_model(self, tmp_path):
        (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer")
        with pytest.raises(UserError, match="holds no SavedModel"):
            verify_saved_model(tmp_path, [])


class TestNothingIsLeftBehind:
    def test_after_a_failed_check(self, tmp_path):
        # No difference, not even none, is below a negative tolerance.
        with pytest.raises(UserError, match="session loader"):
            export_saved_model(tiny("dcgan"), tmp_path / "m", tolerance=-1.0)
        assert not os.listdir(tmp_path)

    def test_after_a_full_disk(self, tmp_path, small_files):
        (tmp_path / "m" / "1").mkdir(parents=True)
        with small_files, pytest.raises((UserError, OSError)):
            export_saved_model(tiny("dcgan"), tmp_path / "m")
        assert os.listdir(tmp_path / "m") == ["1"]

    def test_a_file_is_no_directory(self, tmp_path):
        (tmp_path / "m").write_text("")
        with pytest.raises(UserError, match="is a file"):
            export_saved_model(tiny("dcgan"), tmp_path / "m")
        with pytest.raises(UserError, match="positive"):
            export_saved_model(tiny("dcgan"), tmp_path / "n", version=0)


class TestVersions:
    """Renaming a complete version into its place."""

    @staticmethod
    def complete(directory: Path) -> Path:
        (directory / ".part").mkdir(parents=True)
        (directory / ".part" / "saved_model.pb").write_bytes(b"x")
        return directory / ".part"

    def test_the_next_integer(self, tmp_path):
        for name in ("9", "10", "notes", "11.old", ".12"):
            (tmp_path / name).mkdir()
        assert _publish(self.complete(tmp_path), tmp_path, None) == tmp_path / "11"
        assert (tmp_path / "11" / "saved_model.pb").exists()
        assert _publish(self.complete(tmp_path / "new"), tmp_path / "new", None).name == "1"

    def test_a_version_is_never_replaced(self, gan, tmp_path):
        (tmp_path / "3").mkdir()
        (tmp_path / "3" / "saved_model.pb").write_bytes(b"old")
        with pytest.raises(UserError, match="3 exists"):
            export_saved_model(gan, tmp_path, version=3)
        # Another exporter was faster.
        with pytest.raises(UserError, match="3 exists"):
            _publish(self.complete(tmp_path), tmp_path, 3)
        assert (tmp_path / "3" / "saved_model.pb").read_bytes() == b"old"
