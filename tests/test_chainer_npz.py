"""SNGAN's files as Chainer writes them: what is read, and that damage ends in one clear line."""

from __future__ import annotations

import hashlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tf_fewshot as tff
from tf_fewshot.errors import UserError

from .chainer_sngan import (
    DISCRIMINATOR,
    GENERATOR,
    SMALL,
    arrays_of_both,
    files,
    generator_arrays,
    loaded,
    written,
)


def test_where_the_weights_came_from(tmp_path):
    _, _, gan = loaded(tmp_path)
    sha256 = hashlib.sha256((tmp_path / GENERATOR).read_bytes()).hexdigest()
    assert gan.source_metadata == {
        "name": GENERATOR,
        "sha256": sha256,
        "licence": gan.source_metadata["licence"],
        "discriminator": DISCRIMINATOR,
    }
    assert "MIT" in gan.source_metadata["licence"]


def test_the_discriminator_is_found(tmp_path):
    g, d = arrays_of_both()
    path = files(tmp_path, g, d)
    other = generator_arrays(SMALL["widths"], classes=3, seed=9)
    assert tff.load(path).discriminator is not None
    whole = tff.load(tmp_path)
    assert whole.source_metadata["discriminator"] == DISCRIMINATOR
    assert whole.fingerprint() == tff.load(path).fingerprint()
    # That of another iteration is not its own.
    later = written(tmp_path / "ResNetGenerator_8.npz", other)
    assert tff.load(later).discriminator is None
    with pytest.raises(UserError, match=r"one generator.*ResNetGenerator_7.*ResNetGenerator_8"):
        tff.load(tmp_path)
    with pytest.raises(UserError, match="a discriminator alone"):
        tff.load(tmp_path / DISCRIMINATOR)
    written(tmp_path / "MyDiscriminator_7.npz", d)
    with pytest.raises(UserError, match="several discriminators"):
        tff.load(path)
    # In a folder names do not matter.
    (tmp_path / "two").mkdir()
    written(tmp_path / "two" / "a.npz", d)
    written(tmp_path / "two" / "b.npz", g)
    assert tff.load(tmp_path / "two").source_metadata["discriminator"] == "a.npz"
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="no format that is known"):
        tff.load(tmp_path / "none")


def test_networks_of_two_trainings(tmp_path):
    g, _ = arrays_of_both()
    _, d = arrays_of_both({**SMALL, "classes": 4})
    with pytest.raises(UserError, match=r"judges images of 4 classes.* draws 3"):
        tff.load(files(tmp_path, g, d))


def drop(*names):
    return lambda arrays: [arrays.pop(name) for name in names]


def put(name, value):
    return lambda arrays: arrays.__setitem__(name, value)


class Opens:
    """Leaves a file when it is unpickled."""

    def __reduce__(self):
        return open, ("ran", "w")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("block3/c2/b"), "missing block3/c2/b"),
        (drop("b4/avg_var"), "missing b4/avg_var"),
        (drop("l1/b", "l4/b"), "missing l1/b; missing l4/b"),
        (drop("l4/W"), "does not describe an SNGAN's generator: KeyError 'l4/W'"),
        (put("block9/c2/b", np.zeros(2, "f4")), "unexpected block9/c2/b"),
        (put("l1/W", np.zeros((97, 5), "f4")), r"l1/W of shape \(97, 5\), not \(96, 5\)"),
        (put("block2/c1/W", np.zeros((5, 6, 1, 1), "f4")), r"block2/c1/W of shape"),
        (put("block2/c1/W", np.zeros((0, 6, 3, 3), "f4")), r"of shape"),
        (put("block3/c1/W", np.float32(1)), "does not describe an SNGAN"),
        (put("block2/b1/gammas/W", np.zeros((0, 6), "f4")), "missing block2/b1/beta; missing"),
        (put("block3/c2/b", np.zeros(4, int)), "block3/c2/b of dtype int64"),
        (put("block3/c2/b", np.zeros(4, complex)), "of dtype complex128, not of numbers"),
        (put("block3/c2/b", np.array(["a"] * 4)), "of dtype <U1, not of numbers"),
        (put("block3/c2/b", np.zeros(4, [("a", "f4")])), "not of numbers"),
        (put("block3/c2/b", np.array([Opens()] * 4, object)), "of dtype object, not of numbers"),
        (put("block3/c2/b", np.full(4, np.nan, "f4")), "block3/c2/b with values that are not"),
        (put("block3/c2/b", np.full(4, 1e39)), "block3/c2/b with values that are not finite"),
        (put("b4/avg_var", np.full(4, -1, "f4")), "variances below 0"),
        (put("b4/N", np.zeros(3, int)), r"b4/N of shape \(3,\)"),
    ],
)
def test_generators_that_do_not_fit(change, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    g, _ = arrays_of_both()
    change(g)
    path = files(tmp_path, g)
    with pytest.raises(UserError, match=message) as error:
        tff.load(path)
    assert GENERATOR in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("block3/c2/u"), "missing block3/c2/u"),
        (drop("l_y/u"), "missing l_y/u"),
        (drop("l4/b"), "missing l4/b"),
        (drop("block2/c_sc/W"), "missing block2/c_sc/W"),
        (drop("block2/c1/W", "block2/c1/b"), "missing block2/c1/W; missing block2/c1/b"),
        (put("l4/W", np.zeros((2, 6), "f4")), r"l4/W of shape \(2, 6\), not \(1, 6\)"),
        (put("block1/c1/u", np.zeros((4, 1), "f4")), r"block1/c1/u of shape \(4, 1\)"),
        (put("block1/c1/u", np.full((1, 4), np.inf, "f4")), "not finite"),
        (put("l_y/W", np.zeros(3, "f4")), "l_y/W of shape"),
    ],
)
def test_discriminators_that_do_not_fit(change, message, tmp_path):
    g, d = arrays_of_both()
    change(d)
    with pytest.raises(UserError, match=message) as error:
        tff.load(files(tmp_path, g, d))
    assert f"Move {DISCRIMINATOR} away to read the generator alone" in str(error.value)


