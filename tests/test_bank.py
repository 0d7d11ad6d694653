"""The domain bank: what its domains draw, what it keeps, and what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_fewshot.adapted import Adapted
from tf_fewshot.backbones import GAN
from tf_fewshot.bank import DomainBank
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter
from tf_fewshot.export.container import read_container, write_container

from .banks import SOURCES, adapters_of, bsa_like, moved, parts_like, source_of

ROWS = ["five", "source", "nine", "prior", "apart", "five"]


@dataclasses.dataclass(eq=False)
class Case:
    source: GAN
    adapters: dict[str, Adapter]
    bank: DomainBank
    z: np.ndarray
    labels: np.ndarray | None

    known: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def alone(self, name: str) -> np.ndarray:
        """What the adapter's own generator draws, or the source."""
        if name not in self.known:
            self.known[name] = self._alone(name)
        return self.known[name]

    def _alone(self, name: str) -> np.ndarray:
        if name == "source":
            return np.asarray(self.source.generate(self.z, self.labels))
        adapter = self.adapters[name]
        gan = adapter.apply(self.source)
        return np.asarray(gan.generate(self.z, truncation=adapter.sampling["truncation"]))

    def drawn(self, *args, **kwargs) -> np.ndarray:
        return np.asarray(self.bank.generate(self.z, *args, label=self.labels, **kwargs))


def case_of(name: str) -> Case:
    source = source_of(name)
    bank, adapters = DomainBank(source, "tiny"), adapters_of(source)
    for domain, adapter in adapters.items():
        bank.add(domain, adapter)
    z = source.sample_latents(len(ROWS), seed=0)
    labels = np.arange(len(ROWS), dtype=np.int32) % 3 if source.num_classes else None
    return Case(source, adapters, bank, z, labels)


@pytest.fixture(scope="module")
def stylegan() -> Case:
    return case_of("stylegan")


# The others differ from these in what is tested with large.
USUAL = {"biggan of choices", "dcgan", "stylegan", "stylegan2"}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[pytest.mark.large] * (name not in USUAL))
        for name in sorted(SOURCES)
    ],
)
def case(request) -> Case:
    if request.param == "stylegan":
        return request.getfixturevalue("stylegan")
    return case_of(request.param)


class TestRows:
    def test_the_source_is_itself_to_the_bit(self, case):
        np.testing.assert_array_equal(case.drawn("source"), case.alone("source"))

    def test_each_is_what_its_adapter_draws(self, case):
        source = case.alone("source")
        for name in case.adapters:
            alone = case.alone(name)
            np.testing.assert_allclose(case.drawn(name), alone, atol=2e-6 * np.ptp(alone))
            assert np.abs(alone - source).max() > 1e-2 * np.ptp(source)

    def test_a_batch_mixes_them(self, case):
        alone = {name: case.alone(name) for name in set(ROWS)}
        expected = np.stack([alone[name][i] for i, name in enumerate(ROWS)])
        together = case.drawn(ROWS)
        np.testing.assert_allclose(together, expected, atol=2e-6 * np.ptp(expected))
        numbers = [case.bank.names.index(name) for name in ROWS]
        np.testing.assert_array_equal(case.drawn(numbers), together)

    def test_weights_of_one_domain_are_that_domain(self, case):
        for name in case.bank.names:
            at_corner = case.drawn(weights={name: 1.0})
            np.testing.assert_array_equal(at_corner, case.drawn(name))

    def test_a_file_keeps_every_bit(self, case, tmp_path):
        case.bank.save(tmp_path / "a.bank")
        back = DomainBank.load(tmp_path / "a.bank", case.source)
        assert (back.names, back.source_name) == (case.bank.names, "tiny")
        for before, after in zip(case.bank.domains, back.domains, strict=True):
            assert {**vars(after), "weights": None} == {**vars(before), "weights": None}
            assert after.weights.keys() == before.weights.keys()
            for path, value in before.weights.items():
                assert after.weights[path].tobytes() == value.tobytes()
        np.testing.assert_array_equal(
            back.generate(case.z, ROWS, label=case.labels), case.drawn(ROWS)
        )
        back.save(tmp_path / "b.bank")
        assert (tmp_path / "a.bank").read_bytes() == (tmp_path / "b.bank").read_bytes()


