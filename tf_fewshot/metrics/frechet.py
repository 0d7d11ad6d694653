"""The Fréchet distance between two sets of features (FID)."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from ..errors import UserError
from .metric import Inputs, Metric


def frechet_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Computes the Fréchet distance between the Gaussians that fit two sets of features.

    Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule", eq. 6:
    ``|m_r - m_f|² + Tr(C_r + C_f - 2 (C_r C_f)^½)`` with sample covariances (N - 1).
    It is biased upwards for few samples: compare only values of equal numbers of both.

    TF-GAN's ``frechet_classifier_distance_from_activations`` is the same quantity, in float64 as
    here, and agrees to rounding. Here only the eigenvalues of the square root are computed, in as
    many dimensions as the smaller side has: of few pictures that takes a fraction of the time.

    Args:
        real: Features ``[N, D]``.
        fake: Features ``[M, D]``.

    Returns:
        The distance, 0 or above, in squared units of the features.

    Raises:
        UserError: if there are fewer than 2 samples on a side, or other shapes.
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise UserError(f"Features must be [N, D] twice, not {real.shape} and {fake.shape}.")
    if min(len(real), len(fake)) < 2:
        raise UserError(
            "The Fréchet distance needs at least 2 pictures on both sides, "
            f"not {len(real)} real and {len(fake)} generated."
        )
    fewer, more = sorted((_centred(real), _centred(fake)), key=len)
    # With C = FᵀF of one side, C_r C_f has the eigenvalues of F C Fᵀ, which is symmetric.
    cross = _covariance_factor(fewer) @ more.T
    roots = np.sqrt(np.clip(scipy.linalg.eigvalsh(cross @ cross.T, check_finite=False), 0, None))
    means = np.square(real.mean(0) - fake.mean(0)).sum()
    distance = means + np.square(fewer).sum() + np.square(more).sum() - 2 * roots.sum()
    return max(float(distance), 0.0)


def _centred(features: np.ndarray) -> np.ndarray:
    """Returns X ``[N, D]`` such that XᵀX is the sample covariance of the features."""
    return (features - features.mean(0)) / np.sqrt(len(features) - 1)


def _covariance_factor(centred: np.ndarray) -> np.ndarray:
    """Returns F ``[min(N, D), D]`` such that FᵀF = XᵀX for X ``[N, D]``."""
    if len(centred) <= centred.shape[1]:
        return centred
    covariance = centred.T @ centred
    try:
        return scipy.linalg.cholesky(covariance, check_finite=False)
    except np.linalg.LinAlgError:
        # Features that do not vary; this takes several times as long.
        variances, directions = scipy.linalg.eigh(covariance, check_finite=False)
        return np.sqrt(np.clip(variances, 0, None))[:, None] * directions.T


def _measure(inputs: Inputs) -> dict:
    real, fake = inputs.real_features, inputs.fake_features
    record = {"value": frechet_distance(real, fake), **inputs.extractor_facts()}
    fewest, dim = min(len(real), len(fake)), real.shape[1]
    if fewest < dim:
        record["note"] = (
            f"{fewest} pictures on one side are fewer than the {dim} features: "
            "the value is biased upwards; compare it only with values of the same numbers"
        )
    return record


FID = Metric(
    "fid",
    _measure,
    "Fréchet distance between features",
    min_real=2,
    min_fake=2,
    better="lower",
)
FID_VGG16 = Metric(
    "fid_vgg16",
    lambda inputs: _measure(inputs.through("vgg16")),
    "the same of VGG16's features, for what was trained through the network of fid",
    min_real=2,
    min_fake=2,
    better="lower",
)
