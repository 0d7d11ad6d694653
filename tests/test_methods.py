"""The table of methods: settings and their checks."""

from __future__ import annotations

import dataclasses
import math
import re
import typing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_fewshot import description, methods
from tf_fewshot import settings as settings_module
from tf_fewshot.errors import UserError
from tf_fewshot.losses import adversarial, fisher
from tf_fewshot.methods import method as method_module
from tf_fewshot.methods.cells.adversarial import Adversarial
from tf_fewshot.methods.cells.elastic import FisherPenalty
from tf_fewshot.methods.cells.reconstruction import rate_by_size
from tf_fewshot.methods.cells.regularizers import LatentPrior
from tf_fewshot.methods.method import RunDefaults

# The table ------------------------------------------------------------------------------


# The rows as the papers have them, by the names of their cells: objective, trainable, latents
# and regularizers. A row that is not here is tested by what holds for all of them.
ROWS = {
    "scratch": ("Adversarial", "All", "Prior"),
    "transfergan": ("Adversarial", "All", "Prior"),
    "transfergan_scale_shift": ("Adversarial", "ScaleShiftOfBoth", "Prior"),
    "freezed": ("Adversarial", "UpperDiscriminator", "Prior"),
    "minegan": ("Adversarial", "MinerFirst", "Prior"),
    "encoder_generator": ("Reconstruction", "ScaleShiftOnly", "Encoded"),
    "update_first": ("Reconstruction", "GeneratorStages", "Table", "LatentPrior"),
    "update_last": ("Reconstruction", "GeneratorStages", "Table", "LatentPrior"),
    "update_all": ("Reconstruction", "GeneratorStages", "Table", "LatentPrior"),
    "bsa": ("Reconstruction", "ScaleShiftOnly", "Table", "LatentPrior", "ScaleShiftDecay"),
    "bsa_biggan": ("Reconstruction", "OwnScaleShift", "Table", "LatentPrior"),
    "ewc": ("Adversarial", "All", "Prior", "FisherPenalty"),
    "cdc": ("ImageAndPatch", "All", "PriorAndAnchors", "DistanceConsistency"),
    "adam": ("Adversarial", "ImportantKernels", "Prior"),
    "nst": ("StyleAndContent", "Pixels", "Prior"),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_table_is_complete(name):
    method = methods.get(name)
    cells = method.objective, method.trainable, method.latents, *method.regularizers
    assert tuple(type(cell).__name__ for cell in cells) == ROWS[name]
    # Only one begins anew; only the parts of "update" tell these three apart.
    assert method.from_scratch is (name == "scratch")
    part = name.removeprefix("update_")
    assert part == name or method.settings()["generator_part"] == part


@pytest.mark.parametrize("name", methods.names())
def test_a_row_says_what_it_is(name):
    method = methods.get(name)
    assert method.name == name
    assert method.title
    assert re.search(r"\(\w+ \d{4}\)", method.paper), "where and when it was published"
    # The docstring of each cell, or of a group of its settings, says what each of them is.
    for setting in settings_module.settings(method.cells()).values():
        assert setting.text, setting.name


def test_names_are_sorted_and_unknown_ones_answered_with_the_nearest():
    assert methods.names() == sorted(methods.names())
    with pytest.raises(UserError, match=r"Unknown method 'transfer_gan'\. Did you mean 'transferg"):
        methods.get("transfer_gan")


# Settings -------------------------------------------------------------------------------


def fields_of(cell) -> list[tuple[str, object]]:
    """Names and values of a cell's fields, and of the fields of groups of settings."""
    fields: list[tuple[str, object]] = []
    for field in dataclasses.fields(cell):
        value = getattr(cell, field.name)
        fields += fields_of(value) if dataclasses.is_dataclass(value) else [(field.name, value)]
    return fields


@pytest.mark.parametrize("name", methods.names())
def test_no_cell_has_more_than_twelve_fields_of_its_own(name):
    for cell in methods.get(name).cells():
        assert len(dataclasses.fields(cell)) <= 12, type(cell).__name__


@pytest.mark.parametrize("name", methods.names())
def test_settings_are_the_fields_of_the_cells(name):
    method = methods.get(name)
    settings = method.settings()
    assert {"steps", "batch_size", "ema_decay", "truncation"} <= set(settings)
    assert any(setting.endswith("learning_rate") for setting in settings)
    cells = [method.objective, method.trainable, method.latents, *method.regularizers, method.run]
    fields = [field for cell in cells for field in fields_of(cell)]
    assert list(settings.items()) == fields
    assert len(settings) == len(fields)
    # What they are already changes nothing, and all are of the type that they declare.
    assert method.with_settings(**settings) == method


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "steps": st.integers(1, 10**6),
            "truncation": st.none() | st.floats(0.1, 2.0),
            "r1_gamma": st.floats(0.0, 100.0) | st.integers(0, 100),
            "ewc_strength": st.floats(0.0, 1e9),
            "fisher_cache": st.booleans(),
            "fisher_convention": st.sampled_from(["per_sample", "batch_mean"]),
            "d_learning_rate": st.none() | st.floats(1e-6, 1.0),
        },
    )
)
def test_with_settings_changes_what_it_is_told_and_nothing_else(changes):
    method = methods.get("ewc")
    before = method.settings()
    changed = method.with_settings(**changes)
    assert changed.settings() == {**before, **changes}
    assert method.settings() == before
    for name, value in changes.items():
        kind = float if name == "r1_gamma" else type(value)
        assert type(changed.settings()[name]) is kind
    same = ("name", "title", "paper", "from_scratch", "trainable", "latents")
    assert all(getattr(changed, field) == getattr(method, field) for field in same)


