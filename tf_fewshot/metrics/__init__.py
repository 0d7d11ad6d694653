"""Numbers about generated pictures: a sampler, or two arrays of features, in; records out."""

from .copying import copied_share
from .degradation import degraded
from .embeddings import Embeddings, mean_pairwise
from .evaluate import METRICS, evaluate
from .features import extract, reference_features
from .frechet import frechet_distance
from .gaussian import gaussian_mmd, median_distance
from .kernel import kernel_distance, polynomial_mmd
from .logistic import LogisticRegression
from .lpips import IntraLpips, intra_lpips
from .metric import Inputs, Metric
from .neighbours import coverage, density, precision, recall
from .ranking import average_precision

__all__ = [
    "METRICS",
    "Embeddings",
    "Inputs",
    "IntraLpips",
    "LogisticRegression",
    "Metric",
    "average_precision",
    "copied_share",
    "coverage",
    "degraded",
    "density",
    "evaluate",
    "extract",
    "frechet_distance",
    "gaussian_mmd",
    "intra_lpips",
    "kernel_distance",
    "mean_pairwise",
    "median_distance",
    "polynomial_mmd",
    "precision",
    "recall",
    "reference_features",
]
