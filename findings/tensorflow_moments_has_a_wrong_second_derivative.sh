#!/usr/bin/env bash
# TensorFlow 2.21.0 with Keras 3.15.1.
#
# `tf.nn.moments` returns mean and variance, with gradients; Keras's BatchNormalization is computed
# from it while it trains. One expects that it can be differentiated twice, as gradient penalties
# (R1, WGAN-GP) of networks with batch normalisation do: the second derivatives of the variance of n
# numbers are 2 (n - 1) / n² on the diagonal and -2 / n² elsewhere.
#
# Seen: the first derivative is right. The second is 2 / n on the diagonal and 0 elsewhere, without a
# warning: inside, the mean in the variance is held constant, which changes nothing of the first
# derivative and leaves out of the second what goes through the mean. The variance written out has
# the right one. So does a penalty of BatchNormalization differ by whether it is computed by
# `synchronized=True`, which is written out, on one device.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorflow==2.21.0 keras==3.15.1 numpy==2.4.6
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1
cat >"$folder/moments.py" <<'PYTHON'
import keras
import numpy as np
import tensorflow as tf

x = tf.constant([1.0, 2.0, 4.0])


def derivatives(variance):
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = variance(x)
        first = inner.gradient(value, x)
    return first.numpy(), outer.jacobian(first, x).numpy()


def written_out(x):
    return tf.reduce_mean(tf.square(x - tf.reduce_mean(x)))


first, second = derivatives(lambda x: tf.nn.moments(x, [0])[1])
right_first, right_second = derivatives(written_out)
np.testing.assert_allclose(first, right_first, atol=1e-6)
np.testing.assert_allclose(right_second, 2 / 3 * np.eye(3) - 2 / 9, atol=1e-6)
print("moments:", np.round(np.diag(second), 4), np.round(second[0, 1:], 4))
print("written out:", np.round(np.diag(right_second), 4), np.round(right_second[0, 1:], 4))


def gradient_of_penalty(**options):
    """Of pictures of two pixels, through tanh and batch normalisation."""
    layer = keras.layers.BatchNormalization(**options)
    pictures = tf.constant([[1.0, 0.2], [-0.4, 0.9], [0.3, -0.8]])
    layer.build(pictures.shape)
    with tf.GradientTape() as outer:
        outer.watch(pictures)
        with tf.GradientTape() as inner:
            inner.watch(pictures)
            score = tf.reduce_sum(layer(tf.tanh(pictures), training=True) ** 3)
        squares = tf.reduce_sum(inner.gradient(score, pictures) ** 2)
    return outer.gradient(squares, pictures).numpy().ravel()


one, written = gradient_of_penalty(), gradient_of_penalty(synchronized=True)
print("penalties of BatchNormalization differ:", not np.allclose(one, written, rtol=0.01))
PYTHON
seen=$("$folder/venv/bin/python" "$folder/moments.py" 2>"$folder/errors") || { tail -5 "$folder/errors"; exit 1; }
echo "$seen"
test "$seen" = "moments: [0.6667 0.6667 0.6667] [0. 0.]
written out: [0.4444 0.4444 0.4444] [-0.2222 -0.2222]
penalties of BatchNormalization differ: True"