@pytest.mark.parametrize(
    ("method", "typo", "nearest"),
    [
        ("ewc", "step", "steps"),
        ("ewc", "ewc_strenght", "ewc_strength"),
        ("bsa", "latent_nois", "latent_noise"),
        ("transfergan", "r1_gama", "r1_gamma"),
    ],
)
def test_unknown_settings_are_answered_with_the_nearest(method, typo, nearest):
    with pytest.raises(UserError, match=f"setting of method '{method}' '{typo}'.*'{nearest}'"):
        methods.get(method).with_settings(**{typo: 1})


def test_settings_of_another_method_are_unknown():
    with pytest.raises(UserError, match="Unknown setting of method 'transfergan' 'ewc_strength'"):
        methods.get("transfergan").with_settings(ewc_strength=1.0)


@pytest.mark.parametrize(
    ("method", "setting", "value"),
    [
        ("ewc", "steps", "many"),
        ("ewc", "steps", 2.5),
        ("ewc", "steps", None),
        ("ewc", "steps", True),
        ("ewc", "ewc_strength", "strong"),
        ("ewc", "ewc_strength", False),
        ("ewc", "fisher_cache", 1),
        ("ewc", "adversarial_loss", 3),
        # The default is None, the type is not.
        ("ewc", "d_learning_rate", "slow"),
        ("ewc", "truncation", "0.5"),
        ("bsa", "learning_rate", [0.1]),
        ("bsa", "perceptual_weight", True),
    ],
)
def test_values_of_another_type_are_refused(method, setting, value):
    with pytest.raises(UserError) as caught:
        methods.get(method).with_settings(**{setting: value})
    message = str(caught.value)
    assert setting in message
    assert str(value) in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("method", "setting", "wrong", "nearest"),
    [
        ("ewc", "adversarial_loss", "hing", "hinge"),
        ("ewc", "fisher_convention", "batch", "batch_mean"),
        ("bsa", "reconstruction_norm", "l3", "l1"),
        ("bsa", "perceptual_norm", "L2", "l2"),
        ("bsa", "perceptual_input", "torch", "torchvision"),
        ("bsa", "latent_prior_convention", "papers", "paper"),
    ],
)
def test_choices_are_checked_before_anything_is_done(method, setting, wrong, nearest):
    with pytest.raises(UserError, match=f"Unknown {setting} '{wrong}'.*{nearest}"):
        methods.get(method).with_settings(**{setting: wrong})


