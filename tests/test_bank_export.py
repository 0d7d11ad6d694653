"""Banks as served models: signatures, refusals within the graph, and the server's files."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from tf_fewshot.adapted import Adapted
from tf_fewshot.bank import DomainBank
from tf_fewshot.bank.server_files import BATCHING, MODELS
from tf_fewshot.compat.saved_models import METADATA, WARMUP
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter, verify
from tf_fewshot.export.verify import CPP, SESSION, Example

from .banks import bsa_like, fsgan_like, source_of

SIGNATURES = {"serving_default", "generate_from_seed", "png", "morph", "morph_png"}


@dataclasses.dataclass
class Served:
    bank: DomainBank
    path: Path

    def __post_init__(self):
        self.model = tf.saved_model.load(self.path)
        self.metadata = json.loads((self.path / METADATA).read_text())

    def inputs(self, **changes) -> dict[str, tf.Tensor]:
        """Inputs of two rows, for any signature but those of weights."""
        inputs = {
            "seed": tf.constant([3, 4], tf.int64),
            "domain": tf.constant([1, 3]),
            "truncation": tf.constant([0.7, 1.0]),
        }
        if self.bank.source.num_classes:
            inputs["label"] = tf.constant([2, 1])
        return {k: v for k, v in {**inputs, **changes}.items() if v is not None}

    def images(self, signature: str = "generate_from_seed", **changes) -> np.ndarray:
        inputs = self.inputs(**changes)
        return self.model.signatures[signature](**inputs)["images"].numpy()


@pytest.fixture(
    scope="module",
    params=[
        "dcgan",
        pytest.param("stylegan", marks=pytest.mark.large),
        pytest.param("biggan of choices", marks=pytest.mark.large),
    ],
)
def served(request, tmp_path_factory) -> Served:
    source = source_of(request.param)
    bank = DomainBank(source, "tiny")
    first = 1 if source.num_classes else "mean"
    bank.add("five", bsa_like(source, 1, truncation=0.7))
    bank.add("nine", bsa_like(source, 2, 9))
    bank.add("prior", bsa_like(source, 3, 0, first, truncation=0.5))
    bank.add("more", bsa_like(source, 4, 0, first))
    folder = tmp_path_factory.mktemp("serving")
    adapted = source.with_one_class(0).clone()
    kernel = adapted.generator_stages()[-1].variables[0]
    kernel.assign_add(tf.ones_like(kernel))
    other = Adapter.from_gans(source, adapted, method="ewc", source_name="tiny")
    with pytest.raises(UserError, match="share"):
        bank.add("cats", other)
    beside = {"cats": Adapted(other.apply(source), other)}
    return Served(bank, bank.export(folder / "drawn", beside=beside, root="/models/"))


def test_what_is_said_of_it(served):
    metadata = served.metadata
    assert metadata["domains"] == ["source", "five", "nine", "prior", "more"]
    assert metadata["domain_methods"] == [None, *["bsa"] * 4]
    own = served.bank.source.no_truncation
    np.testing.assert_allclose(metadata["domain_truncations"], [own, 0.7, own, 0.5, own])
    # And what other exports say.
    cats = json.loads((served.path.parent.parent / "cats" / "1" / METADATA).read_text())
    assert set(cats) < set(metadata)
    assert metadata["fingerprint"] == served.bank.source.fingerprint()
    for loader in (SESSION, CPP):
        assert set(metadata["checked"]["differences"][loader]) == SIGNATURES
    assert not metadata["checked"]["not_checked"]


def test_people_are_told_of_every_domain(served):
    card = (served.path / "README.md").read_text("utf-8")
    for row in ("| 0 | source | – |", "| 2 | nine | bsa |"):
        assert row in card
    assert "in 4 other domains" in card and "license: other" in card.replace('"', "")
    program = card.split("```python\n")[1].split("```")[0]
    assert "domain=tf.constant([4])" in program
    with Image.open(served.path / "samples.png") as picture:
        assert picture.mode == "RGB"


def test_signatures(served):
    bank, image = served.bank, (None, *served.bank.source.image_shape)
    rest = {"truncation": (None,)}
    rest |= {"label": (None,)} if bank.source.num_classes else {}
    domain, weights = {"domain": (None,), **rest}, {"weights": (None, 5), **rest}
    seed, images, files = {"seed": (None,)}, {"images": image}, {"images_bytes": (None,)}
    shapes = {
        name: (
            {k: tuple(v.shape) for k, v in s.structured_input_signature[1].items()},
            {k: tuple(v.shape) for k, v in s.structured_outputs.items()},
        )
        for name, s in served.model.signatures.items()
    }
    assert shapes == {
        "serving_default": ({"z": (None, bank.source.latent_dim), **domain}, images),
        "generate_from_seed": ({**seed, **domain}, images),
        "png": ({**seed, **domain}, files),
        "morph": ({**seed, **weights}, images),
        "morph_png": ({**seed, **weights}, files),
    }


def test_latents_are_those_of_the_bank(served):
    bank, rows = served.bank, 5
    z, domains = bank.source.sample_latents(rows, seed=0), np.arange(rows, dtype=np.int32)
    truncation = np.linspace(0.4, 1.0, rows).astype(np.float32)
    labels = np.full(rows, 2, np.int32) if bank.source.num_classes else None
    expected = np.clip(bank.generate(z, domains, truncation=truncation, label=labels), -1, 1)
    images = served.images(
        "serving_default",
        seed=None,
        z=tf.constant(z),
        domain=tf.constant(domains),
        truncation=tf.constant(truncation),
        label=None if labels is None else tf.constant(labels),
    )
    np.testing.assert_allclose(images, expected, atol=2e-5)


def test_rows_do_not_depend_on_their_batch(served):
    together = served.images()
    for i in range(2):
        alone = served.images(**{k: v[i : i + 1] for k, v in served.inputs().items()})
        np.testing.assert_allclose(alone[0], together[i], atol=2e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3
    # The same seed in two domains is two pictures.
    same = served.images(seed=tf.constant([3, 3], tf.int64), truncation=tf.constant([1.0, 1.0]))
    assert np.abs(same[0] - same[1]).max() > 1e-3


def test_a_morph_ends_at_domains_and_lies_between(served):
    seed, ones = tf.constant([3, 3, 3], tf.int64), tf.ones([3])
    label = tf.constant([2, 2, 2]) if served.bank.source.num_classes else None
    rest = {"seed": seed, "truncation": ones, "label": label}
    weights = tf.constant([[0, 1.0, 0, 0, 0], [0, 0.5, 0.5, 0, 0], [0, 0, 1, 0, 0]])
    morph = served.images("morph", domain=None, weights=weights, **rest)
    ends = served.images(domain=tf.constant([1, 1, 2]), **rest)
    np.testing.assert_allclose(morph[[0, 2]], ends[[0, 2]], atol=2e-5)
    assert np.abs(morph[1] - ends).max() > 1e-3
    files = served.model.signatures["morph_png"](
        **served.inputs(weights=weights, domain=None, **rest)
    )["images_bytes"].numpy()
    for image, file in zip(morph, files, strict=True):
        picture = np.asarray(Image.open(io.BytesIO(file)))
        assert np.abs(picture - (image + 1) * 127.5).max() <= 0.51


@pytest.mark.parametrize("domain", [[0, 5], [-1, 0]])
def test_a_domain_that_there_is_not_is_refused(served, domain):
    with pytest.raises(tf.errors.InvalidArgumentError, match="domain must be from 0 to 4"):
        served.images(domain=tf.constant(domain))


@pytest.mark.parametrize("row", [[0.5, 0.4, 0, 0, 0], [np.nan, 1, 0, 0, 0], [2, 0, 0, 0, 0]])
def test_weights_that_do_not_fit_are_refused(served, row):
    weights = tf.constant([[1, 0, 0, 0, 0], row], tf.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"5 weights .* must add up to 1"):
        served.images("morph", domain=None, weights=weights)


def test_both_loaders_refuse(served):
    """In a loaded graph nothing but what an output needs is run."""
    images = np.zeros((2, *served.bank.source.image_shape), np.float32)
    inputs = {k: v.numpy() for k, v in served.inputs(domain=tf.constant([1, 7])).items()}
    wrong = Example("generate_from_seed", inputs, {"images": images})
    signatures, library = verify._signatures(served.path), verify._library()
    assert library is not None
    with pytest.raises(UserError, match=r"session loader says: .*domain must be from 0 to 4"):
        verify._in_session(served.path, signatures, [wrong])
    with pytest.raises(UserError, match=r"C\+\+ loader says: .*domain must be from 0 to 4"):
        verify._in_cpp(library, served.path, signatures, [wrong])


def test_graph_holds_the_network_once(served):
    """Two signatures would be two networks, and five of them five."""
    model = saved_model_pb2.SavedModel.FromString((served.path / "saved_model.pb").read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    kinds = ("Conv2D", "Conv2DBackpropInput")
    counts = [sum(node.op in kinds for node in f.node_def) for f in functions]
    assert sorted(counts)[-2:][0] == 0 < max(counts)


def test_the_files_of_the_server(served):
    folder = served.path.parent.parent
    text = (folder / MODELS).read_text()
    assert re.findall(r'name: "(\w+)"', text) == ["cats", "drawn"]
    assert re.findall(r'base_path: "(.+)"', text) == ["/models/cats", "/models/drawn"]
    if importlib.util.find_spec("tensorflow_serving") is None:
        return
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    assert [c.name for c in config.model_config_list.config] == ["cats", "drawn"]
    assert config.model_config_list.config[1].model_platform == "tensorflow"
    values = dict(re.findall(r"^(\w+) \{ value: (\d+) \}$", (folder / BATCHING).read_text(), re.M))
    assert set(values) == {
        "max_batch_size",
        "batch_timeout_micros",
        "max_enqueued_batches",
        "num_batch_threads",
    }


def test_warm_up_asks_every_signature(served):
    if importlib.util.find_spec("tensorflow_serving") is None:
        assert not (served.path / WARMUP).exists()
        return
    from tensorflow_serving.apis import prediction_log_pb2

    asked = set()
    for record in tf.compat.v1.io.tf_record_iterator(str(served.path / WARMUP)):
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        name = request.model_spec.signature_name
        inputs = {k: tf.constant(tf.make_ndarray(v)) for k, v in request.inputs.items()}
        assert len(next(iter(served.model.signatures[name](**inputs).values()))) == 4
        asked.add(name)
    assert asked == SIGNATURES


@pytest.mark.large
def test_rows_that_are_drawn_apart_are_served(tmp_path):
    bank = DomainBank(source_of("dcgan"), "tiny")
    bank.add("five", bsa_like(bank.source, 1))
    bank.add("singular", fsgan_like(bank.source, 2))
    served = Served(bank, bank.export(tmp_path / "drawn"))
    z, domains = bank.source.sample_latents(4, seed=0), np.array([2, 0, 2, 1], np.int32)
    for rows in (domains, np.zeros_like(domains), np.full_like(domains, 2)):
        images = served.model.signatures["serving_default"](
            z=tf.constant(z), domain=tf.constant(rows), truncation=tf.fill([4], 10.0)
        )["images"]
        np.testing.assert_allclose(images, bank.generate(z, rows), atol=1e-5)


class TestNothingIsWrittenOver:
    @pytest.fixture
    def bank(self) -> DomainBank:
        bank = DomainBank(source_of("dcgan"), "tiny")
        bank.add("five", bsa_like(bank.source, 1, 0))
        return bank

    def test_a_list_of_models_by_someone_else(self, bank, tmp_path):
        (tmp_path / MODELS).write_text("model_config_list {}\n")
        with pytest.raises(UserError, match=r"models\.config was not written by tf-fewshot"):
            bank.export(tmp_path / "drawn")
        assert (tmp_path / MODELS).read_text() == "model_config_list {}\n"
        assert not (tmp_path / "drawn").exists()

    def test_an_empty_bank_and_two_of_one_name(self, bank, tmp_path):
        with pytest.raises(UserError, match="no domains yet"):
            DomainBank(bank.source).export(tmp_path / "drawn")
        with pytest.raises(UserError, match="Two models"):
            bank.export(tmp_path / "drawn", beside={"drawn": tmp_path})
        with pytest.raises(UserError, match="its name is that of a folder"):
            bank.export(tmp_path / "drawn", beside={"../other": tmp_path})
        with pytest.raises(UserError, match="Cannot read"):
            bank.export(tmp_path / "drawn", beside={"other": tmp_path / "none"})
        assert not any(tmp_path.iterdir())

    def test_a_check_that_fails(self, bank, tmp_path):
        with pytest.raises(UserError, match="session loader"):
            bank.export(tmp_path / "drawn", tolerance=-1.0)
        assert not any(tmp_path.iterdir())
