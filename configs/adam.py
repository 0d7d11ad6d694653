"""Important kernels modulated, the others fine-tuned (AdAM).

tf-fewshot adapt --config=adam --data=my_pictures --workdir=runs/mine
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "adam",
            **adversarial(),
            "probe_steps": 500,
            "probe_samples": 1000,
            "probe_learning_rate": 0.002,
            "fisher_quantile": 50.0,  # percentage of filters that are fine-tuned
        }
    )
