"""Fine-tuning of scale and shift of both networks.

tf-fewshot adapt --config=transfergan_scale_shift --data=my_pictures --workdir=runs/mine
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict({"method": "transfergan_scale_shift", **adversarial()})
