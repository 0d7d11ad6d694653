"""Cross-domain correspondence."""

from ..cells.consistency import DistanceConsistency
from ..cells.latents import PriorAndAnchors
from ..cells.patches import ImageAndPatch
from ..cells.trainable import All
from ..method import Method, RunDefaults, register

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
