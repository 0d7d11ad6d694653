"""Which models are served: from folders, or from TF-Serving's own configuration file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from ..errors import UserError

LATEST, ALL, SPECIFIC = "latest", "all", "specific"


@dataclasses.dataclass(frozen=True)
class ModelConfiguration:
    """One model.

    Attributes:
        name: What requests call it.
        base: The folder of its versions.
        policy: Which versions are served: "latest", "all" or "specific".
        latest: How many of the latest.
        specific: The numbers of specific versions.
        labels: Versions by label.
    """

    name: str
    base: Path
    policy: str = LATEST
    latest: int = 1
    specific: tuple[int, ...] = ()
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def wanted(self, present: list[int]) -> list[int]:
        """Returns the versions to serve, of those that are present."""
        if self.policy == ALL:
            return sorted(present)
        if self.policy == SPECIFIC:
            return sorted(set(present) & set(self.specific))
        return sorted(present)[-self.latest :]


def models_of_folder(folder: str | os.PathLike) -> list[ModelConfiguration]:
    """Finds the models of a folder.

    Args:
        folder: Holds the versions of one model (``1/``, ``2/``, …), or a folder for each model.

    Returns:
        The models, by name; each is called as its folder is.

    Raises:
        UserError: if there is no model.
    """
    path = Path(folder).absolute()
    if not path.is_dir():
        raise UserError(f"{folder} is no folder. Export a model there first: tf-fewshot export.")
    if _versions(path):
        return [ModelConfiguration(path.name, path)]
    if (path / "saved_model.pb").is_file():
        raise UserError(
            f"{folder} is one version. Give the folder above it, whose name is the model's: "
            f"{path.parent}."
        )
    models = [
        ModelConfiguration(child.name, child)
        for child in sorted(path.iterdir())
        if child.is_dir() and not child.name.startswith(".") and _versions(child)
    ]
    if not models:
        raise UserError(
            f"{folder} holds no model: neither versions (1/, 2/, …) nor folders of versions. "
            "Export one first: tf-fewshot export."
        )
    return models


def models_of_file(path: str | os.PathLike) -> list[ModelConfiguration]:
    """Reads TF-Serving's ``models.config``.

    Args:
        path: A ``ModelServerConfig`` as text. Base paths that are not absolute are of its folder.

    Returns:
        The models in the file's order.

    Raises:
        UserError: if it cannot be read, or says what is not served here.
    """
    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(Path(path).read_text(encoding="utf-8"), config)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise UserError(f"{path} is no configuration of models: {error}") from error
    return models_of_message(config, Path(path).absolute().parent, str(path))


def models_of_message(
    config: model_server_config_pb2.ModelServerConfig, folder: Path, where: str
) -> list[ModelConfiguration]:
    """Reads a ``ModelServerConfig``; ``where`` names it in errors."""
    if not config.model_config_list.config:
        raise UserError(f"{where} names no model: model_config_list has no config.")
    models = [_model(entry, folder, where) for entry in config.model_config_list.config]
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{where} names the model {name!r} twice.")
    return models


def _model(
    entry: model_server_config_pb2.ModelConfig, folder: Path, where: str
) -> ModelConfiguration:
    if not entry.name or not entry.base_path:
        raise UserError(f"{where}: every model needs a name and a base_path.")
    if "/" in entry.name or ":" in entry.name:
        raise UserError(f"{where}: the name {entry.name!r} must not hold '/' or ':'.")
    if entry.model_platform not in ("", "tensorflow"):
        raise UserError(
            f"{where}: {entry.name!r} is for the platform {entry.model_platform!r}; "
            "only tensorflow is served."
        )
    if "://" in entry.base_path:
        raise UserError(f"{where}: {entry.base_path} is no folder of this machine.")
    policy = entry.model_version_policy
    kind = policy.WhichOneof("policy_choice") or LATEST
    return ModelConfiguration(
        name=entry.name,
        base=folder / entry.base_path,
        policy=kind,
        latest=max(1, policy.latest.num_versions),
        specific=tuple(policy.specific.versions),
        labels=dict(entry.version_labels),
    )


def complete_versions(folder: Path) -> tuple[dict[int, Path], set[int]]:
    """Returns the versions that have a graph, and those without: they may be being copied."""
    try:
        present = _versions(folder)
    except OSError:
        return {}, set()
    complete = {n: path for n, path in present.items() if (path / "saved_model.pb").is_file()}
    return complete, set(present) - set(complete)


def _versions(folder: Path) -> dict[int, Path]:
    """The folders that are versions, by number."""
    return {
        int(path.name): path
        for path in folder.iterdir()
        if path.name.isascii() and path.name.isdecimal() and path.is_dir()
    }
