"""Pictures of every kind that people have, batches, augmentation and grids."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tf_fewshot.data import (
    Batches,
    Pictures,
    avatars,
    batch_indices,
    image_grid,
    load_pictures,
    save_png,
)
from tf_fewshot.data.augment import random_flip, to_float, to_uint8
from tf_fewshot.errors import UserError


def noise(height=32, width=32, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def encoded(array, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    """A folder with two good pictures, b.png and c.png."""
    path = tmp_path / "pictures"
    path.mkdir()
    for i, name in enumerate(("b.png", "c.png")):
        Image.fromarray(noise(seed=i)).save(path / name)
    return path


# Where pictures come from ---------------------------------------------------------


def test_folder_keeps_bits_and_sorts_by_name(folder):
    (folder / "a").mkdir()
    Image.fromarray(noise(seed=7)).save(folder / "a" / "z.png")
    pictures = load_pictures(folder, 32)
    assert pictures.names == ["a/z.png", "b.png", "c.png"]
    np.testing.assert_array_equal(pictures.images, [noise(seed=7), noise(seed=0), noise(seed=1)])
    assert pictures.images.dtype == np.uint8
    assert pictures.labels is None
    assert pictures.notes == []
    assert pictures.source == str(folder)


def test_sub_folders_are_classes_if_every_picture_is_in_one(tmp_path):
    place = tmp_path / "pictures" / "all"
    for i, name in enumerate(("dog/a.png", "cat/b.png", "dog/old/c.png")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(seed=i)).save(place / name)
    zipped = tmp_path / "pictures.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for file in sorted(place.rglob("*.png")):
            archive.write(file, file.relative_to(tmp_path))
    # A folder that holds all of them is none.
    for path in (place, place.parent, zipped):
        pictures = load_pictures(path, 32)
        assert [name[-5:] for name in pictures.names] == ["b.png", "a.png", "c.png"]
        assert pictures.labels.tolist() == [0, 1, 1]
    assert load_pictures(place / "dog", 32).labels is None
    assert pictures.num_classes == 2
    assert pictures.with_classes(False).labels is None
    apart = Pictures(pictures.images, labels=[9, 3, 9])
    assert apart.with_classes(True).labels.tolist() == [1, 0, 1]


def test_missing_folder(tmp_path):
    with pytest.raises(UserError, match=r"There is no .*nowhere"):
        load_pictures(tmp_path / "nowhere", 32)


def test_empty_folder(tmp_path):
    with pytest.raises(UserError, match="no pictures in"):
        load_pictures(tmp_path, 32)


def test_folder_of_hidden_files_only(tmp_path):
    (tmp_path / ".a.png").write_bytes(encoded(noise()))
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "b.png").write_bytes(encoded(noise()))
    with pytest.raises(UserError, match="no pictures in"):
        load_pictures(tmp_path, 32)


def test_other_files_are_ignored_and_named(folder):
    (folder / "readme.txt").write_text("hello")
    (folder / ".DS_Store").write_bytes(b"\0")
    pictures = load_pictures(folder, 32)
    assert len(pictures) == 2
    assert pictures.notes == ["1 file that is no picture was ignored: readme.txt"]


def test_folder_of_other_files_only(tmp_path):
    (tmp_path / "phone.heic").write_bytes(b"\0")
    with pytest.raises(UserError, match=r"no pictures in .*phone\.heic"):
        load_pictures(tmp_path, 32)


def test_file_of_another_kind(tmp_path):
    path = tmp_path / "a.tar"
    tarfile.open(path, "w").close()
    with pytest.raises(UserError, match="is no source of pictures"):
        load_pictures(path, 32)


def test_single_picture(folder):
    assert load_pictures(folder / "b.png", 32).names == ["b.png"]


def test_zip(tmp_path):
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b.png", encoded(noise(seed=1)))
        archive.writestr("sub/a.png", encoded(noise(seed=2)))
        archive.writestr("__MACOSX/._b.png", b"resource fork")
    pictures = load_pictures(path, 32)
    assert pictures.names == ["b.png", "sub/a.png"]
    np.testing.assert_array_equal(pictures.images, [noise(seed=1), noise(seed=2)])


def test_zip_does_not_leave_its_place(tmp_path):
    path = tmp_path / "in" / "evil.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../out.png", encoded(noise()))
        archive.writestr("good.png", encoded(noise()))
    pictures = load_pictures(path, 32)
    assert pictures.names == ["good.png"]
    assert "../out.png" in pictures.notes[0]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["evil.zip", "in"]


def test_zip_that_is_none(tmp_path):
    path = tmp_path / "page.zip"
    path.write_text("<html>Quota exceeded</html>")
    with pytest.raises(UserError, match="cannot be read as a zip"):
        load_pictures(path, 32)


def test_zip_with_damaged_member(tmp_path):
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", encoded(noise()))
        archive.writestr("b.png", encoded(noise(seed=3)))
    data = bytearray(path.read_bytes())
    data[500] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.png in .*corrupt"):
        load_pictures(path, 32)
    assert load_pictures(path, 32, on_error="skip").names == ["b.png"]


def test_zip_member_that_unpacks_to_too_much(tmp_path, monkeypatch):
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(100_000))
    monkeypatch.setattr("tf_fewshot.data.sources.zips.MAX_FILE_BYTES", 10_000)
    with pytest.raises(UserError, match=r"bomb\.png .* 100,000 bytes, too many"):
        load_pictures(path, 32)


def write_tfrecord(path, features, **options):
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(**options)) as writer:
        for feature in features:
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())


def feature(data, label=None):
    result = {"image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))}
    if label is not None:
        labels = tf.train.Int64List(value=[label])
        result["image/class/label"] = tf.train.Feature(int64_list=labels)
    return result


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_tfrecord_with_labels(tmp_path, compression):
    path = tmp_path / "train.tfrecord-00000-of-00001"
    features = [feature(encoded(noise(seed=i)), label=i * 3) for i in range(3)]
    write_tfrecord(path, features, compression_type=compression)
    pictures = load_pictures(path, 32)
    np.testing.assert_array_equal(pictures.images, [noise(seed=i) for i in range(3)])
    assert pictures.labels.tolist() == [0, 3, 6]
    assert pictures.labels.dtype == np.int32


def test_tfrecord_with_some_labels(tmp_path):
    path = tmp_path / "a.tfrecord"
    write_tfrecord(path, [feature(encoded(noise()), 1), feature(encoded(noise()))])
    pictures = load_pictures(path, 32)
    assert pictures.labels is None
    assert "no label" in pictures.notes[0]


def test_tfrecord_that_is_damaged(tmp_path):
    path = tmp_path / "a.tfrecord"
    write_tfrecord(path, [feature(encoded(noise()))])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be read as TFRecord"):
        load_pictures(path, 32)


def test_tfrecord_of_other_records(tmp_path):
    path = tmp_path / "a.tfrecord"
    write_tfrecord(path, [{"text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x"]))}])
    with pytest.raises(UserError, match=r"has no image/encoded.*it has: text"):
        load_pictures(path, 32)
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"\xff\xff\xff")
    with pytest.raises(UserError, match=r"corrupt, or no tf\.train\.Examples"):
        load_pictures(path, 32)


def test_npz_and_npy(tmp_path):
    images = np.stack([noise(seed=i) for i in range(3)])
    np.savez(tmp_path / "a.npz", images=images, labels=[2, 1, 0])
    np.save(tmp_path / "a.npy", images)
    pictures = load_pictures(tmp_path / "a.npz", 32)
    np.testing.assert_array_equal(pictures.images, images)
    assert pictures.labels.tolist() == [2, 1, 0]
    assert load_pictures(tmp_path / "a.npy", 32).fingerprint() == pictures.fingerprint()


@pytest.mark.parametrize("shape", [(2, 32, 32), (2, 32, 32, 1)])
def test_grey_npy(tmp_path, shape):
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.save(tmp_path / "a.npy", values)
    expected = np.broadcast_to(values.reshape(2, 32, 32, 1), (2, 32, 32, 3))
    np.testing.assert_array_equal(load_pictures(tmp_path / "a.npy", 32).images, expected)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 32, 32, 3), np.float32), "holds float32"),
        (np.zeros((2, 32), np.uint8), r"holds uint8 \[2, 32\]"),
        (np.array([{"a": 1}], dtype=object), "cannot be read as a NumPy array"),
    ],
)
def test_npy_of_something_else(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=message):
        load_pictures(tmp_path / "a.npy", 32)


@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_damaged_arrays(tmp_path, suffix, damage):
    path = tmp_path / f"a.{suffix}"
    save = np.savez if suffix == "npz" else np.save
    save(path, noise()[None])
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-100], "empty": b"", "text": b"<html>"}[damage])
    with pytest.raises(UserError, match=rf"a\.{suffix} cannot be read as a NumPy array"):
        load_pictures(path, 32)


def test_npz_of_many_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", train=noise()[None], test=noise()[None])
    with pytest.raises(UserError, match="has the arrays train, test: name that"):
        load_pictures(tmp_path / "a.npz", 32)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "needs the package tensorflow_datasets, .+ install tensorflow-datasets importlib-"),
        # As release 4.9.10 does; what a data set needs itself is named alone.
        ("import importlib_resources", "needs the package importlib_resources, .+: pip install t"),
        ("import nothing_of_that_name.x", "pip install nothing_of_that_name\\.$"),
        (
            "raise ValueError('No such data set\\nmore')",
            "cannot give cifar10 train.+: No such d",
        ),
    ],
)
def test_tfds_that_cannot_give_anything(tmp_path, monkeypatch, content, message):
    monkeypatch.setitem(sys.modules, "importlib_resources", None)
    monkeypatch.delitem(sys.modules, "tensorflow_datasets", raising=False)
    if content is None:
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    else:
        (tmp_path / "tensorflow_datasets.py").write_text(f"def load(*_, **__):\n    {content}\n")
        monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=message):
        load_pictures("tfds:cifar10:train[:10]", 32)


def test_tfds_without_a_name():
    with pytest.raises(UserError, match="is not of the form"):
        load_pictures("tfds:", 32)


# Kinds of pictures ----------------------------------------------------------------


def load_one(tmp_path, data, name="a.png", size=32, **options):
    (tmp_path / name).write_bytes(data)
    return load_pictures(tmp_path, size, **options)


def test_grey(tmp_path):
    grey = noise()[..., 0]
    pictures = load_one(tmp_path, encoded(grey))
    np.testing.assert_array_equal(pictures.images[0], np.stack([grey] * 3, -1))
    assert pictures.notes == ["1 grey picture was made RGB"]


def test_palette(tmp_path):
    image = Image.fromarray(noise()).quantize(16)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    pictures = load_one(tmp_path, buffer.getvalue())
    np.testing.assert_array_equal(pictures.images[0], np.asarray(image.convert("RGB")))
    assert pictures.notes == ["1 picture with a palette was made RGB"]


def test_palette_with_transparent_colour(tmp_path):
    image = Image.new("P", (32, 32), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (0, 0, 16, 32))
    buffer = io.BytesIO()
    image.save(buffer, "GIF", transparency=0)
    pictures = load_one(tmp_path, buffer.getvalue(), "a.gif")
    assert pictures.images[0, 0, 0].tolist() == [0, 0, 255]
    assert pictures.images[0, 0, 31].tolist() == [255, 255, 255]
    assert "1 transparent picture was put on white" in pictures.notes


def test_transparent_is_put_on_white(tmp_path):
    rgba = noise(channels=4)
    pictures = load_one(tmp_path, encoded(rgba))
    alpha = rgba[..., 3:] / 255.0
    expected = rgba[..., :3] * alpha + 255 * (1 - alpha)
    np.testing.assert_allclose(pictures.images[0], expected, atol=1.01)
    assert pictures.notes == ["1 transparent picture was put on white"]


def test_shrunk_transparency_does_not_bleed(tmp_path):
    """Invisible black must not darken edges: the colour of what is visible stays pure."""
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[:, 31:] = 255, 0, 0, 255
    pictures = load_one(tmp_path, encoded(rgba), size=32)
    red, green, blue = np.moveaxis(pictures.images[0].astype(int), -1, 0)
    assert red.min() >= 253
    np.testing.assert_allclose(green, blue, atol=1)


def test_opaque_alpha_is_no_transparency(tmp_path):
    rgba = np.dstack([noise(), np.full((32, 32), 255, np.uint8)])
    pictures = load_one(tmp_path, encoded(rgba))
    np.testing.assert_array_equal(pictures.images[0], noise())
    assert pictures.notes == []


def test_grey_with_alpha(tmp_path):
    la = np.zeros((32, 32, 2), np.uint8)
    la[:16, :, 1] = 255
    pictures = load_one(tmp_path, encoded(la))
    assert pictures.images[0, 0, 0].tolist() == [0, 0, 0]
    assert pictures.images[0, 31, 0].tolist() == [255, 255, 255]


def test_sixteen_bits(tmp_path):
    values = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    pictures = load_one(tmp_path, encoded(values))
    np.testing.assert_allclose(pictures.images[0, ..., 0], values / 257.0, atol=0.5)
    assert "1 16-bit picture was made 8-bit" in pictures.notes


def test_floating_point_tiff(tmp_path):
    with pytest.raises(UserError, match=r"a\.tif .*floating-point"):
        load_one(tmp_path, encoded(noise()[..., 0].astype(np.float32), "TIFF"), "a.tif")


def test_cmyk_jpeg(tmp_path):
    image = Image.new("RGB", (32, 32), (200, 40, 40)).convert("CMYK")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=100)
    pictures = load_one(tmp_path, buffer.getvalue(), "a.jpg")
    np.testing.assert_allclose(pictures.images[0, 16, 16], [200, 40, 40], atol=4)
    assert pictures.notes == ["1 CMYK picture was made RGB"]


def test_bilevel(tmp_path):
    pictures = load_one(tmp_path, encoded(noise()[..., 0] > 128))
    assert set(np.unique(pictures.images)) == {0, 255}


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation(tmp_path, orientation):
    upright = noise()
    # How the eight orientations are stored, by the EXIF 2.3 table of row and column 0.
    stored = {
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    pictures = load_one(tmp_path, encoded(np.ascontiguousarray(stored), exif=exif))
    np.testing.assert_array_equal(pictures.images[0], upright)
    assert pictures.notes == ["1 picture was turned upright by its EXIF orientation"]


def test_animated(tmp_path):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "lime")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    pictures = load_one(tmp_path, buffer.getvalue(), "a.gif")
    assert pictures.images[0, 0, 0].tolist() == [255, 0, 0]
    assert "1 picture has many frames; the first was taken" in pictures.notes


@pytest.mark.parametrize("shape", [(1, 1), (7, 200)])
def test_too_small(tmp_path, shape):
    with pytest.raises(UserError, match=rf"a\.png .*too small, {shape[1]}×{shape[0]}"):
        load_one(tmp_path, encoded(noise(*shape)))


def test_smallest(tmp_path):
    pictures = load_one(tmp_path, encoded(noise(8, 8)))
    assert pictures.images.shape == (1, 32, 32, 3)
    assert "was enlarged" in pictures.notes[0]


def test_ten_thousand_pixels_a_side(tmp_path):
    image = Image.new("L", (10_000, 10_000), 255)
    image.paste(0, (0, 0, 5_000, 10_000))
    image.save(tmp_path / "a.png", compress_level=1)
    image.save(tmp_path / "b.jpg")
    for picture in load_pictures(tmp_path, 32).images:
        assert picture[:, :15].max() < 20
        assert picture[:, 17:].min() > 235


def test_more_pixels_than_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    with pytest.raises(UserError, match=r"a\.png .*more than 800 pixels"):
        load_one(tmp_path, encoded(noise()))


def test_more_pictures_than_memory(folder):
    """The size is beyond what any address can be of."""
    message = r"memory does not hold 2 pictures of 8000000×8000000 \(384,000,000,000,000 bytes\)"
    with pytest.raises(UserError, match=message) as error:
        load_pictures(folder, 8_000_000)
    assert "batch" not in str(error.value)


def test_not_square_is_cropped_in_the_middle(tmp_path):
    wide = noise(32, 50)
    pictures = load_one(tmp_path, encoded(wide))
    np.testing.assert_array_equal(pictures.images[0], wide[:, 9:41])
    assert "cropped around its centre" in pictures.notes[0]


def test_size_that_is_not_square(tmp_path):
    pictures = load_one(tmp_path, encoded(noise(64, 64)), size=(16, 32))
    assert pictures.images.shape == (1, 16, 32, 3)


def test_shrinking_is_antialiased(tmp_path):
    """A fine checkerboard becomes its mean; point sampling would keep black or white."""
    board = ((np.indices((256, 256)).sum(0) % 2) * 255).astype(np.uint8)
    pictures = load_one(tmp_path, encoded(board), size=32)
    assert abs(pictures.images[0, 4:-4, 4:-4].astype(int) - 127).max() <= 3


def test_content_decides_not_the_suffix(tmp_path):
    pictures = load_one(tmp_path, encoded(noise()), "a.jpg")
    np.testing.assert_array_equal(pictures.images[0], noise())


# Broken pictures --------------------------------------------------------------------


def broken_png():
    data = bytearray(encoded(noise()))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


def truncated_jpeg():
    data = encoded(noise(64, 64), "JPEG", quality=95)
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.png", broken_png(), "corrupt or incomplete"),
        ("a.png", encoded(noise())[:200], "corrupt or incomplete"),
        ("a.jpg", truncated_jpeg(), "corrupt or incomplete"),
        ("a.png", b"", "no picture format"),
        ("a.jpg", b"<html>Quota exceeded</html>", "no picture format"),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n", "no picture format"),
    ],
)
def test_broken_picture_among_good_ones(folder, name, data, reason):
    (folder / name).write_bytes(data)
    with pytest.raises(UserError, match=rf"a\.\w+ in .*cannot be used: .*{reason}") as error:
        load_pictures(folder, 32)
    assert "\n" not in str(error.value)
    assert "on_error='skip'" in str(error.value)
    pictures = load_pictures(folder, 32, on_error="skip")
    assert pictures.names == ["b.png", "c.png"]
    assert len(pictures.notes) == 1
    assert pictures.notes[0].startswith(f"{name} was skipped")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_give_one_error_or_a_picture(tmp_path_factory, data):
    kinds = ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "JPEG2000"]
    kind = data.draw(st.sampled_from(kinds))
    content = bytearray(encoded(noise(), kind))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "a.png"
    path.write_bytes(content)
    try:
        shape = load_pictures(path, 32).images.shape
    except UserError as error:
        shape, message = None, str(error)
    assert shape == (1, 32, 32, 3) or ("a.png" in message and "\n" not in message)


def with_a_tag_past_the_end():
    """A TIFF that Pillow warns of, and reads."""
    data = bytearray(encoded(noise(), "TIFF"))
    offset = int.from_bytes(data[4:8], "little")
    data += data[offset : offset + 2 + 12 * data[offset]] + bytes(4)
    start = len(data) - (6 + 12 * data[offset])
    data[4:8] = start.to_bytes(4, "little")
    entry = start + 2 + 12 * (data[offset] - 1)
    data[entry : entry + 12] = (
        (65000).to_bytes(2, "little")
        + (2).to_bytes(2, "little")
        + (100).to_bytes(4, "little")
        + (len(data) - 4).to_bytes(4, "little")
    )
    return bytes(data)


def test_pillow_warnings_become_notes(tmp_path):
    """Of the picture that they are of, though several are read at once."""
    for i in range(24):
        data = encoded(noise(seed=i), "TIFF") if i % 3 else with_a_tag_past_the_end()
        (tmp_path / f"{i:02d}.tif").write_bytes(data)
    pictures = load_pictures(tmp_path, 32, on_error="skip")
    assert [note[:8] for note in pictures.notes] == [f"{i:02d}.tif: " for i in range(0, 24, 3)]
    expected = [noise(seed=i if i % 3 else 0) for i in range(24)]
    np.testing.assert_array_equal(pictures.images, expected)


def test_a_few_pictures_are_read_ahead(tmp_path, monkeypatch):
    """One that is bad ends it before all others were read, and a limit before those behind it."""
    opened = []

    def counting(file):
        opened.append(file)
        return Image.open(file)

    monkeypatch.setattr("tf_fewshot.data.sources.listing.open_picture", counting)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    for i in range(100):
        (tmp_path / f"{i:02d}.png").write_bytes(encoded(noise()))
    assert len(load_pictures(tmp_path, 32, limit=3, on_error="skip")) == 3
    assert len(opened) <= 3 + 2 * 4
    (tmp_path / "00.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"00\.png"):
        load_pictures(tmp_path, 32)
    assert len(opened) <= 3 + 1 + 2 * 2 * 4


def test_a_jpeg_that_is_decoded_smaller_looks_the_same(tmp_path):
    small = Image.fromarray(noise(24, 24)).resize((512, 512), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(1).integers(-12, 12, (512, 512, 3))
    image = Image.fromarray(np.clip(np.asarray(small, int) + grain, 0, 255).astype(np.uint8))
    image.save(tmp_path / "a.jpg", quality=92)
    with Image.open(tmp_path / "a.jpg") as whole:
        expected = np.asarray(whole.resize((64, 64), Image.Resampling.LANCZOS), int)
    difference = np.abs(load_pictures(tmp_path, 64).images[0] - expected)
    assert difference.mean() < 1
    assert difference.max() <= 6


def test_all_pictures_broken(tmp_path):
    with pytest.raises(
        UserError, match=r"has 0 usable pictures, but at least 1 must be there.*a.png was skipped"
    ):
        load_one(tmp_path, b"", on_error="skip")


def test_too_few_pictures(folder):
    with pytest.raises(UserError, match="has 2 usable pictures, but at least 5 must be there"):
        load_pictures(folder, 32, min_count=5)
    with pytest.raises(UserError, match=r"\(limited to 1\)"):
        load_pictures(folder, 32, min_count=2, limit=1)


def test_bad_arguments(folder):
    with pytest.raises(UserError, match="Did you mean 'skip'"):
        load_pictures(folder, 32, on_error="skipp")
    with pytest.raises(UserError, match="limit"):
        load_pictures(folder, 32, limit=0)
    with pytest.raises(UserError, match="image size"):
        load_pictures(folder, (0, 32))


def test_limit_and_shuffle(tmp_path):
    for i in range(10):
        Image.fromarray(noise(seed=i)).save(tmp_path / f"{i}.png")
    assert load_pictures(tmp_path, 32, limit=3).names == ["0.png", "1.png", "2.png"]
    shuffled = load_pictures(tmp_path, 32, shuffle_seed=1)
    assert sorted(shuffled.names) == sorted(f"{i}.png" for i in range(10))
    assert shuffled.names != sorted(shuffled.names)
    assert load_pictures(tmp_path, 32, limit=3, shuffle_seed=1).names == shuffled.names[:3]
    np.testing.assert_array_equal(shuffled.images[0], noise(seed=int(shuffled.names[0][0])))


# Pictures -----------------------------------------------------------------------------


def test_fingerprint_is_of_pixels_alone():
    images = np.stack([noise(seed=i) for i in range(4)])
    same = Pictures(images.copy(), labels=[0, 1, 2, 3], names=list("abcd"), source="elsewhere")
    assert Pictures(images).fingerprint() == same.fingerprint()
    changed = images.copy()
    changed[3, 31, 31, 2] ^= 1
    assert Pictures(changed).fingerprint() != same.fingerprint()
    assert Pictures(images.reshape(2, 64, 32, 3)).fingerprint() != same.fingerprint()


def test_avatars_are_the_same_for_a_seed_and_say_what_they_need(monkeypatch):
    avatar = avatars.draw("toon-head", 3, 32)
    assert avatar == avatars.draw("toon-head", 3, 32) != avatars.draw("toon-head", 4, 32)
    with Image.open(io.BytesIO(avatar)) as image:
        assert (image.format, image.size) == ("PNG", (32, 32))
        assert np.asarray(image.convert("RGBA"))[..., 3].min() == 255
    with pytest.raises(UserError, match="toon-head"):
        avatars.style_of("toon-heads")
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(UserError, match=r"tf-fewshot\[dev\]"):
        avatars.draw("toon-head", 3, 32)


def test_take_and_resized():
    pictures = Pictures(np.stack([noise(seed=i) for i in range(4)]), labels=[4, 3, 2, 1])
    two = pictures.take(2)
    assert len(two) == 2
    assert two.labels.tolist() == [4, 3]
    assert two.names == ["00000", "00001"]
    with pytest.raises(UserError, match="Cannot take 5 of the 4"):
        pictures.take(5)
    small = pictures.resized(16)
    assert small.size == (16, 16)
    assert small.labels.tolist() == [4, 3, 2, 1]
    expected = np.asarray(Image.fromarray(noise(seed=2)).resize((16, 16), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(small.images[2], expected)
    assert pictures.resized(32) is pictures


def test_pictures_refuses_other_arrays():
    with pytest.raises(UserError, match="float64"):
        Pictures(np.zeros((2, 8, 8, 3)))
    with pytest.raises(UserError, match="3 labels for 2"):
        Pictures(np.zeros((2, 8, 8, 3), np.uint8), labels=[1, 2, 3])


# Batches ------------------------------------------------------------------------------

SMALL = st.integers(1, 40)


@given(n=SMALL, batch_size=SMALL, seed=st.integers(0, 2**32), epochs=st.integers(1, 4))
def test_every_epoch_visits_each_picture_once(n, batch_size, seed, epochs):
    steps = -(-n * epochs // batch_size)
    stream = np.concatenate([batch_indices(n, batch_size, step, seed) for step in range(steps)])
    assert stream.dtype == np.int32
    for epoch in range(epochs):
        assert sorted(stream[epoch * n : (epoch + 1) * n]) == list(range(n))


@given(n=SMALL, batch_size=SMALL, seed=st.integers(0, 1000), step=st.integers(0, 10**6))
def test_resuming_equals_going_on(n, batch_size, seed, step):
    """A step's batch does not depend on what was asked for before it."""
    pictures = Pictures(np.zeros((n, 1, 1, 3), np.uint8))
    going_on, resumed = Batches(pictures, batch_size, seed), Batches(pictures, batch_size, seed)
    earlier = [going_on[step + i][0] for i in range(3)]
    np.testing.assert_array_equal(resumed[step + 2][0], earlier[2])
    np.testing.assert_array_equal(resumed[step][0], earlier[0])


