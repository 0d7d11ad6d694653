"""Plain fine-tuning of both networks.

tf-fewshot adapt --config=transfergan --data=my_pictures --workdir=runs/mine

Measured on avataaars64 → personas (10 pictures, seed 2; 500 samples against 500 unseen pictures,
EfficientNet-Lite0; intra-LPIPS with AlexNet), with learning_rate=0.004, feature_weight=2 and
feature_learning_rate=0.001: FID 99.9, intra-LPIPS 0.193 after 600 steps, 99.6 and 0.164 after
1,000; with augment="ada" 95.6 and 0.198 after 600. With seed 1, from a source of 693,000 images
instead of the 773,000 of then: 101.2 and 0.199 after 400 steps, without features 125.9 and 0.226
after 500. From that of 773,000: 91.2 and 0.153 after 1,000 steps, 82.5 and 0.123 after 2,000, 79.0
and 0.105 after 3,000: it learns the pictures by heart (repeated, they have FID 58.9).

As avataaars64 is, on personas with 1,000 steps: 81.3 and 0.155, 73.4 and 0.162 (seeds 1 and 2).

On targets that nothing was chosen on (benchmarks/ten-pictures: seeds 0 to 2, 1,000 steps, 1,000
samples against 2,000; avataaars64 as it is): adventurer 113 ± 1 and 0.173 ± 0.015, fun-emoji
217 ± 4 and 0.234 ± 0.019, toon-head 97 ± 1 and 0.125 ± 0.007.
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict({"method": "transfergan", **adversarial()})
