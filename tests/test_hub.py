"""TF-Hub modules of BigGAN against the modules themselves, run by tensorflow-hub."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow.core.protobuf import saved_model_pb2

import tf_fewshot as tff
from tests.hub_modules import UNITS, Size, write_module, write_variant
from tf_fewshot.errors import UserError
from tf_fewshot.weights import PRESETS
from tf_fewshot.weights.hub import archive as hub_archive
from tf_fewshot.weights.hub import modules as hub
from tf_fewshot.weights.hub.graph_spectral import spectral_form

TRUNCATIONS = (1.0, 0.98, 0.94, 0.58, 0.57, 0.5, 0.28, 0.14, 0.133, 0.031, 0.02)


def oracle(path: Path):
    """What tensorflow-hub computes of the module: ``(z, labels, truncation)`` to images."""
    import tensorflow_hub

    module = tensorflow_hub.load(str(path))

    def images(z, labels, truncation):
        run = module.signatures["default"]
        y = tf.one_hot(labels, run.structured_input_signature[1]["y"].shape[1])
        return run(z=tf.constant(z), y=y, truncation=tf.constant(truncation))["default"].numpy()

    images.module = module
    return images


@pytest.fixture(scope="module")
def modules(tmp_path_factory) -> dict[bool, Path]:
    """A small module of each architecture, BigGAN-deep's under True."""
    folder = tmp_path_factory.mktemp("modules")
    return {deep: write_module(folder / f"biggan-{deep}", deep) for deep in (False, True)}


@pytest.mark.parametrize("deep", [False, True], ids=["biggan", "deep"])
def test_the_generator_computes_what_the_module_computes(deep, modules):
    gan, module = tff.load(modules[deep]), oracle(modules[deep])
    assert gan.architecture == ("biggan_deep" if deep else "biggan")
    z, labels = gan.sample_latents(4, seed=1), np.array([3, 0, 1, 3])
    seen = []
    for truncation in TRUNCATIONS:
        expected = module(z, labels, truncation)
        assert 0.2 < expected.std() < 0.9
        images = np.asarray(gan.generate(z, labels, truncation=truncation))
        np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4)
        seen.append(images)
    np.testing.assert_array_equal(gan.generate(z, labels), seen[0])
    # Only BigGAN-deep knows the statistics of each truncation.
    assert (np.abs(seen[0] - seen[5]).max() > 0.1) == deep
    for i in range(4):
        rows = np.array(TRUNCATIONS, np.float32)[4 * np.arange(4) % 11][:, None]
        together = gan.generate(z, labels, truncation=rows)
        alone = seen[4 * i % 11][i]
        np.testing.assert_allclose(together[i], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("deep", "options"),
    [
        (False, {"scope": "module/", "averages": False, "size": Size([16, 16, 16, 8], 8, 2, 3, 4)}),
        pytest.param(
            True,
            {"resource": False, "pack": True, "size": Size([16, 8, 8, 8], 8, 3, 3, 5, 5)},
            marks=pytest.mark.large,
        ),
    ],
    ids=["scope and no averages", "references and tables stacked when run"],
)
def test_other_forms_of_a_module(deep, options, tmp_path):
    path = write_module(tmp_path / "module", deep, **options)
    gan, module = tff.load(path), oracle(path)
    z, labels = gan.sample_latents(2, seed=1), np.array([2, 1])
    for truncation in (1.0, 0.43):
        images = gan.generate(z, labels, truncation=truncation)
        np.testing.assert_allclose(images, module(z, labels, truncation), rtol=0, atol=1e-4)
    size = options["size"]
    assert gan.config["channels"] == size.channels
    # Which of the maps of as many channels it is, only the graph tells.
    assert gan.config["attention"] == size.attention
    assert gan.config["statistics"] == (size.rows if deep else 1)


FORMS = {
    "inside": ("inside", 1e-3),
    "inside, divided": ("inside", 1e-3),
    "outside": ("outside", 1e-3),
    "least": ("least", 1e-3),
    "least, squared": ("least", 1e-3),
    "plain": ("outside", 1e-12),
    "plain, inverse": ("outside", 1e-12),
}
TINY = Size([8, 8, 4], attention=8, chunk=2, classes=2, class_dim=3, rows=3)


