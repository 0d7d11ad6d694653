"""What changed by layer, what matters there, and how far weights went while runs trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tf_fewshot import analysis
from tf_fewshot.errors import UserError
from tf_fewshot.methods.cells.elastic import FisherPenalty
from tf_fewshot.training.drift import STAT, Drift
from tf_fewshot.training.run_folder import RunFolder

from .test_extensions import every, plain, source_of


@every
def test_a_generator_changed_in_one_layer_changed_there_alone(architecture):
    source = source_of(architecture)
    adapted = source.clone()
    stages = [s for s in adapted.generator_stages() if any(v.trainable for v in s.variables)]
    changed = stages[len(stages) // 2]
    for variable in changed.variables:
        if variable.trainable:
            variable.assign(1.5 * variable)
    rates = analysis.change_rates(source, adapted)
    assert rates.layers == tuple(stage.name for stage in stages)
    wanted = [0.5 if stage is changed else 0.0 for stage in stages]
    np.testing.assert_allclose(rates.rates, wanted, rtol=1e-5)


def test_added_scale_and_shift_count_as_what_they_do(tiny_dcgan):
    adapted = tiny_dcgan.with_scale_shift()
    assert not analysis.change_rates(tiny_dcgan, adapted).rates.any()
    adapted.scale_shift_roles()[0].gammas[0].assign_add(np.full(8, 0.5))
    assert np.flatnonzero(analysis.change_rates(tiny_dcgan, adapted).rates).tolist() == [0]
    with pytest.raises(UserError, match="one architecture, not 'sngan' with 'dcgan'"):
        analysis.change_rates(plain("sngan"), adapted)


def test_fisher_by_layer_is_the_mean_of_the_penaltys_own(tiny_dcgan):
    found = analysis.fisher_by_layer(tiny_dcgan, samples=4, cache=False)
    diagonal = FisherPenalty(fisher_samples=4, fisher_cache=False).diagonal(tiny_dcgan)
    for layer, mean, count in zip(found.layers, found.means, found.counts, strict=True):
        (stage,) = [s for s in tiny_dcgan.generator_stages() if s.name == layer]
        values = np.concatenate([diagonal[v.path].ravel() for v in stage.variables if v.trainable])
        assert count == len(values)
        np.testing.assert_allclose(mean, values.mean(), rtol=1e-5)
    assert found.likelihood == "discriminator" and found.counts.sum() == sum(
        v.numpy().size for v in tiny_dcgan.generator.trainable_weights
    )


def test_a_source_without_discriminator_is_measured_by_its_pixels():
    found = analysis.fisher_by_layer(source_of("dcgan").without_discriminator(), 2, cache=False)
    assert found.likelihood == "pixels" and (found.means > 0).all()


def test_drift_is_the_relative_distance_from_the_start(tiny_dcgan):
    gan = tiny_dcgan.with_scale_shift()
    drift = Drift(gan.generator, tiny_dcgan.generator)
    assert drift() == 0.0
    weights = gan.generator.trainable_weights
    for weight in weights:
        weight.assign(1.25 * weight)
    assert drift() == pytest.approx(0.25, rel=1e-5)
    assert Drift(gan.generator, tiny_dcgan.generator)() < 0.25  # γ and β begin where they are


def recorded(place: Path) -> Path:
    """Writes two run folders with recorded drift, and one without, into a folder."""
    for name, slope in (("ewc", 0.01), ("fine", 0.04), ("old", None)):
        with RunFolder.open(place / name, {"method": name}) as folder:
            for step in (10, 20):
                values = {"loss": 1.0} if slope is None else {STAT: slope * step}
                folder.append_stats(step, values)
    return place


def test_drift_is_read_from_what_runs_recorded(tmp_path):
    runs = recorded(tmp_path)
    found = analysis.drifts_of_runs([runs / "ewc", f"plain={runs / 'fine'}"])
    assert found.names == ("ewc (ewc)", "plain")
    np.testing.assert_allclose(found.drifts, [[0.1, 0.2], [0.4, 0.8]])
    np.testing.assert_array_equal(found.steps[0], [10, 20])
    for wrong, said in (
        ([], "Give the folders of runs"),
        ([runs], "is no run folder: it has no config.json"),
        ([runs / "old"], "recorded no drift: it was trained by an earlier release"),
        ([runs / "ewc", runs / "ewc"], r"Two runs are called alike \(ewc"),
    ):
        with pytest.raises(UserError, match=said):
            analysis.drifts_of_runs(wrong)
