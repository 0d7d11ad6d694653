"""Training both networks from new weights.

tf-fewshot adapt --config=scratch --data=my_pictures --workdir=runs/mine

Measured on avataaars64 → adventurer (25 pictures, seeds 0 and 1, 1,000 steps; 1,000 samples against
2,000 unseen pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet;
benchmarks/twenty-five-pictures; learning_rate=0.004, feature_weight=2,
feature_learning_rate=0.001): FID 165 ± 6, KMMD 0.329, intra-LPIPS 0.143; BSA's 164 ± 4, 0.324 and
0.171, of the prior at truncation 0.4.
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict({"method": "scratch", **adversarial(), "ema_decay": 0.99})