def test_epochs_and_seeds_differ():
    epochs = [batch_indices(50, 50, step, 0).tolist() for step in range(4)]
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert batch_indices(50, 50, 0, 1).tolist() != epochs[0]


def test_batches_give_the_pictures_of_their_indices():
    images = np.stack([noise(8, 8, seed=i) for i in range(5)])
    pictures = Pictures(images, labels=[10, 11, 12, 13, 14])
    batches = Batches(pictures, 3, seed=4)
    for step in range(6):
        indices, batch, labels = batches[step]
        np.testing.assert_array_equal(indices, batch_indices(5, 3, step, 4))
        np.testing.assert_array_equal(batch, images[indices])
        np.testing.assert_array_equal(labels, 10 + indices)
    assert Batches(Pictures(images), 3)[0][2] is None


def test_batches_of_groups_without_labels():
    labels = np.array([0] * 7 + [1] * 9 + [2] * 2, np.int32)
    images = np.arange(18, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    pictures = Pictures(images, labels)
    batches = Batches(pictures, 6, seed=1, class_group=3)
    seen = []
    for step in range(5):
        indices, shown, of = batches[step]
        np.testing.assert_array_equal(shown, images[indices])
        np.testing.assert_array_equal(of, labels[indices])
        groups = of.reshape(3, 2)  # as MinibatchStdDev takes them apart
        assert (groups == groups[0]).all()
        seen += indices.tolist()
    # Twice through all groups: two of class 0, three of class 1.
    assert sorted(np.bincount(seen, minlength=18)) == [0] * 3 + [2] * 15
    np.testing.assert_array_equal(batches[7][0], Batches(pictures, 6, 1, 3)[7][0])
    for wrong, message in (
        (lambda: Batches(Pictures(images), 6, class_group=3), "needs pictures with classes"),
        (lambda: Batches(pictures, 8, class_group=3), "batch_size"),
        (lambda: Batches(pictures, 20, class_group=10), "No class has 10 pictures"),
    ):
        with pytest.raises(UserError, match=message):
            wrong()


def test_batches_refuse_nonsense():
    with pytest.raises(UserError, match="at least 1 picture"):
        batch_indices(0, 4, 0, 0)


# Augmentation and grids -----------------------------------------------------------------


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4)))
def test_float_and_back(images):
    floats = to_float(images)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, images / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(to_uint8(floats), images)
    tensors = to_float(tf.constant(images))
    np.testing.assert_allclose(tensors, floats, atol=1e-6)
    np.testing.assert_array_equal(to_uint8(tensors), images)


