#!/usr/bin/env bash
# TensorFlow 2.21.0.
#
# One expects that a tensor of a gigabyte that is deleted gives its memory back to the system, as an
# array of NumPy does; and that whether TensorFlow computes with oneDNN, which many processors turn
# on by themselves, says how it computes, not how much memory the process has.
#
# Seen: with oneDNN TensorFlow keeps what is freed. A larger tensor that does not fit into what is
# kept takes new memory beside it: after tensors of 0.5, 0.75 and 1 GB, one after the other, each
# deleted before the next is made, the process has 1.5 GB, more than the largest. Without oneDNN it
# has none of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow==2.21.0 numpy==2.4.6
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1
cat >"$folder/memory.py" <<'PYTHON'
import tensorflow as tf


def resident() -> int:
    """MB of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 // 2**20


tf.zeros([1]).numpy()
before = resident()
for megabytes in (512, 768, 1024):
    tensor = tf.fill([megabytes * 2**18], 1.0)
    del tensor
print(resident() - before)
PYTHON
with=$(TF_ENABLE_ONEDNN_OPTS=1 "$folder/venv/bin/python" "$folder/memory.py")
without=$(TF_ENABLE_ONEDNN_OPTS=0 "$folder/venv/bin/python" "$folder/memory.py")
echo "kept with oneDNN: $with MB, without: $without MB"
test "$with" -ge 1200
test "$without" -lt 100
