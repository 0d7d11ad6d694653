"""What a served bank answers: the signatures of one SavedModel with many domains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..backbones.sampling import quantised
from ..export.card import Card, Part
from ..export.card import shown as shown_of
from ..export.checked import checked_latents, checked_number, checked_truncation, required
from ..export.loading import saved_model_lines
from ..export.origin import origin_of, public_name
from ..export.sampling import latents_of_seeds, png_files
from ..export.saved_model import description
from ..export.verify import Example, examples_of
from .network import BankNetwork

# How far from 1 the weights of a request may add up to: they come as decimal numbers.
_SUM_TOLERANCE = 1e-3
_SHOWN = 4

Signature = tuple[str, Callable, list[tf.TensorSpec]]


class BankEndpoints:
    """The signatures of a bank, as functions that also run eagerly.

    Args:
        network: Of the bank.
        names: Of its domains, in the order of their numbers.
        source_name: Name of the source.
        methods: The method of each domain from number 1 on.
    """

    def __init__(
        self, network: BankNetwork, names: Sequence[str], source_name: str, methods: Sequence[str]
    ):
        self._bank, self.gan = network, network.gan
        self.names, self._source_name, self._methods = list(names), source_name, list(methods)
        self._network: Callable = self._images

    # Signatures --------------------------------------------------------------------

    def from_latents(self, z, domain, truncation, label=None):
        """Returns the outputs of the signature ``serving_default``."""
        z, truncation = checked_latents(z), checked_truncation(truncation)
        return {"images": self._of_domains(z, domain, truncation, label)}

    def from_seeds(self, seed, domain, truncation, label=None):
        """Returns the outputs of the signature ``generate_from_seed``."""
        truncation = checked_truncation(truncation)
        z = self._latents(seed, truncation)
        return {"images": self._of_domains(z, domain, truncation, label)}

    def png(self, seed, domain, truncation, label=None):
        """Returns the outputs of the signature ``png``."""
        return png_files(self.from_seeds(seed, domain, truncation, label)["images"])

    def morph(self, seed, weights, truncation, label=None):
        """Returns the outputs of the signature ``morph``."""
        truncation = checked_truncation(truncation)
        z = self._latents(seed, truncation)
        weights = self._checked_weights(weights)
        label = self._bank.label(tf.argmax(weights, 1, tf.int32), self._checked_label(label))
        return {"images": self._called(z, self._bank.mixed_values(weights), label, truncation)}

    def morph_png(self, seed, weights, truncation, label=None):
        """Returns the outputs of the signature ``morph_png``."""
        return png_files(self.morph(seed, weights, truncation, label)["images"])

    def all(self) -> Iterator[Signature]:
        """Name, function and inputs of each signature."""
        count = len(self.names)
        seed = tf.TensorSpec([None], tf.int64, "seed")
        z = tf.TensorSpec([None, self.gan.latent_dim], tf.float32, "z")
        domain = tf.TensorSpec([None], tf.int32, "domain")
        weights = tf.TensorSpec([None, count], tf.float32, "weights")
        rest = [tf.TensorSpec([None], tf.float32, "truncation")]
        if self.gan.num_classes:
            rest.append(tf.TensorSpec([None], tf.int32, "label"))
        yield "serving_default", self.from_latents, [z, domain, *rest]
        yield "generate_from_seed", self.from_seeds, [seed, domain, *rest]
        yield "png", self.png, [seed, domain, *rest]
        yield "morph", self.morph, [seed, weights, *rest]
        yield "morph_png", self.morph_png, [seed, weights, *rest]

    def signatures(self) -> Iterator[Signature]:
        """Those of :meth:`all`, which call the network as one graph rather than hold one each."""
        twin = BankEndpoints(self._bank, self.names, self._source_name, self._methods)
        # All call it with the same shapes, so that it is traced once.
        twin._network = tf.function(self._images, autograph=False, reduce_retracing=True)
        return twin.all()

    # What they share ---------------------------------------------------------------

    def _images(self, z, values, truncation, label=None):
        images = self._bank.drawn(z, values, label, truncation)
        return tf.clip_by_value(tf.cast(images, tf.float32), -1.0, 1.0)

    def _of_domains(self, z, domain, truncation, label):
        domain = checked_number(domain, len(self.names), "domain")
        label = self._bank.label(domain, self._checked_label(label))
        return self._called(z, self._bank.values(domain), label, truncation)

    def _called(self, z, values, label, truncation):
        labels = () if label is None else (label,)
        return self._network(z, values, truncation, *labels)

    def _latents(self, seed, truncation):
        z = latents_of_seeds(seed, self.gan.latent_dim)
        return self.gan.truncate_latents(z, truncation)

    def _checked_weights(self, weights):
        sums = tf.reduce_sum(weights, 1)
        message = f"the {len(self.names)} weights of each row must add up to 1"
        # Also false for what is not a number.
        return required(tf.abs(sums - 1.0) <= _SUM_TOLERANCE, message, weights, sums)

    def _checked_label(self, label):
        return None if label is None else checked_number(label, self.gan.num_classes, "label")

    @property
    def domains(self) -> list[tuple[str, str | None]]:
        """The name and method of each domain, the source first."""
        return list(zip(self.names, [None, *self._methods], strict=True))

    def write_card(self, folder: Path, title: str) -> None:
        """Writes ``README.md`` and ``samples.png``, with pictures of every domain in turn."""
        shown, _ = shown_of(self.gan)
        numbers = np.arange(shown) % len(self.names)
        z = self.gan.sample_latents(shown, 0)
        label = np.zeros(shown, np.int32) if self.gan.num_classes else None
        truncation = self._bank.truncations[numbers]
        rest = () if label is None else (tf.constant(label),)
        images = self.from_latents(
            tf.constant(z), tf.constant(numbers, tf.int32), tf.constant(truncation), *rest
        )["images"]
        lines = saved_model_lines(
            self.gan.num_classes, float(self._bank.truncations[-1]), len(self.names)
        )
        part = Part("SavedModel of a bank, for TensorFlow and TF-Serving", lines, ["tf-serving"])
        card = Card(self._bank.source, None, (), quantised(images).numpy(), self.domains)
        card.write(folder, title, [part])

    # For the check, and for people ---------------------------------------------------

    def examples(self) -> list[Example]:
        """Fixed inputs for every signature with eager outputs, computed on the CPU.

        Their rows are of domains spread over all, and of truncations from that of each down.
        """
        count = len(self.names)
        domain = np.unique(np.linspace(0, count - 1, _SHOWN).round().astype(np.int32))
        rows = len(domain)
        between = np.zeros((rows, count), np.float32)
        between[np.arange(rows), domain] = 0.75
        between[np.arange(rows), domain[::-1]] += 0.25
        values: dict[str, np.ndarray] = {
            "z": np.random.default_rng(0).standard_normal((rows, self.gan.latent_dim), np.float32),
            "seed": np.arange(rows, dtype=np.int64),
            "domain": domain,
            "weights": between,
            "truncation": self._bank.truncations[domain] / 2 ** np.arange(rows, dtype=np.float32),
        }
        if self.gan.num_classes:
            values["label"] = np.arange(rows, dtype=np.int32) % self.gan.num_classes
        return examples_of(self.all(), values)

    def describe(self) -> Mapping[str, Any]:
        """Returns what is said of it beside the SavedModel."""
        own = description(self._bank.source)
        return {
            **origin_of(self._bank.source, None),
            **own,
            "method": None,
            "source": public_name(self._source_name),
            "source_fingerprint": own["fingerprint"],
            "settings": {},
            "latents": "z",
            "latent_dim": self.gan.latent_dim,
            "default_truncation": self.gan.no_truncation,
            "no_truncation": self.gan.no_truncation,
            "domains": self.names,
            "domain_methods": [None, *self._methods],
            "domain_truncations": [float(t) for t in self._bank.truncations],
        }
