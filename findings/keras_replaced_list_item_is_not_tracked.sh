#!/usr/bin/env bash
# Keras 3.15.1 (backend JAX 0.10.2).
#
# A layer keeps two Dense layers in a list that is its attribute. Keras tracks such lists: what is
# appended, inserted, extended or deleted there shows in the layer's weights. One expects the same
# of an item that is replaced (layers[0] = other).
#
# Seen: the layer that was replaced stays in weights and trainable_weights, and the one that took
# its place, which the call uses, is in neither. A training that moves trainable_weights leaves
# the layer in use as it was, and moves one that nothing calls, without a word. (With append the
# new layer is there; with del the old one is gone.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 numpy==2.4.6
cat >"$folder/case.py" <<'PYTHON'
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np


class Two(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.parts = [keras.layers.Dense(3, name="first"), keras.layers.Dense(3, name="second")]

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


def weights_of(change):
    layer = Two()
    change(layer.parts)
    layer(np.ones((1, 3), "float32"))
    for part in layer.parts:
        assert part.built
    return {weight.path.split("/")[-2] for weight in layer.trainable_weights}


def other():
    return keras.layers.Dense(3, name="other")


def replace(parts):
    parts[0].build((None, 3))
    parts[0] = other()


def delete_and_insert(parts):
    del parts[0]
    parts.insert(0, other())


seen = {
    "as it was": weights_of(lambda parts: None),
    "append": weights_of(lambda parts: parts.append(other())),
    "del and insert": weights_of(delete_and_insert),
    "item replaced": weights_of(replace),
}
for what, names in seen.items():
    print(f"{what}: {sorted(names)}")
assert seen["as it was"] == {"first", "second"}
assert seen["append"] == {"first", "second", "other"}
assert seen["del and insert"] == {"second", "other"}
# One would expect {"second", "other"} here, too.
assert seen["item replaced"] == {"first", "second"}
print("As described: the layer in use is not among the weights, and the one that was replaced is.")
PYTHON
"$folder/venv/bin/python" "$folder/case.py"