def test_adding_and_removing_changes_no_other_domain(stylegan):
    bank = DomainBank(stylegan.source, "tiny")
    names = ["prior", "five"]
    for name in names:
        bank.add(name, stylegan.adapters[name])
    before = {name: np.asarray(bank.generate(stylegan.z, name)) for name in bank.names}
    # One with more axes, one without any, and one with kernels of its own.
    assert bank.add("more", bsa_like(stylegan.source, 7, 12)) == 3
    bank.add("none", bsa_like(stylegan.source, 8, 0))
    bank.add("apart", stylegan.adapters["apart"])
    for name, images in before.items():
        np.testing.assert_array_equal(bank.generate(stylegan.z, name), images)
    bank.remove("prior")
    assert bank.names == ["source", "five", "more", "none", "apart"]
    del before["prior"]
    for name, images in before.items():
        np.testing.assert_array_equal(bank.generate(stylegan.z, name), images)


def test_between_domains_weights_and_latents_are_mixed(stylegan):
    """Against a generator with the mixed weights, fed with the mixed styles."""
    shares = {"source": 0.2, "five": 0.5, "prior": 0.3}
    source, z = stylegan.source, stylegan.z
    own = [source, *(stylegan.adapters[n].apply(source) for n in ("five", "prior"))]
    mixed, styles = source.with_scale_shift(), 0.0
    values = [{v.path: v.numpy() for v in gan.generator.weights} for gan in own]
    weights = list(shares.values())
    for role in mixed.scale_shift_roles():
        for variable, neutral in ((role.gammas[0], 1.0), (role.betas[0], 0.0)):
            parts = [v.get(variable.path, np.full(variable.shape, neutral)) for v in values]
            variable.assign(sum(w * part for w, part in zip(weights, parts, strict=True)))
    for weight, gan in zip(weights, own, strict=True):
        styles = styles + weight * gan.generator.layer_styles(z)
    expected = mixed.generator.synthesize(styles)
    images = stylegan.bank.generate(z, weights=shares, truncation=1.0)
    np.testing.assert_allclose(images, expected, atol=1e-5 * np.ptp(expected))
    rows = np.zeros((len(z), 5), np.float32)
    rows[:, [0, 1, 3]] = weights
    np.testing.assert_array_equal(stylegan.bank.generate(z, weights=rows, truncation=1.0), images)


@pytest.mark.parametrize("name", ["dcgan", pytest.param("stylegan", marks=pytest.mark.large)])
def test_latents_of_parts(name):
    source = source_of(name)
    bank, z = DomainBank(source, "tiny"), source.sample_latents(4, seed=0)
    adapters = {str(seed): parts_like(source, seed) for seed in range(2)}
    bank.add("prior", bsa_like(source, 5, 0))
    for number, adapter in adapters.items():
        bank.add(number, adapter)
    for number, adapter in adapters.items():
        for psi in (1.0, 0.5):
            alone = np.asarray(adapter.apply(source).generate(z, truncation=psi))
            images = bank.generate(z, number, truncation=psi)
            np.testing.assert_allclose(images, alone, atol=2e-6 * np.ptp(alone))
    np.testing.assert_array_equal(bank.generate(z), source.generate(z))
    with pytest.raises(UserError, match=r"a Gaussian of latents, and others .* latents of parts"):
        bank.add("gaussian", bsa_like(source, 6))
    with pytest.raises(UserError, match="no network can have together"):
        bank.add("six", parts_like(source, 6, 6))
    assert bank.names == ["source", "prior", "0", "1"]