@pytest.mark.parametrize("form", UNITS)
@pytest.mark.parametrize("resource", [True, False])
def test_the_graph_says_where_the_epsilon_stands(form, resource):
    with tf.Graph().as_default() as graph:
        v1, zeros = tf.compat.v1, tf.zeros_initializer()
        u, w = (
            v1.get_variable(f"conv/{name}", shape, tf.float32, zeros, use_resource=resource)
            for name, shape in (("u0", (1, 3)), ("w", (4, 3)))
        )
        # What else is divided by a root is no power step.
        tf.math.rsqrt(tf.reduce_sum(tf.square(w)) + 0.5, name="other")
        v = UNITS[form](tf.matmul(u, w, transpose_b=True), 1e-3)
        UNITS[form](tf.matmul(v, w), 1e-3)
    nodes = {node.name: node for node in graph.as_graph_def().node}
    assert spectral_form(nodes) == FORMS[form]
    assert spectral_form({n: v for n, v in nodes.items() if "u0" not in n}) is None


@pytest.mark.parametrize("form", ["outside", "least"])
def test_the_form_of_the_graph_draws_the_pictures(form, tmp_path):
    # At kernels so small that every form draws another picture.
    options = {"size": TINY, "form": form, "epsilon": 1e-3, "kernels": 2e-3}
    path = write_module(tmp_path / "module", deep=form == "least", **options)
    gan, module = tff.load(path), oracle(path)
    assert (gan.config["spectral_form"], gan.config["spectral_epsilon"]) == FORMS[form]
    z, labels = gan.sample_latents(2, seed=1), np.array([0, 1])
    images = np.asarray(gan.generate(z, labels, truncation=1.0))
    np.testing.assert_allclose(images, module(z, labels, 1.0), rtol=0, atol=1e-4)
    if form == "outside":
        other = type(gan)(**{**gan.config, "spectral_form": "inside"})
        for mine, theirs in zip(other.generator.weights, gan.generator.weights, strict=True):
            mine.assign(theirs)
        assert np.abs(np.asarray(other.generate(z, labels)) - images).max() > 0.05


def test_a_graph_of_two_forms_is_said(tmp_path):
    path = write_module(tmp_path / "module", size=TINY)
    other = write_module(tmp_path / "other", size=TINY, form="outside")
    models = [
        saved_model_pb2.SavedModel.FromString((p / "saved_model.pb").read_bytes())
        for p in (path, other)
    ]
    for node in models[1].meta_graphs[0].graph_def.node:
        node.name = f"again/{node.name}"
        node.input[:] = [f"again/{name}" for name in node.input if name[:1] != "^"]
        models[0].meta_graphs[0].graph_def.node.add().CopyFrom(node)
    (path / "saved_model.pb").write_bytes(models[0].SerializeToString())
    with pytest.raises(UserError, match=r"several forms \(inside \(0.0001\), outside \(0.0001\)"):
        tff.load(path)
    # Where there is none to be seen, they are as the released modules have them.
    (path / "saved_model.pb").unlink()
    assert tff.load(path).config["spectral_form"] == "inside"


def test_what_is_known_of_a_module(modules, capsys):
    gan = tff.load(modules[False])
    assert gan.discriminator is None
    assert (gan.latent_dim, gan.num_classes, gan.image_shape) == (12, 5, (32, 32, 3))
    metadata = gan.source_metadata
    assert metadata["name"] == "biggan-False"
    assert "Apache" in metadata["licence"]
    assert len(metadata["sha256"]) == 64
    # Its statistics are of one truncation, where the original has those of each.
    assert "those that are stored, of truncation 0.5, serve" in capsys.readouterr().err
    # The graph is not needed where all the weights are variables.
    assert tff.load(str(modules[False])).source_metadata == metadata


# What does not fit -----------------------------------------------------------------------------

CONV = "Generator/GBlock_1/conv0"
AVERAGE = "/ema_b999900"


