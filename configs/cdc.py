"""Cross-domain correspondence from ten pictures.

tf-fewshot adapt --config=cdc --data=my_pictures --workdir=runs/mine
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "cdc",
            **adversarial(),
            "patch_stage": 2,  # of the discriminator, from the pixels on
            "anchor_share": 0.25,
            "anchor_noise": 0.1,
            "consistency_weight": 1000.0,
            "consistency_batch": 4,
        }
    )
