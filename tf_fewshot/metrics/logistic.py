"""Logistic regression, the smallest detector there is."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ..errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class LogisticRegression:
    """A plane between two kinds of samples; :meth:`fit` finds it.

    Attributes:
        mean: What is subtracted from samples, ``[D]``.
        scale: What they are divided by then, ``[D]``.
        weight: The normal of the plane in such units, ``[D]``.
        bias: Its offset.
    """

    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: float

    @classmethod
    def fit(cls, others: np.ndarray, wanted: np.ndarray, penalty: float) -> LogisticRegression:
        """Finds the plane by L-BFGS.

        It minimises the sum over samples of log(1 + exp(-y f(x))), y = ±1, and
        ``penalty / 2`` times the squared length of the weight, of samples that are standardised
        by the mean and standard deviation of all that are given. The bias is free.

        Args:
            others: Samples ``[N, D]`` that are to be below 0.
            wanted: Samples ``[M, D]`` that are to be above 0.
            penalty: Strength of the penalty, above 0.

        Raises:
            UserError: if a side has no samples, the shapes differ or a number is not finite.
        """
        others, wanted = np.asarray(others, np.float64), np.asarray(wanted, np.float64)
        if others.ndim != 2 or wanted.ndim != 2 or others.shape[1] != wanted.shape[1]:
            raise UserError(f"Features must be [N, D] twice, not {others.shape}, {wanted.shape}.")
        if not len(others) or not len(wanted):
            raise UserError("Two kinds of samples are needed to tell them apart.")
        samples = np.concatenate([others, wanted])
        if not np.isfinite(samples).all():
            raise UserError("A classifier needs features that are finite.")
        signs = np.repeat([-1.0, 1.0], [len(others), len(wanted)])
        mean, scale = samples.mean(0), samples.std(0)
        # What hardly varies but for rounding would become noise of full size.
        scale[scale <= 1e-6 * np.abs(mean)] = np.inf
        samples = (samples - mean) / scale

        def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            weight, bias = parameters[:-1], parameters[-1]
            margins = signs * (samples @ weight + bias)
            slopes = -signs * expit(-margins)
            value = np.logaddexp(0.0, -margins).sum() + penalty / 2 * weight @ weight
            return value, np.append(samples.T @ slopes + penalty * weight, slopes.sum())

        start = np.zeros(samples.shape[1] + 1)
        limits = {"maxiter": 10_000, "maxfun": 20_000, "ftol": 1e-12, "gtol": 1e-6}
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options=limits).x
        return cls(mean, scale, found[:-1], float(found[-1]))

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Returns the logits of samples ``[N, D]``, float64 ``[N]``; above 0 is a wanted one."""
        scaled = (np.asarray(samples, np.float64) - self.mean) / self.scale
        return scaled @ self.weight + self.bias