@pytest.mark.parametrize(
    ("deep", "options", "message"),
    [
        (False, {"drop": [f"{CONV}/b{AVERAGE}"]}, f"missing {CONV}/b{AVERAGE}"),
        (False, {"drop": [f"{CONV}/u0"]}, f"missing {CONV}/u0"),
        (False, {"drop": [f"linear/w{AVERAGE}"]}, f"lacks the variable linear/w{AVERAGE}"),
        (
            False,
            {"drop": ["Generator/GBlock/CrossReplicaBN_1/accumulated_var"]},
            "missing Generator/GBlock/CrossReplicaBN_1/accumulated_var",
        ),
        (False, {"put": {f"{CONV}/extra": np.zeros(2)}}, f"unexpected {CONV}/extra"),
        (False, {"put": {"Other/u1": np.zeros(2)}}, "unexpected Other/u1"),
        (False, {"put": {"table": np.zeros(2)}}, "unexpected table"),
        (
            False,
            {"put": {f"{CONV}/b{AVERAGE}": np.zeros(7)}},
            rf"{CONV}/b{AVERAGE} of shape \(7,\), not \(8,\)",
        ),
        (False, {"put": {f"linear/w{AVERAGE}": np.zeros(7)}}, "none of a BigGAN"),
        (False, {"put": {f"{CONV}/b{AVERAGE}": np.full(8, np.nan)}}, "not finite"),
        (False, {"put": {f"{CONV}/b{AVERAGE}": np.zeros(8, bool)}}, "not finite"),
        (
            False,
            {"put": {f"Generator/attention/theta/w{AVERAGE}": np.zeros((1, 1, 5, 2))}},
            "attends to a map of 5 channels",
        ),
        (True, {"drop": ["Generator/GBlock_2/BatchNorm_3/scale/u0"]}, "BatchNorm_3/scale/u0"),
        (True, {"drop": ["Generator/GBlock_3/conv0/w/ema_0.9999"]}, "it has 3 blocks"),
    ],
)
def test_what_does_not_fit_is_said(deep, options, message, modules, tmp_path):
    path = write_variant(tmp_path / "module", modules[deep], **options)
    with pytest.raises(UserError, match=message) as error:
        tff.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_large_numbers_are_finite_ones(modules, tmp_path):
    large = np.full(8, 1e30, np.float32)  # The squares of which are not.
    put = {f"{CONV}/b{AVERAGE}": large}
    gan = tff.load(write_variant(tmp_path / "module", modules[False], put=put))
    biases = [v.numpy() for v in gan.generator.weights if v.shape == (8,)]
    assert any(np.array_equal(bias, large) for bias in biases)


def test_statistics_that_are_missing_are_said(modules, tmp_path):
    def changed(change):
        path = shutil.copytree(modules[True], tmp_path / "module", dirs_exist_ok=True)
        model = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        nodes = model.meta_graphs[0].graph_def.node
        change({node.name: node for node in nodes})
        (path / "saved_model.pb").write_bytes(model.SerializeToString())
        return path

    def rename(nodes):
        nodes["stack_13"].name = "other"

    def cut(nodes):
        tensor = tf.make_ndarray(nodes["stack_13"].attr["value"].tensor)
        nodes["stack_13"].attr["value"].tensor.CopyFrom(tf.make_tensor_proto(tensor[:50]))

    def poison(nodes):
        tensor = tf.make_ndarray(nodes["stack_13"].attr["value"].tensor)
        nodes["stack_13"].attr["value"].tensor.CopyFrom(tf.make_tensor_proto(tensor * np.nan))

    def swell(nodes):
        del nodes["stack_13"].attr["value"].tensor.tensor_shape.dim[:]
        for size in (51, 2**40):
            nodes["stack_13"].attr["value"].tensor.tensor_shape.dim.add().size = size

    for change, message in (
        (rename, "missing stack_13"),
        (cut, r"stack_13 of shape \(50, 4\), not \(51, 4\)"),
        (poison, "stack_13 with values that are not finite"),
        (swell, "missing stack_13"),
    ):
        with pytest.raises(UserError, match=message):
            tff.load(changed(change))
    (tmp_path / "module" / "saved_model.pb").unlink()
    with pytest.raises(UserError, match="missing stack_1;"):
        tff.load(tmp_path / "module")


