"""What is chosen where no method is named, and why."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import tf_fewshot as tff
from tf_fewshot import choosing
from tf_fewshot.data.pictures import Pictures
from tf_fewshot.errors import UserError
from tf_fewshot.planning import plan

QUICK = {"steps": 2, "batch_size": 2}


def figures(count: int) -> np.ndarray:
    """A hat and a body, each of one of five forms: uint8 ``[count, 16, 16, 3]``."""
    rng = np.random.default_rng(0)
    pictures = np.full((count, 16, 16, 3), 255, np.uint8)
    for picture in pictures:
        hat, body = rng.integers(5, size=2)
        picture[1:7, 2 + hat : 14 - hat] = (30, 60, 200)
        picture[9:15, 2 + body : 14 - body] = (200, 40, 30)
    return pictures


def fades(count: int) -> np.ndarray:
    """Stages of the way from one picture to another: mixtures of two are a third, halves not."""
    first, last = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).repeat(4, 1).repeat(4, 2)
    shares = np.random.default_rng(1).permutation(np.linspace(0, 1, count))[:, None, None, None]
    return np.rint(first * (1 - shares) + last * shares).astype(np.uint8)


@pytest.mark.download
def test_parts_that_go_together_are_put_together(tiny_stylegan):
    collages, mixtures = choosing.unseen_distances(Pictures(figures(12)))
    assert collages < 1.0 and collages < 0.8 * mixtures
    choice = choosing.choose(tiny_stylegan, Pictures(figures(12)))
    assert choice.method == "collage"
    assert choice.why == (
        f"of 12 pictures, half of them are {collages:.2f} times as far from collages of the others "
        f"as from these themselves, and {mixtures:.2f} times from mixtures (LPIPS): their parts go "
        "together."
    )


@pytest.mark.download
def test_parts_that_do_not_are_left_together(tiny_stylegan):
    pictures = Pictures(fades(12))
    collages, mixtures = choosing.unseen_distances(pictures)
    assert mixtures < 0.9 * collages
    choice = choosing.choose(tiny_stylegan, pictures)
    assert choice.method == "update_all"
    assert choice.why.endswith("their parts do not go together.")


@pytest.mark.download
def test_the_same_is_chosen_again():
    pictures = Pictures(figures(7))
    assert choosing.unseen_distances(pictures) == choosing.unseen_distances(pictures)


@pytest.mark.parametrize(("count", "words"), [(1, "1 picture"), (3, "3 pictures")])
def test_few_pictures_are_not_halved(tiny_stylegan, count, words):
    choice = choosing.choose(tiny_stylegan, Pictures(figures(count)))
    assert choice.method == "update_all"
    assert choice.why == f"of {words} nothing can be held back to try others on."


def test_a_source_that_cannot_have_parts(build_tiny):
    """Its latents have fewer numbers than a collage has parts."""
    source = build_tiny("dcgan", latent_dim=2)
    choice = choosing.choose(source, Pictures(figures(12)))
    assert choice.method == "update_all"
    assert choice.why == "the source cannot draw parts of different pictures (12 pictures)."


@pytest.mark.download
@pytest.mark.parametrize("channels", [1, 4])
def test_large_pictures_of_any_channels(channels):
    """They are looked at in 64 pixels, and keep their form."""
    large = np.repeat(np.repeat(figures(6), 8, 1), 4, 2)
    pictures = Pictures(large).in_channels(channels)
    small = pictures.resized((64, 32))
    assert choosing.unseen_distances(pictures) == choosing.unseen_distances(small)


@pytest.mark.download
def test_a_plan_has_the_method_and_says_why(tiny_stylegan):
    made = plan(tiny_stylegan, figures(12), **QUICK)
    assert made.method.name == "collage" and made.method.run.steps == 2
    assert re.match(
        r"Method collage: of 12 pictures, half of them are 0\.\d\d times", made.notes[0]
    )


def test_only_what_all_methods_have_can_be_set(tiny_stylegan):
    with pytest.raises(UserError, match=r"learning_rate is a setting of some methods, .*name one"):
        plan(tiny_stylegan, figures(3), learning_rate=0.1)
    with pytest.raises(UserError, match="steps and batch_size must be at least 1, not 0 and 8"):
        plan(tiny_stylegan, figures(3), steps=0)
    with pytest.raises(UserError, match="steps"):
        plan(tiny_stylegan, figures(3), steps="many")


def test_a_run_goes_on_with_what_it_began_with(tiny_dcgan, tmp_path: Path):
    """Whatever would be chosen for these pictures now."""
    pictures = figures(8)
    options = {"workdir": tmp_path / "run", "precision": "float32", **QUICK}
    tff.adapt(tiny_dcgan, pictures, "bsa", **options)
    tff.adapt(tiny_dcgan, pictures, **{**options, "steps": 3})
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["identity"]["method"] == "bsa" and config["settings"]["steps"] == 3
