"""Training both networks from new weights.

tf-fewshot adapt --config=scratch --data=my_pictures --workdir=runs/mine
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict({"method": "scratch", **adversarial(), "ema_decay": 0.99})
