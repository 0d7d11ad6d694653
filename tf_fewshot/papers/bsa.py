"""Experiments of Noguchi and Harada (ICCV 2019), who introduced batch statistics adaptation."""

from __future__ import annotations

from .experiment import ADVERSARIAL, Experiment, Part
from .findings import Along, Before, Inside

_METRICS = ("fid", "kmmd", "intra_lpips", "nearest_lpips")
_PRIOR = {"latent_distribution": "prior"}

BSA = (
    Experiment(
        name="bsa-methods",
        paper="BSA, Figure 4",
        title="Methods, with 25 pictures",
        found="BSA comes before fine-tuning of the first or the last layers, encoder-generator, "
        "and training from scratch.",
        axis="method",
        columns="target",
        parts=(
            Part(
                "twenty-five-pictures",
                (
                    "bsa",
                    "scratch",
                    "encoder_generator",
                    "update_first",
                    "update_last",
                    "update_all",
                ),
                ("adventurer", "fun-emoji", "toon-head"),
                (25,),
                settings={"scratch": ADVERSARIAL},
                seeds=(0, 1, 2),
            ),
        ),
        findings=(
            Before("fid", "bsa", ("scratch", "encoder_generator", "update_first", "update_last")),
        ),
        metrics=_METRICS,
    ),
    Experiment(
        name="bsa-truncation",
        paper="BSA, Figure 5",
        title="Samples of a truncated prior",
        found="The less of the prior is drawn from, the nearer samples are to the target; with "
        "very little of it they are hardly varied.",
        axis="part",
        columns="target",
        parts=tuple(
            Part(
                f"papers/bsa-truncation-{truncation}",
                ("bsa",),
                pictures=(25,),
                settings={"bsa": {**_PRIOR, "truncation": truncation}},
                label=f"ψ = {truncation}",
            )
            for truncation in (0.2, 0.4, 0.7, 1.0)
        ),
        findings=(Inside("fid"), Along("intra_lpips", rises=True)),
        metrics=_METRICS,
    ),
    Experiment(
        name="bsa-pictures",
        paper="BSA, Figure 9",
        title="25, 50, 100 and 500 pictures",
        found="25 pictures are enough to adapt to, and more of them bring samples nearer to the "
        "target.",
        axis="pictures",
        columns="method",
        parts=(
            Part(
                "papers/bsa-pictures",
                ("bsa", "update_all", "scratch"),
                pictures=(25, 50, 100, 500),
                settings={"scratch": ADVERSARIAL},
            ),
        ),
        findings=(Along("fid", rises=False),),
        metrics=_METRICS,
    ),
    Experiment(
        name="bsa-sources",
        paper="BSA, Figure 10",
        title="Four sources",
        found="The more varied a source's filters are, the nearer samples come to the target; any "
        "source is better than none.",
        axis="part",
        columns="target",
        parts=(
            Part(
                "papers/bsa-sources-none",
                ("scratch",),
                pictures=(25,),
                settings={"scratch": ADVERSARIAL},
                label="none (from scratch)",
            ),
            *(
                Part(
                    f"papers/bsa-sources-{source}",
                    ("bsa",),
                    pictures=(25,),
                    source=source,
                    label=source,
                )
                for source in ("dcgan-faces64", "avataaars64", "drawings64")
            ),
        ),
        findings=(Along("fid", rises=False),),
        metrics=_METRICS,
        note="The target's heads are of the kind that avataaars64 draws; all others are farther.",
    ),
)
