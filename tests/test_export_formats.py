"""Files for other runtimes: these runtimes draw what TensorFlow draws, or there is no file."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tf_fewshot import backbones
from tf_fewshot.adapted import Adapted
from tf_fewshot.backbones import base
from tf_fewshot.errors import UserError
from tf_fewshot.export import FORMATS, Adapter, Exported, Sampling, export, export_file
from tf_fewshot.export.formats import SAVED_MODEL
from tf_fewshot.export.plain_graph import rational_erf

from .conftest import TINY as TINY_16
from .processes import forks

litert = pytest.importorskip("ai_edge_litert.interpreter", reason="needs the extra litert")
onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
pytest.importorskip("tf2onnx", reason="needs the extra onnx")

_SMALL = {"resolution": 8, "channels": [8, 8]}
_BIGGAN = {"resolution": 16, "channels": [8, 8, 8], "class_dim": 4, "num_classes": 3}
TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "dcgan": ("dcgan", TINY_16["dcgan"]),
    "progan": ("progan", TINY_16["progan"]),
    "sngan": ("sngan", {**TINY_16["sngan"], "num_classes": 3}),
    "stylegan": ("stylegan", {**TINY_16["stylegan"], **_SMALL}),
    "stylegan2": ("stylegan2", {**TINY_16["stylegan2"], **_SMALL}),
    "stylegan3": ("stylegan3", {**TINY_16["stylegan3"], "radial": True}),
    # As drawings64: the error function, and sums of rows that a class chooses.
    "choices": (
        "biggan",
        {
            **_BIGGAN,
            "attention": 0,
            "latent_dim": 9,
            "statistics": 3,
            "mapping": [8, 12],
            "choice_slots": [3, 2],
            "choice_quantiles": 2,
            "choice_variants": [[3, 2, 2], [2, 1, 1], [1, 2, 0]],
        },
    ),
    "biggan": ("biggan", {**_BIGGAN, "attention": 8, "latent_dim": 12}),
    "biggan_deep": ("biggan_deep", {**_BIGGAN, "attention": 8, "latent_dim": 8}),
}
# Their operations are those of others, too.
LARGE = ("biggan", "biggan_deep", "progan", "sngan", "stylegan3")


def tiny(name: str = "dcgan") -> base.GAN:
    """A tiny GAN whose pictures are of all levels."""
    keras.utils.set_random_seed(0)
    architecture, config = TINY[name]
    gan, rng = backbones.build(architecture, **config), np.random.default_rng(1)
    for variable in gan.generator.weights:
        if variable.path.split("/")[-1] != "moving_variance":
            variable.assign_add(rng.normal(0, 0.1, variable.shape).astype(np.float32))
    return gan


def drawn(gan: base.GAN, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """What TensorFlow draws, a row at a time, with the truncation of each."""
    truncations = inputs.get("truncation", [None] * len(inputs["z"]))
    rows = [
        gan.generate(
            inputs["z"][i : i + 1],
            inputs["label"][i : i + 1] if "label" in inputs else None,
            truncation,
        )
        for i, truncation in enumerate(truncations)
    ]
    return np.clip(np.concatenate(rows), -1, 1)


def asked(names, gan: base.GAN, rows: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    values = {
        "z": rng.standard_normal((rows, gan.latent_dim), np.float32),
        "truncation": rng.uniform(0.3, 1, rows).astype(np.float32),
        "label": rng.integers(0, max(gan.num_classes, 1), rows).astype(np.int32),
    }
    return {name: values[name] for name in names}


_TYPES = {np.float32: "tensor(float)", np.int32: "tensor(int32)"}


class ByOnnx:
    """A file as a reader of ONNX has it."""

    def __init__(self, path: Path):
        model = onnx.load(str(path))
        self.session = onnxruntime.InferenceSession(str(path))
        self.inputs = {i.name: (i.type, i.shape) for i in self.session.get_inputs()}
        self.description = {p.key: p.value for p in model.metadata_props}["tf_fewshot"]

    def __call__(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        return self.session.run(["images"], inputs)[0]


class ByLiteRT:
    """A file as a reader of LiteRT has it."""

    def __init__(self, path: Path):
        self.runner = litert.Interpreter(model_path=str(path)).get_signature_runner()
        self.inputs = {
            name: (
                _TYPES[detail["dtype"]],
                ["N" if size < 0 else size for size in detail["shape_signature"]],
            )
            for name, detail in self.runner.get_input_details().items()
        }
        with zipfile.ZipFile(path) as archive:
            self.description = archive.read("tf_fewshot.json").decode()

    def __call__(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        return self.runner(**inputs)["images"]


READERS = {"onnx": ByOnnx, "litert": ByLiteRT}
_CASES = [
    pytest.param((name, kind), marks=[pytest.mark.large] * (name in LARGE), id=f"{name}-{kind}")
    for name in TINY
    for kind in READERS
]


@pytest.fixture(scope="module", params=_CASES)
def case(request, tmp_path_factory):
    """A GAN, its adapter, the file that it was exported to, and what reads that."""
    name, kind = request.param
    gan = tiny(name)
    adapter = Adapter(
        method="ewc",
        source="/home/somebody/secret/tiny.npz",
        source_fingerprint=gan.fingerprint(),
        architecture=gan.architecture,
        config_changes={},
        weights={},
        settings={"steps": 5, "encoder": "/home/somebody/secret/encoder.npz"},
        sampling={"truncation": 0.7},
    )
    folder = tmp_path_factory.mktemp("exports") / name
    done = export(gan, folder, kind, adapter=adapter)
    return gan, done, READERS[kind](done.path)


class TestFiles:
    def test_every_size_of_batch_is_what_tensorflow_draws(self, case):
        gan, _, reader = case
        for rows in (3, 1, 5):
            inputs = asked(reader.inputs, gan, rows)
            images = reader(inputs)
            assert images.dtype == np.float32
            np.testing.assert_allclose(images, drawn(gan, inputs), rtol=0, atol=1e-4)
        # Not all black and white, where anything would agree, nor one picture for all.
        assert np.mean(np.abs(images) < 0.99) > 0.1
        assert np.abs(images[0] - images[1]).max() > 1e-3

    def test_inputs_that_do_something_and_no_others(self, case):
        gan, done, reader = case
        expected = {"z": ("tensor(float)", ["N", gan.latent_dim])}
        # A BigGAN has statistics of one truncation only, unless it is told to have others.
        if (
            gan.architecture not in ("dcgan", "progan", "sngan")
            and gan.config.get("statistics") != 1
        ):
            expected["truncation"] = ("tensor(float)", ["N"])
        if gan.num_classes:
            expected["label"] = ("tensor(int32)", ["N"])
        assert reader.inputs == expected
        assert list(done.inputs) == list(expected)
        inputs = asked(reader.inputs, gan, 3)
        images = reader(inputs)
        for name in reader.inputs:
            changed = {**inputs, name: np.roll(inputs[name], 1, axis=0)}
            if name == "label":
                changed[name] = (inputs[name] + 1) % 3
            assert np.abs(reader(changed) - images).max() > 1e-4, name

    def test_it_says_what_it_is(self, case):
        gan, done, reader = case
        says = json.loads(reader.description)
        assert says["outputs"]["images"]["shape"] == ["N", *gan.image_shape]
        assert set(says["inputs"]) == set(reader.inputs)
        assert says["fingerprint"] == gan.fingerprint()
        assert (says["method"], says["source"]) == ("ewc", "tiny.npz")
        assert says["settings"] == {"steps": 5, "encoder": "encoder.npz"}
        assert says["default_truncation"] == 0.7
        assert "somebody" not in reader.description
        if "truncation" in reader.inputs:
            assert says["inputs"]["truncation"]["default"] == 0.7
        text = str(done)
        assert text.splitlines()[0] == str(done.path)
        for name in (*reader.inputs, "images"):
            assert f"put {name}: " in text
        assert set(done.differences) == {1, 3}
        assert max(done.differences.values()) < 1e-4


def test_free_latents_are_exported(tmp_path):
    gan = tiny("stylegan2")
    done = export_file(gan, tmp_path / "free", "onnx", sampling=Sampling("free", 0.4))
    reader = ByOnnx(done.path)
    assert reader.inputs == {"z": ("tensor(float)", ["N", gan.free_latent_dim])}
    assert "beyond 0.4" in done.inputs["z"].about
    free = np.random.default_rng(0).standard_normal((2, gan.free_latent_dim), np.float32)
    expected = np.clip(gan.synthesize(free), -1, 1)
    np.testing.assert_allclose(reader({"z": free}), expected, rtol=0, atol=1e-4)
    with pytest.raises(UserError, match="free latents"):
        export_file(gan, tmp_path / "k", "keras", sampling=Sampling("free"))


def test_a_keras_file_is_the_generator(tmp_path):
    gan = tiny("sngan")
    path = Adapted(gan, _adapter(gan)).export(tmp_path / "k", format="keras")
    assert path == tmp_path / "k" / "k.keras"
    inputs = asked(("z", "label"), gan, 2)
    model: Any = keras.models.load_model(path)
    np.testing.assert_array_equal(
        model(inputs["z"], inputs["label"]), gan.generator(inputs["z"], inputs["label"])
    )
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("tf_fewshot.json"))["architecture"] == "sngan"


def _adapter(gan: base.GAN) -> Adapter:
    return Adapter("ewc", "tiny", gan.fingerprint(), gan.architecture, {}, {}, {}, {})


class Unknown(base.GAN):
    """A generator with an operation that neither format has."""

    architecture = "unknown"
    latent_dim = 4
    image_shape = (2, 2, 3)
    num_classes = 0
    generator_stages = discriminator_stages = lambda self: []

    def __init__(self, **config):
        super().__init__(**config)
        self.generator = lambda z, label=None: tf.reshape(
            tf.tile(tf.math.digamma(2.0 + z * z), [1, 3]), [-1, 2, 2, 3]
        )

    def with_precision(self, dtype):
        return self

    def fingerprint(self, network="generator"):
        return ""


class TestNothingIsLeftBehind:
    @pytest.mark.parametrize("kind", sorted(READERS))
    def test_of_an_operation_that_the_format_lacks(self, kind, tmp_path):
        with pytest.raises(UserError, match="no operation for Digamma") as error:
            export_file(Unknown(), tmp_path / "m", kind)
        assert "\n" not in str(error.value)
        assert not os.listdir(tmp_path)

    def test_of_a_file_that_draws_something_else(self, tmp_path):
        gan = tiny()
        before = export_file(gan, tmp_path / "m", "keras").path.read_bytes()
        # No difference, not even none, is below a negative tolerance.
        with pytest.raises(UserError, match=r"Keras says: images differ.*Nothing was written"):
            export_file(gan, tmp_path / "m", "keras", tolerance=-1.0)
        assert (tmp_path / "m" / "m.keras").read_bytes() == before
        with pytest.raises(UserError, match="images differ"):
            export_file(gan, tmp_path / "n", "keras", tolerance=-1.0)
        assert os.listdir(tmp_path) == ["m"]
        assert sorted(os.listdir(tmp_path / "m")) == ["README.md", "m.keras", "samples.png"]

    def test_of_pixels_that_are_no_numbers(self, tmp_path):
        gan = tiny()
        gan.generator.weights[0].assign(np.full(gan.generator.weights[0].shape, np.nan))
        with pytest.raises(UserError, match="not finite"):
            export_file(gan, tmp_path / "m", "onnx")
        assert not os.listdir(tmp_path)


def test_what_cannot_be_asked_for(tmp_path, monkeypatch):
    gan = tiny()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"leave '\.onnx' out"):
        export(gan, tmp_path / "m.onnx", "onnx")
    with pytest.raises(UserError, match="is a file"):
        export(gan, tmp_path / "file", "onnx")
    with pytest.raises(UserError, match=r"Unknown format 'tflit'\. Did you mean"):
        export(gan, tmp_path / "m", "tflit")
    with pytest.raises(UserError, match="leave the version out"):
        export(gan, tmp_path / "m", "onnx", version=2)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"onnxruntime.*'tf-fewshot\[onnx\]'"):
        export(gan, tmp_path / "m", "onnx")
    assert os.listdir(tmp_path) == ["file"]


def test_a_saved_model_has_its_version(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "tf_fewshot.export.formats.export_saved_model", lambda *a, version, **k: Path(str(version))
    )
    assert export(tiny(), tmp_path, version=3) == Exported(Path("3"))


def test_the_error_function_of_sums_and_products():
    x = np.concatenate([np.linspace(-6, 6, 200_001), [0.0, 1e-30, -1e-30, 1e30]]).astype("float32")
    exact = scipy.special.erf(x.astype(np.float64))
    np.testing.assert_allclose(rational_erf(tf.constant(x)), exact, rtol=0, atol=5e-7)


def test_the_command_line(tmp_path):
    from tf_fewshot import weights

    weights.save_gan(tiny(), tmp_path / "tiny.npz")
    call = ("export", "--source=tiny.npz", "--format=keras", "--out=exports/mine")
    done = forks().command(*call, cwd=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "exports/mine/mine.keras"
    assert "input z: float32 [N, 8]" in done.stdout
    made = sorted(os.listdir(tmp_path / "exports" / "mine"))
    assert made == ["README.md", "mine.keras", "samples.png"]
    done = forks().command(*call, "--version=2", cwd=tmp_path)
    assert done.code == 2
    assert "leave the version out" in done.error
    # A process of its own: two tools that define one flag are not imported into one.
    known = "from tf_fewshot.tools import export; print(export.FORMATS)"
    done = forks().python(known, cwd=tmp_path)
    assert done.stdout.strip() == str((SAVED_MODEL, *FORMATS)), done.stderr
