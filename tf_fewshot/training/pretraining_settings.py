"""The settings of training a source from new weights.

The adversarial method that trains it has settings of its own. They are settings of the
pretraining, too, but for those that the growths decide, and two begin with other values.
"""

from __future__ import annotations

import dataclasses
from typing import Any

# Settings of the method with other values than for few pictures. ADA's number of images is the
# paper's (Karras et al., 2020), which is for training from scratch.
# Rates fall as the growths say, not as a method would have them.
METHOD_DEFAULTS: dict[str, Any] = {
    "clip_images": False,
    "ada_images": 500_000,
    "rate_decay": 1.0,
    "rate_decay_steps": None,
}
# Settings of the method that settings of the pretraining decide, or that decide nothing here.
DECIDED = ("steps", "batch_size", "ema_decay", "truncation", "r1_gamma", "feature_group")


@dataclasses.dataclass(frozen=True)
class PretrainingSettings:
    """What is trained, and for how long.

    Attributes:
        architecture: The backbone: "stylegan", "stylegan2", "stylegan3", "progan", "dcgan",
            "sngan" or "biggan". It has to be named.
        model: The configuration of the backbone at full resolution, such as
            {"resolution": 64, "latent_dim": 128}. It has to be given.
        growths: What is trained at each resolution, from the smallest to the largest, in order:
            (resolution, real images seen, how many of them while it is faded in, weight of R1,
            fraction of the images at the full learning rate). After that fraction the rate falls
            linearly to a tenth. At least one has to be given.
        method: The adversarial method that trains both networks. Its settings are settings of
            the pretraining.
        steps: Updates of the generator in all. The growths are shortened or lengthened in
            proportion, each by the same factor. None trains on as many images as they say.
        batch_size: Pictures in a step.
        class_group: Pictures of one class that lie together in each step, so that discriminators
            can compare them: the one on frozen features does, and one of ``model`` with a
            ``minibatch_group`` of this size. 1 draws every picture by itself.
        learning_rate: Adam's, of the generator.
        d_learning_rate: Adam's, of the discriminator; None takes the generator's.
        ema_images: Half-life of the moving average of the generator, in images.
        snapshot_images: Images between two snapshots.
    """

    architecture: str = ""
    model: dict[str, Any] = dataclasses.field(default_factory=dict)
    growths: tuple[tuple[int, int, int, float, float], ...] = ()
    method: str = "scratch"
    steps: int | None = None
    batch_size: int = 16
    class_group: int = 1
    learning_rate: float = 0.004
    d_learning_rate: float | None = None
    ema_images: int = 5_000
    snapshot_images: int = 16_000
