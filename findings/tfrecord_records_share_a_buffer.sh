#!/usr/bin/env bash
# tfrecord 1.14.6 (protobuf 7.36.2, NumPy 2.4.6), the reader of TFRecords that needs no TensorFlow.
#
# `tfrecord_iterator(path)` gives the records of a file one after the other, each as a `memoryview`.
# One expects that those that were given stay what they were, as when they are gathered by `list`,
# shuffled in a buffer or handed to a queue.
#
# Seen: all are views of one buffer, which the next record is read into. Of a list of them every
# entry is the last record; with records of different lengths, earlier entries are its first bytes.
# Nothing is raised. `tfrecord_loader` parses each record at once and is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tfrecord==1.14.6 protobuf==7.36.2 numpy==2.4.6
cat >"$folder/records.py" <<'PYTHON'
import sys

import tfrecord

path = f"{sys.argv[1]}/pictures.tfrecord"
writer = tfrecord.TFRecordWriter(path)
for number in range(4):
    writer.write({"image": (bytes([number] * 6), "byte"), "label": (number, "int")})
writer.close()

one_by_one = [bytes(record) for record in tfrecord.tfrecord_iterator(path)]
print("read one by one:", len(set(one_by_one)), "different records")
assert len(set(one_by_one)) == 4

gathered = list(map(bytes, list(tfrecord.tfrecord_iterator(path))))
print("gathered first:", len(set(gathered)), "different record, the last one:", end=" ")
print(set(gathered) == {one_by_one[-1]})
assert gathered == [one_by_one[-1]] * 4, "this has changed"

loader = tfrecord.tfrecord_loader(path, None, {"image": "byte", "label": "int"})
labels = [int(example["label"][0]) for example in list(loader)]
print("labels by tfrecord_loader:", labels)
assert labels == [0, 1, 2, 3], labels
PYTHON
"$folder/venv/bin/python" "$folder/records.py" "$folder"
echo "Seen: records that are gathered before they are read are all the last one."
