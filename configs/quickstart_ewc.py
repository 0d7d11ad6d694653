"""The quick start with EWC: ten toon-heads, a few minutes on two cores.

tf-fewshot adapt --config=quickstart_ewc --data=my_pictures --workdir=runs/ewc

Expect toon-heads with the hair and shapes of the source's samples of the same latents, and faces
that are clean in part.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "ewc",
            "steps": 600,
            "learning_rate": 0.004,
            "feature_weight": 2.0,  # of a second discriminator, on a frozen AlexNet
            "feature_learning_rate": 0.001,
        }
    )