def test_tables_are_found_in_any_scope(modules, tmp_path):
    path = shutil.copytree(modules[True], tmp_path / "module")
    model = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    nodes = {node.name: node for node in model.meta_graphs[0].graph_def.node}
    tables = [node for name, node in nodes.items() if name.startswith("stack_")]
    for node in tables:
        node.name = f"module_apply_default/cond/{node.name}"
    other = model.meta_graphs[0].graph_def.node.add()
    other.CopyFrom(next(node for node in tables if node.op == "Const"))
    other.name = "stack_1"
    (path / "saved_model.pb").write_bytes(model.SerializeToString())
    assert tff.load(path).fingerprint() == tff.load(modules[True]).fingerprint()


def test_a_saved_model_of_something_else_is_said(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(UserError, match="no variables of a BigGAN"):
        tff.load(tmp_path / "other")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="in no format that is known"):
        tff.load(tmp_path / "empty")
    (tmp_path / "empty" / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(UserError, match="holds no graph"):
        tff.load(tmp_path / "empty")


ENDINGS = ("index", "data-00000-of-00001")


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_ends_in_one_clear_error_or_in_finite_weights(data, modules, tmp_path):
    path = shutil.copytree(modules[True], tmp_path / "module", dirs_exist_ok=True)
    name = data.draw(
        st.sampled_from(["saved_model.pb", *(f"variables/variables.{e}" for e in ENDINGS)])
    )
    whole = bytearray((path / name).read_bytes())
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (path / name).write_bytes(whole)
    # Any other error fails the test.
    with contextlib.suppress(UserError):
        assert np.isfinite(tff.load(path).generator.class_weight.numpy()).all()


# Archives --------------------------------------------------------------------------------------


def packed(path: Path, module: Path, top: str = "", extra: tuple = ()) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in extra:
            archive.addfile(member, io.BytesIO(content))
        archive.add(module, arcname=top or ".")
    return path


@pytest.mark.parametrize("top", ["", "biggan-128_2"])
def test_an_archive_is_read_as_its_folder(top, modules, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    path = packed(tmp_path / "module.tar.gz", modules[True], top)
    gan, same = tff.load(path), tff.load(modules[True])
    assert gan.fingerprint() == same.fingerprint()
    assert gan.source_metadata["name"] == "module.tar.gz"
    assert gan.source_metadata["sha256"] == hub.sha256_of(path)
    assert not list((tmp_path / "temporary").iterdir())


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = ""):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, link
    return info


HOSTILE = [
    (member("../evil", size=4), "leads out of it"),
    (member("variables/../../evil", size=4), "leads out of it"),
    (member("/evil", size=4), "leads out of it"),
    (member("variables", tarfile.SYMTYPE, link="/"), "link, a device"),
    (member("saved_model.pb", tarfile.SYMTYPE, link="/etc/passwd"), "link, a device"),
    (member("saved_model.pb", tarfile.LNKTYPE, link="/etc/passwd"), "link, a device"),
    (member("saved_model.pb", tarfile.CHRTYPE), "link, a device"),
    (member("saved_model.pb", tarfile.FIFOTYPE), "link, a device"),
    (member("saved_model.pb", size=4), "twice"),
    (member("other/saved_model.pb", size=4), "more modules than one"),
    (member("assets/large", size=2_000_000), "more than"),
]


@pytest.mark.parametrize(("info", "message"), HOSTILE, ids=lambda v: getattr(v, "name", ""))
def test_hostile_archives_are_refused(info, message, modules, tmp_path, monkeypatch):
    monkeypatch.setattr(hub_archive, "_MOST_BYTES", 10**6)
    before = {p for p in tmp_path.parent.rglob("*") if p.is_file()}
    path = packed(tmp_path / "m.tar.gz", modules[False], extra=((info, b"evil" * 500_000),))
    with pytest.raises(UserError, match=message) as error:
        tff.load(path)
    assert str(path) in str(error.value)
    assert {p for p in tmp_path.parent.rglob("*") if p.is_file()} == before | {path}


def test_headers_of_gigabytes_are_not_read(modules, tmp_path):
    header = member("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=2**32)
    path = tmp_path / "m.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.fileobj.write(header.tobuf())
    with pytest.raises(UserError, match="a header of 4294967296 bytes"):
        tff.load(path)


def test_cut_archives_are_said(modules, tmp_path):
    whole = packed(tmp_path / "m.tar.gz", modules[False]).read_bytes()
    for length in (len(whole) // 3, len(whole) - 9):
        (tmp_path / "m.tar.gz").write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"m\.tar\.gz is (damaged|no module of a BigGAN)"):
            tff.load(tmp_path / "m.tar.gz")


def test_the_damaged_variable_is_named(modules, tmp_path):
    path = tmp_path / "module"
    shutil.copytree(modules[False], path)
    data = next((path / "variables").glob("variables.data-*"))
    content = np.frombuffer(data.read_bytes(), np.uint8).copy()
    content[::1000] ^= 1
    data.write_bytes(content.tobytes())
    with pytest.raises(UserError, match=r"can be read: [\w/.]+ is damaged \(TensorBundle"):
        tff.load(path)


# Handles ---------------------------------------------------------------------------------------


@pytest.fixture
def asked(modules, monkeypatch) -> list[str]:
    """The handles that tensorflow-hub is asked for; it has a module of each architecture."""
    import tensorflow_hub

    handles = []

    def resolve(handle):
        handles.append(handle)
        return str(modules["deep" in handle])

    monkeypatch.setattr(tensorflow_hub, "resolve", resolve)
    hub._show_licence.cache_clear()
    return handles


@pytest.mark.parametrize(
    ("handle", "url"),
    [
        ("https://tfhub.dev/deepmind/biggan-256/2", "https://tfhub.dev/deepmind/biggan-256/2"),
        ("deepmind/biggan-deep-128/1", "https://tfhub.dev/deepmind/biggan-deep-128/1"),
        ("deepmind/biggan-512", "https://tfhub.dev/deepmind/biggan-512/2"),
    ],
)
def test_handles_are_resolved_by_tensorflow_hub(handle, url, asked, capsys):
    gan = tff.load(handle)
    assert asked == [url]
    assert gan.architecture == ("biggan_deep" if "deep" in url else "biggan")
    assert gan.source_metadata["name"] == handle
    assert capsys.readouterr().err.count("Apache 2.0") == 1
    tff.load(handle)
    assert "Apache" not in capsys.readouterr().err


def test_a_handle_without_internet_is_said(monkeypatch):
    import tensorflow_hub

    def resolve(handle):
        raise OSError("no route\nto host")

    monkeypatch.setattr(tensorflow_hub, "resolve", resolve)
    with pytest.raises(UserError, match=r"Cannot bring .*biggan-256/2 .no route.*compressed") as e:
        tff.load("https://tfhub.dev/deepmind/biggan-256/2")
    assert "\n" not in str(e.value)


def test_presets_are_handles(asked, monkeypatch):
    names = [f"biggan{deep}-{size}" for deep in ("", "-deep") for size in (128, 256, 512)]
    assert set(names) <= set(PRESETS)
    for name in names:
        assert PRESETS[name].where.handle.startswith(f"https://tfhub.dev/deepmind/{name}/")
        assert "Apache" in PRESETS[name].licence
    # The module in its place is a small one.
    with pytest.raises(UserError, match="is not the biggan_deep it should be"):
        tff.load("biggan-deep-256")
    small = dataclasses.replace(PRESETS["biggan-deep-256"], config={"resolution": 16})
    monkeypatch.setitem(PRESETS, "biggan-deep-256", small)
    gan = tff.load("biggan-deep-256")
    assert gan.source_metadata["name"] == "biggan-deep-256"
    assert asked[-1] == "https://tfhub.dev/deepmind/biggan-deep-256/1"


# Full size -------------------------------------------------------------------------------------


@pytest.mark.large
@pytest.mark.parametrize(
    ("deep", "channels", "attention", "chunk"),
    [
        (False, [1536, 1536, 768, 768, 384, 192, 96], 128, 20),
        (True, [2048, 2048, 1024, 512, 256, 128], 64, 128),
    ],
    ids=["biggan-256", "biggan-deep-128"],
)
def test_full_size(deep, channels, attention, chunk, tmp_path):
    size = Size(channels, attention, chunk, classes=1000, class_dim=128)
    path = write_module(tmp_path / "module", deep, size)
    gan = tff.load(path)
    z, labels = gan.sample_latents(1, seed=1), np.array([7])
    expected = oracle(path)(z, labels, 0.5)
    images = gan.generate(z, labels, truncation=0.5)
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4)
