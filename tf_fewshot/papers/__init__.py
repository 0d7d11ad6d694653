"""The experiments of both papers, on this project's sources and targets, and their gallery."""

from .bsa import BSA
from .ewc import EWC
from .experiment import Experiment, Part
from .gallery import INTRODUCTION, write_gallery
from .running import run

EXPERIMENTS = {experiment.name: experiment for experiment in (*EWC, *BSA)}

__all__ = ["EXPERIMENTS", "INTRODUCTION", "Experiment", "Part", "run", "write_gallery"]
