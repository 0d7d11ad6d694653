"""Fine-tuning with the lower layers of the discriminator frozen (FreezeD).

tf-fewshot adapt --config=freezed --data=my_pictures --workdir=runs/mine
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "freezed",
            **adversarial(),
            "frozen_stages": 3,  # of the discriminator, from the pixels on
        }
    )
