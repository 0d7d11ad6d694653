#!/usr/bin/env bash
# TensorFlow 2.21.0 (Keras 3.15.1).
#
# tf.lite.TFLiteConverter.from_concrete_functions(functions, trackable_obj) is to be given the
# object that owns the functions' variables; without it, it warns of "the deprecated conversion
# path". One expects that a function of a Keras model, with that model, gives a file with its
# weights, or an error.
#
# Seen: the file has 2 KB where the weights have 66 KB, the interpreter runs it, and what it answers
# is not what the model answers. Nothing is said. Without trackable_obj, and by from_keras_model,
# the file is right. Keras 3's models do not track variables as TensorFlow's modules do; the
# variables are left out instead of frozen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorflow==2.21.0 keras==3.15.1 numpy==2.4.6
cat >"$folder/case.py" <<'PYTHON'
import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", KERAS_BACKEND="tensorflow")
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(256)])
x = np.ones((1, 64), np.float32)
signature = [tf.TensorSpec([None, 64], tf.float32)]
function = tf.function(lambda x: model(x), input_signature=signature).get_concrete_function()


def converted(*arguments):
    """Size of the file, and whether it answers what the model answers."""
    file = tf.lite.TFLiteConverter.from_concrete_functions([function], *arguments).convert()
    interpreter = tf.lite.Interpreter(model_content=file)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    answer = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return len(file), bool(np.allclose(answer, model(x), atol=1e-4))


with_model, without = converted(model), converted()
weights = 4 * 64 * 256  # of the kernel; the bias is 0
print(f"kernel: {weights} bytes")
print(f"with trackable_obj=model: {with_model[0]} bytes, right: {with_model[1]}")
print(f"without it: {without[0]} bytes, right: {without[1]}")
assert with_model[0] < weights / 10 and not with_model[1]
assert without[0] > weights and without[1]
PYTHON
cd "$folder"
venv/bin/python -W ignore case.py 2>/dev/null
