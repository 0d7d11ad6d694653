"""Cross-domain correspondence."""

from .consistency import DistanceConsistency
from .latents import PriorAndAnchors
from .method import Method, RunDefaults, register
from .patches import ImageAndPatch
from .trainable import All

CDC = register(
    Method(
        name="cdc",
        title="Cross-domain correspondence (CDC)",
        paper="Ojha et al., Few-shot Image Generation via Cross-domain Correspondence (CVPR 2021)",
        objective=ImageAndPatch(),
        trainable=All(),
        latents=PriorAndAnchors(),
        regularizers=(DistanceConsistency(),),
        run=RunDefaults(ema_decay=0.98),
    )
)
