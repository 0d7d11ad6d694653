"""The public face: what ``import tf_fewshot as tff`` gives."""

from __future__ import annotations

from . import backbones, data, export, layers, losses, methods, metrics
from .adaptation import AdaptationRun, adapt
from .adapted import Adapted, load_adapter
from .backbones import GAN
from .backbones.sampling import sample_images
from .bank import DomainBank
from .comparison import compare
from .data.load import load_pictures
from .errors import UserError
from .methods.cells.elastic import EWC
from .metrics.evaluate import evaluate
from .study import pool_answers, write_study
from .weights import load

__all__ = [
    "EWC",
    "GAN",
    "AdaptationRun",
    "Adapted",
    "DomainBank",
    "UserError",
    "adapt",
    "backbones",
    "compare",
    "data",
    "evaluate",
    "export",
    "layers",
    "load",
    "load_adapter",
    "load_pictures",
    "losses",
    "methods",
    "metrics",
    "pool_answers",
    "sample_images",
    "write_study",
]
