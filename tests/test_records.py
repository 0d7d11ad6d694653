"""TFRecords in the forms that people have, and formats of pictures that need more than Pillow."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_fewshot.data import formats, load_pictures
from tf_fewshot.errors import UserError


def noise(size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def write(path, examples, compression=""):
    """Writes records of whole numbers, lists of them, and bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for example in examples:
            features = {}
            for name, value in example.items():
                if isinstance(value, bytes):
                    kind = {"bytes_list": tf.train.BytesList(value=[value])}
                else:
                    kind = {"int64_list": tf.train.Int64List(value=np.atleast_1d(value))}
                features[name] = tf.train.Feature(**kind)
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def raw(images):
    """Records as NVIDIA's dataset tools write them: channels first."""
    return [
        {"shape": i.transpose(2, 0, 1).shape, "data": i.transpose(2, 0, 1).tobytes()}
        for i in images
    ]


@pytest.fixture
def multiple(tmp_path):
    """A data set of StyleGAN: three resolutions of five pictures, and labels."""
    images = [noise(seed=i) for i in range(5)]
    for level in (2, 3, 4):
        step = 2 ** (4 - level)
        small = [image[::step, ::step] for image in images]
        write(tmp_path / "faces" / f"faces-r{level:02d}.tfrecords", raw(small))
    labels = np.eye(3, dtype=np.float32)[[2, 0, 1, 2, 2]]
    with open(tmp_path / "faces" / "faces-rxx.labels", "wb") as file:
        np.save(file, labels)
    return tmp_path / "faces", np.stack(images)


def test_the_largest_of_several_resolutions_is_read(multiple):
    folder, images = multiple
    pictures = load_pictures(folder, 16)
    np.testing.assert_array_equal(pictures.images, images)
    assert pictures.labels.tolist() == [2, 0, 1, 2, 2]
    assert pictures.notes == [
        "faces-r04.tfrecords was read, the largest of 3 resolutions",
        "labels are those of faces-rxx.labels",
        "3 classes by labels: 0 (1), 1 (1), 2 (3)",
    ]
    one = load_pictures(folder / "faces-r03.tfrecords", 8)
    np.testing.assert_array_equal(one.images, images[:, ::2, ::2])
    assert one.labels.tolist() == [2, 0, 1, 2, 2]
    assert load_pictures(folder, 16, limit=2).labels.tolist() == [2, 0]
    shuffled = load_pictures(folder, 16, shuffle_seed=1)
    for name, image in zip(shuffled.names, shuffled.images, strict=True):
        np.testing.assert_array_equal(image, images[int(name.removeprefix("record "))])


def test_labels_that_do_not_fit(multiple):
    folder, _ = multiple
    for labels, message in [
        (np.eye(3, dtype=np.float32), "faces-rxx.labels has 3 labels for 5 pictures"),
        (np.array([{}]), "cannot be read as a NumPy array"),
    ]:
        with open(folder / "faces-rxx.labels", "wb") as file:
            np.save(file, labels)
        with pytest.raises(UserError, match=message):
            load_pictures(folder, 16)
    for labels, note in [
        (np.full((5, 3), 0.3), "has rows that are no classes"),
        (np.zeros((5, 0)), None),
    ]:
        with open(folder / "faces-rxx.labels", "wb") as file:
            np.save(file, labels)
        pictures = load_pictures(folder, 16)
        assert pictures.labels is None
        assert note is None or note in pictures.notes[1]


def test_raw_pixels_of_other_forms(tmp_path):
    grey = noise()[..., :1]
    write(tmp_path / "a.tfrecords", raw([grey]))
    np.testing.assert_array_equal(load_pictures(tmp_path, 16).images[0, ..., :1], grey)
    for shape in ([16, 16, 3], [3, 16, 17], [3, 16]):
        write(tmp_path / "a.tfrecords", [{"shape": shape, "data": noise().tobytes()}])
        with pytest.raises(UserError, match=r"Record 0 of .* must be channels"):
            load_pictures(tmp_path, 16)


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_shards_of_tensorflow_datasets(tmp_path, compression):
    for shard in range(2):
        examples = [{"image": png(noise(seed=2 * shard + i)), "label": shard} for i in range(2)]
        write(tmp_path / f"pets-train.tfrecord-0000{shard}-of-00002", examples, compression)
    (tmp_path / "label.labels.txt").write_text("cat\ndog\n")
    (tmp_path / "features.json").write_text("{}")
    pictures = load_pictures(tmp_path, 16)
    np.testing.assert_array_equal(pictures.images, [noise(seed=i) for i in range(4)])
    assert pictures.notes == ["2 classes by labels: 0 cat (2), 1 dog (2)"]
    assert pictures.names[2] == "pets-train.tfrecord-00001-of-00002 record 0"
    assert load_pictures(tmp_path, 16, limit=3).labels.tolist() == [0, 0, 1]
    # Pictures beside them are what is read.
    (tmp_path / "a.png").write_bytes(png(noise(seed=9)))
    assert load_pictures(tmp_path, 16).names == ["a.png"]


def test_pictures_without_a_suffix(tmp_path):
    (tmp_path / "0a1b").write_bytes(png(noise(seed=1)))
    (tmp_path / "README").write_text("no picture")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/0a1b", png(noise(seed=1)))
        archive.writestr("dog/2.png", png(noise(seed=2)))
        archive.writestr("dog/README", "no picture")
    pictures = load_pictures(tmp_path / "a.zip", 16)
    assert pictures.names == ["cat/0a1b", "dog/2.png"]
    assert pictures.notes == [
        "1 file that is no picture was ignored: dog/README",
        "1 file without a suffix was told to be pictures by content: cat/0a1b",
        "2 classes by sub-folders: 0 cat (1), 1 dog (1)",
    ]
    np.testing.assert_array_equal(load_pictures(tmp_path / "0a1b", 16).images, [noise(seed=1)])
    with pytest.raises(UserError, match="README is no source of pictures"):
        load_pictures(tmp_path / "README", 16)


def test_jpeg_2000(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.jp2", irreversible=False)
    np.testing.assert_array_equal(load_pictures(tmp_path, 16).images, [noise()])


def test_formats_that_need_a_plug_in_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(formats.LACKING, ".heic", "HEIC needs a plug-in of Pillow: pip install x")
    monkeypatch.setattr(formats, "SUFFIXES", formats.SUFFIXES - {".heic"})
    for name in ("a.heic", "b.HEIC", "c.txt"):
        (tmp_path / name).write_bytes(b"\0")
    message = r"2 pictures were not read \(a\.heic, b\.HEIC\): HEIC needs .*; 1 file .* c\.txt"
    with pytest.raises(UserError, match=message):
        load_pictures(tmp_path, 16)
    with pytest.raises(UserError, match=r"a\.heic cannot be read: HEIC needs a plug-in"):
        load_pictures(tmp_path / "a.heic", 16)
