"""Adapter files: only what an adaptation changed of a generator."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..backbones import GAN
from ..backbones.upgrade import upgraded
from ..errors import UserError
from .container import check_format, read_container, write_container, wrong_fields
from .sampling import Sampling
from .upgrade import upgraded_adapter

FORMAT = "tf_fewshot.adapter"
FORMAT_VERSION = 1
# Precision is a choice of whoever runs the network, not of the adaptation.
_NOT_ADAPTED = {"dtype"}


@dataclasses.dataclass(eq=False)
class Adapter:
    """What turns a source generator into an adapted one.

    Attributes:
        method: Name of the method that made it.
        source: Name, path or handle of the source.
        source_fingerprint: ``gan.fingerprint("generator")`` of the source.
        architecture: The source's.
        config_changes: Keyword arguments of the backbone that differ from the
            source's, such as ``{"extensions": [{"name": "scale_shift"}]}``; files of earlier
            releases have ``{"scale_shift": True}``.
        weights: By path, the generator's weights that differ from the source's;
            float32, or float16 if it was saved in half precision.
        settings: JSON: the method's settings, steps, seed, number of pictures, …
        sampling: JSON, see :class:`~tf_fewshot.export.sampling.Sampling`.
        format_version: Of the file.
    """

    method: str
    source: str
    source_fingerprint: str
    architecture: str
    config_changes: dict[str, Any]
    weights: dict[str, np.ndarray] = dataclasses.field(repr=False)
    settings: dict[str, Any]
    sampling: dict[str, Any]
    format_version: int = FORMAT_VERSION

    @classmethod
    def from_gans(
        cls,
        source: GAN,
        adapted: GAN,
        *,
        method: str,
        source_name: str,
        settings: Mapping[str, Any] | None = None,
        sampling: Mapping[str, Any] | None = None,
    ) -> Adapter:
        """Keeps what differs, bit by bit, between two generators in float32.

        Weights that the source lacks are kept unless they have their initial value.
        Discriminators, optimizers and the state of random generators are no part of it.

        Raises:
            UserError: if the two are not of one architecture.
        """
        if source.architecture != adapted.architecture:
            raise UserError(
                f"An adapter needs one architecture: the source is {source.architecture!r}, "
                f"the adapted GAN {adapted.architecture!r}."
            )
        changes = {
            key: value
            for key, value in adapted.config.items()
            if key not in _NOT_ADAPTED and source.config.get(key) != value
        }
        before = _generator_values(_rebuilt(source, changes))
        weights = {}
        for path, value in _generator_values(adapted).items():
            if path not in before or value.shape != before[path].shape:
                raise UserError(
                    f"The adapted generator's weight {path!r} does not follow from its config; "
                    "build it with rebuild() of the source."
                )
            if value.tobytes() != before[path].tobytes():
                weights[path] = value
        return cls(
            method=method,
            source=source_name,
            source_fingerprint=source.fingerprint("generator"),
            architecture=source.architecture,
            config_changes=_json(changes),
            weights=weights,
            settings=_json(settings or {}),
            sampling=_json(dataclasses.asdict(Sampling.from_json(sampling or {}))),
        )

    def apply(self, source: GAN, source_name: str = "the given source") -> GAN:
        """The adapted GAN: a copy of the source without discriminator.

        Args:
            source: The GAN that the adapter was made for; it is left as it is.
            source_name: What to call it in errors.

        Raises:
            UserError: if this is another source, or the weights do not fit.
        """
        fingerprint = source.fingerprint("generator")
        if (source.architecture, fingerprint) != (self.architecture, self.source_fingerprint):
            raise UserError(
                f"This adapter was made for {self.source} ({self.architecture}, fingerprint "
                f"{self.source_fingerprint}), not for {source_name} ({source.architecture}, "
                f"fingerprint {fingerprint}). Load {self.source} and apply it to that."
            )
        unknown = sorted(set(upgraded(self.config_changes)) - set(source.config))
        if unknown:
            raise UserError(
                f"This adapter changes settings that {self.architecture} does not have: "
                f"{', '.join(unknown)}. It may need a newer tf_fewshot."
            )
        adapted = _rebuilt(source, self.config_changes)
        variables = adapted.variables_by_path()
        for path, value in self.weights.items():
            if path not in variables:
                raise UserError(
                    f"This adapter has a weight {path!r} that {self.architecture} does not have. "
                    "It may need a newer tf_fewshot."
                )
            if tuple(variables[path].shape) != value.shape:
                raise UserError(
                    f"This adapter's weight {path!r} has the shape {list(value.shape)}, and the "
                    f"generator's has {list(variables[path].shape)}. Adapt the source again."
                )
        for path, value in self.weights.items():
            variables[path].assign(value)
        return adapted

    def save(self, path: str | os.PathLike, half: bool = False) -> None:
        """Writes one file, whole or not at all.

        Args:
            path: Of the file; an existing one is replaced.
            half: Store floats as float16: half the size, rounded.

        Raises:
            UserError: if a weight does not fit into float16, or the file cannot be written.
        """
        weights = self.weights
        if half:
            weights = {path: _halved(path, value) for path, value in weights.items()}
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        del fields["weights"]
        write_container(path, weights, {"format": FORMAT, **fields})

    @classmethod
    def load(cls, path: str | os.PathLike) -> Adapter:
        """Reads an adapter file; nothing in it is executed.

        Raises:
            UserError: if it is not there, damaged, something else, or of a newer format.
        """
        weights, metadata = read_container(path)
        check_format(path, metadata, FORMAT, "an adapter file", FORMAT_VERSION)
        kinds = {
            **dict.fromkeys(("method", "source", "source_fingerprint", "architecture"), str),
            **dict.fromkeys(("config_changes", "settings", "sampling"), dict),
            "format_version": int,
        }
        if wrong := wrong_fields(metadata, kinds):
            raise UserError(
                f"{path} is damaged: missing or unexpected {wrong}. Take another copy of it."
            )
        Sampling.from_json(metadata["sampling"])
        try:
            weights, metadata = upgraded_adapter(weights, metadata)
        except ValueError as error:
            raise UserError(f"{path} is damaged: {error}. Take another copy of it.") from error
        return cls(weights=weights, **metadata)


def _rebuilt(gan: GAN, changes: Mapping[str, Any]) -> GAN:
    """A copy with some of its configuration changed, without discriminator."""
    return gan.without_discriminator().rebuild(**changes)


def _generator_values(gan: GAN) -> dict[str, np.ndarray]:
    return {
        path: _plain(np.asarray(variable.numpy()))
        for path, variable in gan.variables_by_path().items()
        if path.split("/")[0] == "generator"
    }


def _plain(value: np.ndarray) -> np.ndarray:
    """Integers and bools as they are; anything else, which may be bfloat16, in float32."""
    return value if value.dtype.kind in "iub" else value.astype(np.float32)


def _halved(path: str, value: np.ndarray) -> np.ndarray:
    if value.dtype.kind != "f":
        return value
    with np.errstate(over="ignore"):
        half = value.astype(np.float16)
    if np.any(np.isinf(half) & np.isfinite(value)):
        largest = float(np.max(np.abs(value[np.isfinite(value)])))
        raise UserError(
            f"The weight {path!r} reaches {largest:g}, beyond float16's 65504. "
            "Save the adapter in full precision."
        )
    return half


def _json(value: Mapping[str, Any]) -> dict[str, Any]:
    """The value as it comes back from a file, so that saving changes nothing."""
    return json.loads(json.dumps(value))
