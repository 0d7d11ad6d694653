"""Dense, convolution and embedding layers with spectral normalisation.

Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks"
(ICLR 2018), section 2.1 and appendix A. The raw weight is stored and divided at run
time by an estimate of its largest singular value: one power step from a stored vector
``u``, which training moves along. With the weight as a matrix ``[rows, out]``,

    v = normalise(u · Wᵀ),  u' = normalise(v · W),  sigma = v · W · u'ᵀ

and no gradient flows through ``v`` and ``u'``. Published systems differ in where the epsilon
of ``normalise`` stands, which is why that is an argument here (:data:`Form`). PyTorch's own
``spectral_norm`` keeps ``v`` beside ``u``, and takes no step in inference: see ``pair``.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import keras
import tensorflow as tf
from keras import ops

from .by_row import by_row
from .given import GivenWeights
from .resample import convolution, resampled

# Where the epsilon stands: added to the length, added to the sum of squares inside of its root,
# or as the least length that is divided by.
Form = Literal["outside", "inside", "least"]


def normalised(x, epsilon: float, form: Form = "outside"):
    """``x`` at length 1, whichever its form keeps from a division by 0.

    "outside" is ``x / (|x| + epsilon)``, "inside" is ``x · rsqrt(Σx² + epsilon)``, and "least" is
    ``x / max(|x|, epsilon)``.
    """
    squares = _total(tf.square(x))
    if form == "inside":
        return x * tf.math.rsqrt(squares + epsilon)
    if form == "least":
        return x / tf.maximum(tf.sqrt(squares), epsilon)
    return x / (tf.sqrt(squares) + epsilon)


def _total(x):
    """The sum of a matrix, or of each of several matrices as ``[N, 1, 1]``."""
    return tf.reduce_sum(x) if len(x.shape) < 3 else tf.reduce_sum(x, [1, 2], keepdims=True)


def power_step(matrix, u, epsilon: float = 1e-12, form: Form = "outside"):
    """One step of the power method.

    Args:
        matrix: float32 ``[rows, out]``, or ``[N, rows, out]`` of which each is taken by itself.
        u: float32 ``[1, out]`` or ``[N, 1, out]``, near the right singular vector of the largest
            value.
        epsilon, form: See :func:`normalised`.

    Returns:
        The estimate of the largest singular value, a scalar (``[N, 1, 1]``) that is
        differentiable in ``matrix``; the next ``u``; and ``v``, float32 ``[1, rows]`` or
        ``[N, 1, rows]``.
    """
    fixed = tf.stop_gradient(matrix)
    v = normalised(tf.matmul(u, fixed, transpose_b=True), epsilon, form)
    u = normalised(tf.matmul(v, fixed), epsilon, form)
    v, u = tf.stop_gradient(v), tf.stop_gradient(u)
    return singular_value(matrix, v, u), u, v


def singular_value(matrix, v, u):
    """The singular value ``v · matrix · uᵀ`` of a pair of vectors, differentiable in ``matrix``."""
    return _total(tf.matmul(v, matrix) * u)


class _Spectral(GivenWeights):
    """Holds ``kernel``, ``bias`` and ``u``, and normalises the kernel.

    Args:
        epsilon: Keeps the power step from dividing by 0.
        form: Where the epsilon stands; see :func:`normalised`.
        pair: Whether ``v`` of the last step is kept beside ``u``. Inference then takes no step:
            it divides by the singular value of the two.
        use_bias: Whether a bias (initially 0) is added.
        kernel_initializer: Of the raw kernel.
        normalised: False leaves the normalisation out, and ``u`` with it.
    """

    def __init__(
        self,
        epsilon: float = 1e-12,
        form: Form = "outside",
        pair: bool = False,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        normalised: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if form not in get_args(Form):
            raise ValueError(f"form must be one of {', '.join(get_args(Form))}, not {form!r}")
        self.form: Form = form
        self.epsilon, self.use_bias = epsilon, use_bias
        self.normalised, self.pair = normalised, pair
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
        sizes = {"u": vectors}
        if self.pair:
            sizes["v"] = math.prod(shape) // vectors
        for name, size in sizes.items():
            vector = self.add_weight(
                shape=(1, size),
                name=name,
                initializer=keras.initializers.RandomNormal(stddev=1.0),
                trainable=False,
                autocast=False,
            )
            setattr(self, name, vector)

    def _matrix(self, kernel):
        return tf.reshape(kernel, [-1, kernel.shape[-1]])

    def normalised_kernel(self, training: bool = False):
        """The kernel by its largest singular value, float32.

        Takes one power step from ``u``; with ``training`` the step is kept, unless the
        layer is frozen. Where ``v`` is kept, too, only a step that is kept is taken.
        """
        # In float32: half precision would round the singular value, and with it every weight.
        kernel = by_row(self.kernel)
        if not self.normalised:
            return kernel
        matrix, moves = self._matrix(kernel), training and self.trainable
        if self.pair and not moves:
            return kernel / singular_value(matrix, by_row(self.v), by_row(self.u))
        sigma, u, v = power_step(matrix, by_row(self.u), self.epsilon, self.form)
        if moves:
            self.u.assign(u)
        if moves and self.pair:
            self.v.assign(v)
        return kernel / sigma

    def _add_bias(self, x):
        return x + ops.cast(by_row(self.bias), x.dtype) if self.use_bias else x

    @classmethod
    def from_config(cls, config: dict):
        config = dict(config)
        # As models were saved that had these layers before there were more than two forms.
        if "inside" in config:
            config["form"] = "inside" if config.pop("inside") else "outside"
        return super().from_config(config)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "form": self.form,
            "pair": self.pair,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "normalised": self.normalised,
        }


@keras.saving.register_keras_serializable("tf_fewshot")
class SpectralDense(_Spectral):
    """Fully connected layer with spectral normalisation.

    Args:
        units: Size of the last dimension of the output.
        epsilon, form, pair, use_bias, kernel_initializer, normalised: See :class:`SpectralConv2D`.

    Input ``[N, D]``, output ``[N, units]``, floats; ``kernel`` is ``[D, units]`` and
    ``u`` ``[1, units]``.
    """

    matrices_by_row = ("kernel", "u", "v")
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
        form: Where it stands: "outside" adds it to the length (SNGAN: 1e-12), "inside" to the
            sum of squares (BigGAN: 1e-4), and "least" is the least length (PyTorch).
        pair: Whether ``v`` ``[1, k · k · C]`` of the last step is kept beside ``u``. Inference
            then divides by the singular value of the two (PyTorch's ``spectral_norm``).
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
        epsilon, form, pair, kernel_initializer: See :class:`SpectralConv2D`.

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
