"""Elastic weight consolidation from ten pictures.

tf-fewshot adapt --config=ewc --data=my_pictures --workdir=runs/mine

Measured on avataaars64 → personas (10 pictures; 500 samples against 500 unseen pictures,
EfficientNet-Lite0; intra-LPIPS with AlexNet), with learning_rate=0.004, feature_weight=2 and
feature_learning_rate=0.001, beside fine-tuning in the same way:

    seed  steps  λ    FID    intra-LPIPS   fine-tuning's
    2     600    300   99.6  0.237          99.9  0.193
    2     1000   300   99.0  0.204          99.6  0.164
    2     600    600  113.3  0.238
    1     1000   300  105.6  0.208          91.2  0.153
    1     2000   300  101.2  0.193          82.5  0.123
    1     3000   300   97.3  0.182          79.0  0.105

The ten pictures themselves, repeated, have FID 58.9: fine-tuning learns them by heart, and FID
likes that (see benchmarks/README.md). FID swings by 5 from step to step. With augment="ada" (seed
1, 1,000 steps): λ = 100 103.3 and 0.211, fine-tuning 95.5 and 0.181. On bottts (seed 0, 600 steps,
λ = 300): 173.9 and 0.191, fine-tuning 168.6 and 0.166.

All of this is of avataaars64 after 773,000 images (FID 58.2). As it is, on personas with 1,000
steps: 96.5 and 0.196, 94.3 and 0.199 (seeds 1 and 2; λ = 100: 89.8 and 0.175, 93.2 and 0.170).

On targets that nothing was chosen on (benchmarks/ten-pictures: seeds 0 to 2, 1,000 steps, λ = 300,
1,000 samples against 2,000; avataaars64 as it is): adventurer 130 ± 0.4 and 0.214 ± 0.013,
fun-emoji 261 ± 7 and 0.243 ± 0.044, toon-head 103 ± 4 and 0.162 ± 0.006.
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "ewc",
            **adversarial(),
            "ewc_strength": 300.0,  # λ, for the convention below
            "fisher_likelihood": "discriminator",  # or "pixels", which needs none
            "fisher_convention": "per_sample",  # or "batch_mean"
            "fisher_samples": 256,
            "fisher_batch_size": 8,  # of "batch_mean"
            "fisher_cache": True,
        }
    )
