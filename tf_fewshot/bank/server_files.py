"""What TF-Serving is started with: the list of models, and how requests become batches.

Source: ``model_server_config.proto`` and ``session_bundle_config.proto`` of tensorflow/serving, in
the text format of protocol buffers.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..errors import UserError
from ..files import write_text

MODELS, BATCHING = "models.config", "batching.config"
_WRITTEN = "# Written by tf-fewshot, which writes it anew with every export of a bank."
_MODEL = """  config {{
    name: {name}
    base_path: {path}
    model_platform: "tensorflow"
  }}
"""
_BATCHES = """{written}
# Requests that come within 2 ms are drawn together, of whatever domains they are.
max_batch_size {{ value: 32 }}
batch_timeout_micros {{ value: 2000 }}
max_enqueued_batches {{ value: 100 }}
num_batch_threads {{ value: {threads} }}
"""


def check_server_files(folder: Path) -> None:
    """Checks that both files can be written into a folder.

    Raises:
        UserError: if someone else wrote one of them.
    """
    for name in (MODELS, BATCHING):
        path = folder / name
        if path.exists() and not path.read_text("utf-8", "replace").startswith(_WRITTEN):
            raise UserError(
                f"{path} was not written by tf-fewshot, and would be replaced. Rename it, or "
                "export to another folder."
            )


def write_server_files(folder: Path, root: str | None = None) -> Path:
    """Writes ``models.config``, with every model of the folder, and ``batching.config``.

    Args:
        folder: Holds a folder for each model, with one for each version in it.
        root: Where the server sees the folder, such as "/models" in a container; None is where it
            is here.

    Returns:
        The path of ``models.config``.
    """
    at = str(folder.resolve()) if root is None else root.rstrip("/")
    models = [_MODEL.format(name=_text(m), path=_text(f"{at}/{m}")) for m in models_in(folder)]
    listed = "".join(models)
    write_text(folder / MODELS, f"{_WRITTEN}\nmodel_config_list {{\n{listed}}}\n")
    batches = _BATCHES.format(written=_WRITTEN, threads=os.cpu_count() or 1)
    write_text(folder / BATCHING, batches)
    return folder / MODELS


def models_in(folder: Path) -> list[str]:
    """The models of a folder: those folders in it that hold a version."""
    versions = folder.glob("*/*/saved_model.pb")
    return sorted({path.parts[-3] for path in versions if path.parts[-2].isdecimal()})


def _text(value: str) -> str:
    """A string as the text format has it, which for these characters is as JSON has it."""
    return json.dumps(value, ensure_ascii=False)
