"""Numbers about generated pictures: a sampler, or two arrays of features, in; records out."""

from .evaluate import METRICS, evaluate
from .features import extract, reference_features
from .frechet import frechet_distance
from .kernel import kernel_distance, polynomial_mmd
from .lpips import Embeddings, IntraLpips, intra_lpips, mean_pairwise
from .metric import Inputs, Metric

__all__ = [
    "METRICS",
    "Embeddings",
    "Inputs",
    "IntraLpips",
    "Metric",
    "evaluate",
    "extract",
    "frechet_distance",
    "intra_lpips",
    "kernel_distance",
    "mean_pairwise",
    "polynomial_mmd",
    "reference_features",
]
