"""Training both networks from new weights.

tf-fewshot adapt --config=scratch --data=my_pictures --workdir=runs/mine

Measured on avataaars64 (25 pictures, seeds 0 to 2, 1,000 steps; 1,000 samples against 2,000 unseen
pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet; benchmarks/twenty-five-pictures;
learning_rate=0.004, feature_weight=2, feature_learning_rate=0.001):

    adventurer  FID 160 ± 8   KMMD 0.315 ± 0.021  intra-LPIPS 0.152 ± 0.009
    fun-emoji   FID 236 ± 9   KMMD 0.292 ± 0.018  intra-LPIPS 0.215 ± 0.010
    toon-head   FID 170 ± 7   KMMD 0.319 ± 0.008  intra-LPIPS 0.160 ± 0.007

BSA's FIDs are 116, 203, 101. Of the source only the architecture counts here.
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict({"method": "scratch", **adversarial(), "ema_decay": 0.99})
