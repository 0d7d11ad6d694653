#!/usr/bin/env bash
# Keras 3.15.1 (backend TensorFlow 2.21.0).
#
# Two classes of a model have the same layers under the same attributes. One of them also has a
# read-only property that returns a list of these layers. One expects that weights saved from one
# load into the other: variables have the same paths, names and order (the name of the class
# aside), and a property holds nothing.
#
# Seen: the saver walks properties, too, in alphabetical order, and files a layer under the first
# one that names it. In the file of the model with the property "chain" nothing is called "encoder"
# any more; there are "chain/dense" and "chain/dense_1". A model without that property, or with
# one of another name, refuses the file, and with skip_mismatch=True loads nothing of it.
# So to rename or remove a property breaks every file that was saved before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorflow==2.21.0 keras==3.15.1 numpy==2.4.6
cat >"$folder/case.py" <<'PYTHON'
import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", KERAS_BACKEND="tensorflow")
import h5py
import keras
import numpy as np


class Plain(keras.Model):
    def __init__(self):
        super().__init__(name="model")
        self.encoder = keras.layers.Dense(3, name="encoder")
        self.head = keras.layers.Dense(2, name="head")

    def build(self, shape):
        self.encoder.build(shape)
        self.head.build((None, 3))

    def call(self, x):
        return self.head(self.encoder(x))


class WithProperty(Plain):
    @property
    def chain(self):
        return [self.encoder, self.head]


def built(kind):
    model = kind()
    model.build((None, 4))
    return model


def tables(path):
    names = []
    with h5py.File(path) as file:
        file.visititems(lambda n, o: names.append(n) if isinstance(o, h5py.Dataset) else None)
    return names


plain, other = built(Plain), built(WithProperty)
assert [v.path for v in plain.weights] == [v.path for v in other.weights]
plain.save_weights("plain.weights.h5")
other.save_weights("other.weights.h5")
print("without the property:", tables("plain.weights.h5"))
print("with it:             ", tables("other.weights.h5"))
loaded = built(Plain)
try:
    loaded.load_weights("other.weights.h5")
    print("loaded")
except ValueError as error:
    print("refused:", str(error).splitlines()[0][:80])
x = np.ones((1, 4), "float32")
loaded.load_weights("other.weights.h5", skip_mismatch=True)
same = bool(np.allclose(loaded(x), other(x)))
print("equal with skip_mismatch:", same)
PYTHON
cd "$folder"
seen=$(venv/bin/python -W ignore case.py 2>/dev/null)
echo "$seen"
grep -q "with it: .*chain/dense/vars/0" <<<"$seen"
grep -q "^refused: A total of 2 objects could not be loaded" <<<"$seen"
grep -q "^equal with skip_mismatch: False" <<<"$seen"
