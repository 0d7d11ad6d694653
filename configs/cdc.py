"""Cross-domain correspondence from ten pictures.

tf-fewshot adapt --config=cdc --data=my_pictures --workdir=runs/mine
"""

from ml_collections import ConfigDict, config_dict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "cdc",
            **adversarial(),
            "patch_stage": config_dict.placeholder(int),  # of the discriminator; by the resolution
            "image_share": 0.25,  # of the loss, that of whole images
            "anchor_share": 0.5,  # of a batch
            "anchor_noise": 0.1,
            "consistency_weight": 1000.0,
            "consistency_batch": 4,
        }
    )
