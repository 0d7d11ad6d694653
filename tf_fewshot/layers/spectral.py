"""Dense, convolution and embedding layers with spectral normalisation.

Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks"
(ICLR 2018), section 2.1 and appendix A. The raw weight is stored and divided at run
time by an estimate of its largest singular value: one power step from a stored vector
``u``, which training moves along. With the weight as a matrix ``[rows, out]``,

    v = normalise(u · Wᵀ),  u' = normalise(v · W),  sigma = v · W · u'ᵀ

and no gradient flows through ``v`` and ``u'``. Published systems differ in the epsilon
of ``normalise``, which is why it is an argument here.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from .by_row import by_row
from .given import GivenWeights
from .resample import convolution, resampled


def normalised(x, epsilon: float, inside: bool):
    """``x`` at length 1: ``x · rsqrt(Σx² + epsilon)``, or ``x / (|x| + epsilon)``."""
    squares = _total(tf.square(x))
    if inside:
        return x * tf.math.rsqrt(squares + epsilon)
    return x / (tf.sqrt(squares) + epsilon)


def _total(x):
    """The sum of a matrix, or of each of several matrices as ``[N, 1, 1]``."""
    return tf.reduce_sum(x) if len(x.shape) < 3 else tf.reduce_sum(x, [1, 2], keepdims=True)


def power_step(matrix, u, epsilon: float = 1e-12, inside: bool = False):
    """One step of the power method.

    Args:
        matrix: float32 ``[rows, out]``, or ``[N, rows, out]`` of which each is taken by itself.
        u: float32 ``[1, out]`` or ``[N, 1, out]``, near the right singular vector of the largest
            value.
        epsilon, inside: See :func:`normalised`.

    Returns:
        The estimate of the largest singular value, a scalar (``[N, 1, 1]``) that is
        differentiable in ``matrix``, and the next ``u``.
    """
    fixed = tf.stop_gradient(matrix)
    v = normalised(tf.matmul(u, fixed, transpose_b=True), epsilon, inside)
    u = normalised(tf.matmul(v, fixed), epsilon, inside)
    v, u = tf.stop_gradient(v), tf.stop_gradient(u)
    return _total(tf.matmul(v, matrix) * u), u


class _Spectral(GivenWeights):
    """Holds ``kernel``, ``bias`` and ``u``, and normalises the kernel.

    Args:
        epsilon: Keeps the power step from dividing by 0.
        inside: Whether it is added to the sum of squares (BigGAN: 1e-4) rather than to
            the length (SNGAN: 1e-12).
        use_bias: Whether a bias (initially 0) is added.
        kernel_initializer: Of the raw kernel.
        normalised: False leaves the normalisation out, and ``u`` with it.
    """

    def __init__(
        self,
        epsilon: float = 1e-12,
        inside: bool = False,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        normalised: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.epsilon, self.inside, self.use_bias = epsilon, inside, use_bias
        self.normalised = normalised
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def _add_variables(self, shape: tuple[int, ...], vectors: int) -> None:
        self.kernel = self.add_weight(
            shape=shape, name="kernel", initializer=self.kernel_initializer, autocast=False
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(shape[-1],), name="bias", initializer="zeros", autocast=False
            )
        if not self.normalised:
            return
        self.u = self.add_weight(
            shape=(1, vectors),
            name="u",
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
            autocast=False,
        )

    def _matrix(self, kernel):
        return tf.reshape(kernel, [-1, kernel.shape[-1]])

    def normalised_kernel(self, training: bool = False):
        """The kernel by its largest singular value, float32.

        Takes one power step from ``u``; with ``training`` the step is kept, unless the
        layer is frozen.
        """
        # In float32: half precision would round the singular value, and with it every weight.
        kernel = by_row(self.kernel)
        if not self.normalised:
            return kernel
        sigma, u = power_step(self._matrix(kernel), by_row(self.u), self.epsilon, self.inside)
        if training and self.trainable:
            self.u.assign(u)
        return kernel / sigma

    def _add_bias(self, x):
        return x + ops.cast(by_row(self.bias), x.dtype) if self.use_bias else x

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "inside": self.inside,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "normalised": self.normalised,
        }


@keras.saving.register_keras_serializable("tf_fewshot")
class SpectralDense(_Spectral):
    """Fully connected layer with spectral normalisation.

    Args:
        units: Size of the last dimension of the output.
        epsilon, inside, use_bias, kernel_initializer, normalised: See :class:`SpectralConv2D`.

    Input ``[N, D]``, output ``[N, units]``, floats; ``kernel`` is ``[D, units]`` and
    ``u`` ``[1, units]``.
    """

    matrices_by_row = ("kernel", "u")
    by_row = ("bias",)

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def _matrix(self, kernel):
        return kernel

    def build(self, input_shape):
        self._add_variables((input_shape[-1], self.units), self.units)

    def call(self, x, training=False):
        kernel = ops.cast(self.normalised_kernel(training), self.compute_dtype)
        if len(kernel.shape) == 3:
            return self._add_bias(ops.matmul(x[:, None], kernel)[:, 0])
        return self._add_bias(ops.matmul(x, kernel))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("tf_fewshot")
class SpectralConv2D(_Spectral):
    """Convolution with spectral normalisation and zero padding.

    Args:
        filters: Channels of the output.
        kernel_size: Width and height of the kernel; odd.
        resample: ``None``; ``"up"`` doubles images before the convolution (nearest
            neighbour), ``"down"`` halves them after it (mean of 2 × 2 pixels).
        epsilon: Keeps the power step from dividing by 0.
        inside: Whether ``epsilon`` is added to the sum of squares (BigGAN: 1e-4) rather
            than to the length (SNGAN: 1e-12).
        use_bias: Whether a bias (initially 0) is added.
        kernel_initializer: Of the raw kernel.
        normalised: False leaves the normalisation out, and ``u`` with it.

    Input ``[N, H, W, C]``, output ``[N, H', W', filters]``, floats; ``kernel`` is
    ``[k, k, C, filters]`` and ``u`` ``[1, filters]``.
    """

    def __init__(self, filters: int, kernel_size: int = 3, resample: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.resample, self._convolve = resample, convolution(resample)

    def build(self, input_shape):
        k = self.kernel_size
        self._add_variables((k, k, input_shape[-1], self.filters), self.filters)

    def call(self, x, training=False):
        kernel = ops.cast(self.normalised_kernel(training), self.compute_dtype)
        return self._add_bias(self._convolve(x, kernel))

    def compute_output_shape(self, input_shape):
        n, h, w, _ = input_shape
        return (n, *resampled((h, w), self.resample), self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "resample": self.resample,
        }


@keras.saving.register_keras_serializable("tf_fewshot")
class SpectralEmbedding(_Spectral):
    """A table of rows, one a class, with spectral normalisation of the whole table.

    Args:
        classes: Rows of the table.
        dim: Size of a row.
        epsilon, inside, kernel_initializer: See :class:`SpectralConv2D`.

    Input int ``[N]``, output ``[N, dim]``; ``kernel`` is ``[classes, dim]`` and, as in
    SNGAN, ``u`` ``[1, classes]``.
    """

    def __init__(self, classes: int, dim: int, **kwargs):
        super().__init__(**{**kwargs, "use_bias": False})
        self.classes, self.dim = classes, dim

    def build(self, input_shape):
        del input_shape
        self._add_variables((self.classes, self.dim), self.classes)

    def _matrix(self, kernel):
        return tf.transpose(kernel)

    def call(self, label, training=False):
        rows = tf.gather(self.normalised_kernel(training), tf.cast(label, tf.int32))
        return ops.cast(rows, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dim)

    def get_config(self) -> dict:
        return {**super().get_config(), "classes": self.classes, "dim": self.dim}
