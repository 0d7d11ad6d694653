#!/usr/bin/env bash
# tfrecord 1.14.6 (crc32c 2.9, protobuf 7.36.2, NumPy 2.4.6), which reads TFRecords without
# TensorFlow.
#
# Each record of the format has a checksum of its length and one of its data. The package writes
# both, for which it needs crc32c, and one expects that its reader compares them, as TensorFlow's
# does ("corrupted record").
#
# Seen: they are skipped. A file with one changed bit is read to its end without a word, and gives
# another pixel; a file whose checksums are all zeros is read as well. Damage of a disk or a download
# goes into the training.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tfrecord==1.14.6 crc32c==2.9.post0 protobuf==7.36.2 numpy==2.4.6
cat >"$folder/damaged.py" <<'PYTHON'
import sys

import crc32c
import tfrecord

folder = sys.argv[1]
pixels = bytes(range(100, 132))
writer = tfrecord.TFRecordWriter(f"{folder}/whole.tfrecord")
writer.write({"image": (pixels, "byte")})
writer.close()
with open(f"{folder}/whole.tfrecord", "rb") as file:
    whole = file.read()


def read(name, data):
    with open(f"{folder}/{name}.tfrecord", "wb") as file:
        file.write(data)
    loader = tfrecord.tfrecord_loader(f"{folder}/{name}.tfrecord", None, {"image": "byte"})
    return [bytes(example["image"]) for example in loader]


def masked(data):
    checksum = crc32c.crc32c(data)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


# Eight bytes of length, four of its checksum, the data, and four of its checksum.
assert masked(whole[12:-4]) == int.from_bytes(whole[-4:], "little"), "the writer's checksum"
assert read("whole", whole) == [pixels]

place = whole.index(pixels) + 5
damaged = whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1 :]
assert masked(damaged[12:-4]) != int.from_bytes(damaged[-4:], "little")
(seen,) = read("damaged", damaged)
print("pixel 5:", pixels[5], "as it was written,", seen[5], "as it was read")
assert seen[5] == pixels[5] ^ 64, "this has changed"

zeros = bytes(4)
assert read("zeros", whole[:8] + zeros + whole[12:-4] + zeros) == [pixels], "this has changed"
print("with checksums of zero: read as if nothing were")
PYTHON
"$folder/venv/bin/python" "$folder/damaged.py" "$folder"
echo "Seen: checksums are written and not compared."