@pytest.mark.parametrize("name", [pytest.param("stylegan", marks=pytest.mark.large), "dcgan"])
def test_samples_are_those_of_the_adapter(name):
    source = source_of(name)
    bank, adapter = DomainBank(source, "tiny"), bsa_like(source, 1, truncation=0.7)
    bank.add("five", adapter)
    expected = Adapted(adapter.apply(source), adapter).sample(3, seed=2)
    # A pixel between two levels may be rounded to either.
    difference = bank.sample(3, 2, "five").astype(int) - expected
    assert np.abs(difference).max() <= 1
    assert np.mean(difference != 0) < 0.01


def test_truncation_of_each_row(stylegan):
    images = stylegan.bank.generate(stylegan.z, ROWS, truncation=[0.0, 0.3, 1, 0.7, 0.5, 0.9])
    for i, (name, psi) in enumerate(zip(ROWS, [0.0, 0.3, 1, 0.7, 0.5, 0.9], strict=True)):
        gan = stylegan.source
        gan = gan if name == "source" else stylegan.adapters[name].apply(gan)
        alone = np.asarray(gan.generate(stylegan.z, truncation=psi))
        np.testing.assert_allclose(images[i], alone[i], atol=2e-6 * np.ptp(alone))


def test_it_can_be_traced(stylegan):
    network = stylegan.bank.network

    @tf.function
    def draw(z, domains):
        return network.chosen(z, domains)

    numbers = np.array([1, 0, 2, 3, 4, 1], np.int32)
    images = draw(tf.constant(stylegan.z), tf.constant(numbers))
    expected = np.asarray(stylegan.bank.generate(stylegan.z, numbers, truncation=1.0))
    np.testing.assert_allclose(images, expected, atol=1e-5 * np.ptp(expected))
    # Nothing of a call is left for the next.
    np.testing.assert_array_equal(network.gan.generate(stylegan.z), stylegan.alone("source"))


@pytest.fixture(scope="module")
def bank() -> DomainBank:
    bank = DomainBank(source_of("stylegan"), "tiny")
    bank.add("five", bsa_like(bank.source, 1))
    return bank


