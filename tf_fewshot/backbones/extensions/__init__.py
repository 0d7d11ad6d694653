"""What an adaptation adds to a network: one file an extension, known by name."""

# Importing a file makes its extension known.
from .classes import Classes
from .discriminator_scale_shift import DiscriminatorScaleShift
from .extension import Extension, Place, Point, from_json, names, register, to_json
from .fitted import FittedLatents
from .host import Host
from .latent_gaussian import GaussianOfLatents
from .latent_parts import PartsOfLatents
from .miner import LatentMiner
from .network import Extensions, Hidden, LatentPoints
from .one_class import OneClass
from .rows import given_rows, rows_of
from .scale_shift import GeneratorScaleShift

__all__ = [
    "Classes",
    "DiscriminatorScaleShift",
    "Extension",
    "Extensions",
    "FittedLatents",
    "GaussianOfLatents",
    "GeneratorScaleShift",
    "Hidden",
    "Host",
    "LatentMiner",
    "LatentPoints",
    "OneClass",
    "PartsOfLatents",
    "Place",
    "Point",
    "from_json",
    "given_rows",
    "names",
    "register",
    "rows_of",
    "to_json",
]