def test_floats_of_other_widths_are_read(tmp_path):
    g, d = arrays_of_both()
    half = {k: v.astype(np.float16) if v.dtype == np.float32 else v for k, v in g.items()}
    gan = tff.load(files(tmp_path, half, {k: v.astype(">f8") for k, v in d.items()}))
    bias = gan.variables_by_path()["generator/block2/c1/bias"].numpy()
    np.testing.assert_array_equal(bias, half["block2/c1/b"].astype(np.float32))


def test_pictures_without_counts_of_batches(tmp_path):
    g, _ = arrays_of_both()
    for name in [n for n in g if n.endswith("/N")]:
        del g[name]
    assert tff.load(files(tmp_path, g)).num_classes == 3


def repacked(path, name, content):
    """The file with other bytes as one of its members."""
    with zipfile.ZipFile(path) as old:
        members = {n: old.read(n) for n in old.namelist()}
    members[name] = content
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for member, value in members.items():
            new.writestr(member, value)
    return path


def header_of(shape, version=(1, 0)) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def array_of(value) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # A thousandth of its size in the file.
        (array_of(np.zeros(10**7, "f4")), r"of shape \(10000000,\)"),
        (header_of((4, 10**12)), "not of the size it says"),
        (header_of((10**18,)), "not of the size it says"),
        (header_of((4,)) + bytes(15), "not of the size it says"),
        (b"", "damaged or cut off"),
        (b"\x93NUMPY\x09\x00", "damaged or cut off"),
        (b"not an array at all", "damaged or cut off"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535, "damaged or cut off"),
    ],
)
def test_members_that_lie(content, message, tmp_path):
    path = repacked(files(tmp_path, arrays_of_both()[0]), "l1/b.npy", content)
    assert path.stat().st_size < 10**5
    with pytest.raises(UserError, match=message) as error:
        tff.load(path)
    assert "\n" not in str(error.value)


def test_a_bomb_is_not_unpacked(tmp_path):
    """Three gigabytes as they are declared; the file itself is small."""
    path = files(tmp_path, arrays_of_both()[0])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", array_of(np.zeros(10**6, "f4")))
    content = bytearray(path.read_bytes())
    size = (128 + 4 * 10**6).to_bytes(4, "little")
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, (3 * 2**30).to_bytes(4, "little")))
    with pytest.raises(UserError, match="holds more than 2048 MiB"):
        tff.load(path)


@pytest.mark.parametrize("name", ["l1/b.npy", "readme.txt"])
def test_members_that_should_not_be_there(name, tmp_path):
    path = files(tmp_path, arrays_of_both()[0])
    with zipfile.ZipFile(path, "a") as archive, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        archive.writestr(name, b"twice")
    with pytest.raises(UserError, match="no array or there twice"):
        tff.load(path)


def test_a_tower_of_blocks_is_refused_before_it_is_built(tmp_path):
    g, _ = arrays_of_both()
    for n in range(4, 40):
        for name in [k for k in g if k.startswith("block3/")]:
            g[name.replace("block3", f"block{n}")] = g[name]
    with pytest.raises(UserError, match="it has 38 blocks"):
        tff.load(files(tmp_path, g))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One folder for all examples of a property."""
    return tmp_path_factory.mktemp("sngan")


@pytest.fixture(scope="module")
def whole(place):
    g, d = arrays_of_both({"widths": [2, 2, 2], "judges": [2, 2, 2], "halvings": 2, "classes": 2})
    gan = tff.load(files(place, g, d))
    content = {name: (place / name).read_bytes() for name in (GENERATOR, DISCRIMINATOR)}
    return content, {p: v.numpy() for p, v in gan.variables_by_path().items()}


def outcome(path):
    """What was read, or the one kind of error that reading may end in."""
    try:
        return tff.load(path)
    except UserError as error:
        return error


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_means_the_same(data, place, whole):
    contents, expected = whole
    name = data.draw(st.sampled_from(sorted(contents)))
    damaged = bytearray(contents[name])
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(damaged) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(damaged) - 1))
            damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    for other, content in contents.items():
        (place / other).write_bytes(damaged if other == name else content)
    result = outcome(place / GENERATOR)
    if isinstance(result, UserError):
        assert "\n" not in str(result)
        return
    for path, variable in result.variables_by_path().items():
        np.testing.assert_array_equal(variable.numpy(), expected[path])