class TestRefusals:
    def test_what_changes_kernels(self, bank):
        adapted = bank.source.with_scale_shift()
        adapted.generator.blocks[1].conv1.weight.assign_add(
            tf.ones_like(adapted.generator.blocks[1].conv1.weight)
        )
        adapter = Adapter.from_gans(bank.source, adapted, method="ewc", source_name="tiny")
        with pytest.raises(UserError, match=r"'cats' \(ewc\) .*8x8/Conv1/weight.*bank export"):
            bank.add("cats", adapter)
        assert bank.names == ["source", "five"]

    def test_a_miner(self, bank):
        adapted = bank.source.with_miner([4])
        adapted.miner_variables()[0].assign_add(tf.ones_like(adapted.miner_variables()[0]))
        adapter = Adapter.from_gans(bank.source, adapted, method="minegan", source_name="tiny")
        with pytest.raises(UserError, match="miner"):
            bank.add("mined", adapter)

    def test_another_source(self, bank):
        other = source_of("stylegan", seed=9)
        with pytest.raises(UserError, match="This adapter was made for tiny"):
            bank.add("other", bsa_like(other, 1))

    @pytest.mark.parametrize("name", ["five", "source", "", " a", "a\n"])
    def test_names(self, bank, name):
        with pytest.raises(UserError, match=r"already|needs a name"):
            bank.add(name, bsa_like(bank.source, 2))

    def test_domains_that_there_are_not(self, bank):
        z = bank.source.sample_latents(2, seed=0)
        for domains, message in [
            ("fife", "Did you mean 'five'"),
            (2, r"no domain 2: this bank has domains 0 \('source'\) to 1 \('five'\)"),
            (-1, "no domain -1"),
            ([0, 1, 1], "2 latents need 2 domains"),
            (1.5, "not 1.5"),
            (True, "not True"),
        ]:
            with pytest.raises(UserError, match=message):
                bank.generate(z, domains)
        with pytest.raises(UserError, match="cannot be removed"):
            bank.remove("source")
        with pytest.raises(UserError, match="Unknown domain 'six'"):
            bank.remove("six")
        with pytest.raises(UserError, match="its source alone"):
            DomainBank(bank.source).generate(z, 1)

    def test_weights(self, bank):
        z = bank.source.sample_latents(2, seed=0)
        for weights, message in [
            ([0.5, 0.4], "add up to 0.9"),
            ([[1.0, 0.0], [np.nan, 1.0]], "row 1 are not all finite"),
            ([1.0], "a column for each of the 2 domains"),
            ([[1.0, 0.0]] * 3, r"shape \[3, 2\]"),
            ({"six": 1.0}, "Unknown domain 'six'"),
            ("half", "are numbers"),
        ]:
            with pytest.raises(UserError, match=message):
                bank.generate(z, weights=weights)
        with pytest.raises(UserError, match="truncation must be"):
            bank.generate(z, truncation=[1.0, 2.0, 3.0])
        with pytest.raises(UserError, match="no classes"):
            bank.generate(z, label=1)
        with pytest.raises(UserError, match=r"\[N, 8\]"):
            bank.generate(z[:, :3])

    def test_classes_of_its_own(self):
        source = source_of("biggan")
        adapted = moved(source.with_scale_shift(), 1)
        adapted.generator.class_weight.assign_add(tf.ones_like(adapted.generator.class_weight))
        adapter = Adapter.from_gans(source, adapted, method="bsa_biggan", source_name="tiny")
        with pytest.raises(UserError, match="3 classes of its own"):
            DomainBank(source).add("many", adapter)

    def test_a_mean_of_choices(self):
        source = source_of("biggan of choices")
        with pytest.raises(UserError, match="class_start"):
            DomainBank(source).add("blurred", bsa_like(source, 1, 0, start="mean"))

    def test_files(self, bank, tmp_path):
        bank.save(tmp_path / "a.bank")
        content = (tmp_path / "a.bank").read_bytes()
        (tmp_path / "cut.bank").write_bytes(content[: len(content) // 2])
        with pytest.raises(UserError, match=r"cut\.bank is damaged"):
            DomainBank.load(tmp_path / "cut.bank", bank.source)
        with pytest.raises(UserError, match="Cannot read"):
            DomainBank.load(tmp_path / "none.bank", bank.source)
        with pytest.raises(UserError, match=r"is a bank of tiny .*not of"):
            DomainBank.load(tmp_path / "a.bank", source_of("stylegan", seed=9))
        bsa_like(bank.source, 1).save(tmp_path / "adapter")
        with pytest.raises(UserError, match="not a bank"):
            DomainBank.load(tmp_path / "adapter", bank.source)
        with pytest.raises(UserError, match="not an adapter"):
            bank.add("bank", tmp_path / "a.bank")
        empty = DomainBank(bank.source, "tiny")
        empty.save(tmp_path / "empty.bank")
        assert DomainBank.load(tmp_path / "empty.bank", bank.source).names == ["source"]

    @pytest.mark.parametrize(
        "change",
        [
            {"format_version": 2},
            {"format_version": "1"},
            {"source": 3},
            {"domains": [{}]},
            {"domains": []},
            {"tables": []},
            {"tables": [{"path": "generator/none", "domains": [0]}] * 30},
            {"extra": 1},
        ],
    )
    def test_metadata_that_is_not_ours(self, bank, tmp_path, change):
        bank.save(tmp_path / "a")
        arrays, metadata = read_container(tmp_path / "a")
        write_container(tmp_path / "b", arrays, {**metadata, **change})
        with pytest.raises(UserError):
            DomainBank.load(tmp_path / "b", bank.source)

    def test_weights_that_do_not_fit(self, bank, tmp_path):
        bank.save(tmp_path / "a")
        arrays, metadata = read_container(tmp_path / "a")
        for table in metadata["tables"]:
            table["path"] = table["path"].replace("4x4", "5x5")
        write_container(tmp_path / "b", arrays, metadata)
        with pytest.raises(UserError, match="5x5"):
            DomainBank.load(tmp_path / "b", bank.source).generate(bank.source.sample_latents(1))