def test_to_uint8_clips():
    values = np.array([-5, -1.001, 1.001, 5], np.float32)
    assert to_uint8(values).tolist() == [0, 0, 255, 255]
    assert to_uint8(tf.constant(values)).numpy().tolist() == [0, 0, 255, 255]
    assert to_uint8(tf.constant([0.5], tf.bfloat16)).numpy().tolist() == [191]


def test_random_flip():
    images = np.stack([noise(4, 6, seed=i) for i in range(200)])
    flipped = tf.function(random_flip)(images, [3, 4]).numpy()
    same = (flipped == images).all((1, 2, 3))
    mirrored = (flipped == images[:, :, ::-1]).all((1, 2, 3))
    assert (same ^ mirrored).all()
    assert 70 < mirrored.sum() < 130
    np.testing.assert_array_equal(random_flip(images, [3, 4]), flipped)
    assert (random_flip(images, [3, 5]).numpy() != flipped).any()


def test_image_grid():
    images = np.stack([noise(4, 6, seed=i) for i in range(5)])
    grid = image_grid(images, columns=3, pad=2, scale=2)
    assert grid.shape == (2 * (8 + 2) + 2, 3 * (12 + 2) + 2, 3)
    for i, image in enumerate(images):
        top, left = 2 + 10 * (i // 3), 2 + 14 * (i % 3)
        np.testing.assert_array_equal(grid[top : top + 8 : 2, left : left + 12 : 2], image)
        np.testing.assert_array_equal(grid[top + 1 : top + 8 : 2, left + 1 : left + 12 : 2], image)
    assert (grid[:2] == 255).all()
    assert (grid[-10:, -14:] == 255).all()
    assert image_grid(images, pad=0).shape == (2 * 4, 3 * 6, 3)
    with pytest.raises(UserError, match="A grid needs"):
        image_grid(images[:0])


def test_save_png(tmp_path):
    save_png(noise(), tmp_path / "new" / "a.png")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.png"]
    np.testing.assert_array_equal(Image.open(tmp_path / "new" / "a.png"), noise())