def test_choices_are_those_that_the_losses_have():
    losses = typing.get_args(typing.get_type_hints(Adversarial)["adversarial_loss"])
    for name in losses:
        assert callable(adversarial.get(name).generator)
    with pytest.raises(UserError) as caught:
        adversarial.get("none of them")
    assert all(name in str(caught.value) for name in losses)
    conventions = typing.get_args(typing.get_type_hints(FisherPenalty)["fisher_convention"])
    assert conventions == fisher.CONVENTIONS


# Registering ----------------------------------------------------------------------------


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict:
    """A copy of the table, so that what a test registers is gone after it."""
    copy = dict(method_module._METHODS)
    monkeypatch.setattr(method_module, "_METHODS", copy)
    return copy


def test_a_new_row_is_found_by_its_name_and_the_last_of_a_name_counts(table):
    first = dataclasses.replace(methods.get("ewc"), name="mine")
    second = dataclasses.replace(first, run=RunDefaults(steps=7))
    count = len(methods.names())
    assert methods.register(first) is first
    assert methods.get("mine") is first
    assert methods.register(second) is second
    assert methods.get("mine") is second
    assert len(methods.names()) == count + 1


def test_two_cells_with_one_setting_are_a_mistake_of_the_row(table):
    twice = dataclasses.replace(
        methods.get("bsa"), name="twice", regularizers=(LatentPrior(), LatentPrior())
    )
    with pytest.raises(RuntimeError, match=r"LatentPrior has a setting 'latent_prior_\w+', as ano"):
        methods.register(twice)
    assert "twice" not in methods.names()


# Learning rates -------------------------------------------------------------------------


@pytest.mark.parametrize(("pictures", "rate"), [(25, 0.1), (50, 0.06), (100, 0.03), (500, 0.02)])
def test_learning_rates_are_those_of_the_paper(pictures, rate):
    """BSA (ICCV 2019), section 4.1, SNGAN."""
    assert math.isclose(rate_by_size(pictures), rate, rel_tol=1e-12)


@given(st.integers(1, 2000))
def test_the_learning_rate_falls_with_the_number_of_pictures(pictures):
    assert 0.02 - 1e-12 <= rate_by_size(pictures + 1) <= rate_by_size(pictures) <= 0.1 + 1e-12


def test_between_two_sizes_the_logarithm_is_straight():
    middle = round(math.sqrt(50 * 100))
    share = math.log(middle / 50) / math.log(2)
    assert np.isclose(rate_by_size(middle), 0.06 ** (1 - share) * 0.03**share)
    assert np.isclose(rate_by_size(middle), math.sqrt(0.06 * 0.03), rtol=0.01)


# The table for a source -----------------------------------------------------------------


def test_the_table_counts_what_moves_of_a_source(build_tiny):
    gan = build_tiny("dcgan")
    heading, *rows = description.table(gan)
    cells = {row[0]: dict(zip(heading, row, strict=True)) for row in rows}
    assert list(cells) == methods.names()
    sizes = {
        network.name: f"{sum(math.prod(v.shape) for v in network.trainable_weights):,}"
        for network in gan.networks()
    }
    assert cells["ewc"]["of G"] == sizes["generator"]
    assert cells["ewc"]["of D"] == sizes["discriminator"]
    # One hidden layer but the last, of 8 channels: gamma and beta.
    assert (cells["bsa"]["of G"], cells["bsa"]["of D"]) == ("16", "0")
    gan.discriminator = None
    heading, *rows = description.table(gan)
    cells = {row[0]: dict(zip(heading, row, strict=True)) for row in rows}
    assert cells["ewc"]["of G"].startswith("no: ")
    assert "discriminator" in cells["ewc"]["of G"]
    assert cells["bsa"]["of G"] == "16"
