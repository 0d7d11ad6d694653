"""Flags that several commands share, and how configurations are found by name."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

from absl import flags

# Files among the configurations that are none.
_NO_CONFIGS = ("__init__", "shared")

SEED = flags.DEFINE_integer("seed", 0, "Seed of everything that is drawn.", lower_bound=0)


def define_training_flags() -> None:
    """Flags of the commands that train."""
    flags.DEFINE_enum(
        "precision",
        "auto",
        ["auto", "float32", "bfloat16", "float16"],
        "Of the training; auto measures the first two.",
    )
    flags.DEFINE_boolean("deterministic", False, "Bit-equal results on the same machine; slower.")
    flags.DEFINE_integer("checkpoint_every", 200, "Steps between checkpoints.", lower_bound=1)
    flags.DEFINE_boolean("dry_run", False, "Print what would be trained, and stop.")
    flags.DEFINE_string("workdir", None, "The run folder: new, empty, or of the same run.")


def config_path(name: str, kind: str = "config") -> Path:
    """The file of a configuration: a path as it is, a name among those that are installed.

    Raises:
        UserError: if there is none of that name.
    """
    from tf_fewshot.errors import unknown_name

    given = Path(name)
    if given.suffix == ".py" and given.is_file():
        return given
    spec = importlib.util.find_spec("tf_fewshot.configs")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations)))
    known = {path.stem: path for path in folder.glob("*.py") if path.stem not in _NO_CONFIGS}
    if name not in known:
        if kind == "method":
            known = {n: path for n, path in known.items() if not n.startswith("pretrain")}
        raise unknown_name(kind, name, known, " Or give the path of a .py file.")
    return known[name]


def named_configs(argv: list[str], default: str, kind: str = "config") -> list[str]:
    """Replaces the name after --config by the path of that configuration, ``default`` if absent.

    It comes first: ml_collections wants it before the fields that change it.
    """
    values, rest = _taken(argv, "config")
    path = config_path(values[-1] if values else default, kind)
    return [rest[0], f"--config={path}", *rest[1:]]


def settings_of(name: str) -> dict[str, Any]:
    """The fields of a configuration, by its name."""
    path = config_path(name)
    spec = importlib.util.spec_from_file_location(f"tf_fewshot_config_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config().to_dict()


def given(argv: list[str], name: str) -> str | None:
    """The value of ``--name=value`` or ``--name value`` in ``argv``, before flags are parsed."""
    values, _ = _taken(argv, name)
    return values[-1] if values else None


def _taken(argv: list[str], name: str) -> tuple[list[str], list[str]]:
    """The values of a flag, and the arguments without it."""
    from tf_fewshot.errors import UserError

    values, rest = [], []
    words = iter(argv)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag not in (f"--{name}", f"-{name}"):
            rest.append(word)
            continue
        if not equals:
            value = next(words, "")
        if not value:
            raise UserError(f"--{name} needs a value: --{name}=NAME.")
        values.append(value)
    return values, rest


def columns_of(n: int) -> int:
    """Pictures in a row of a grid of n."""
    return max(1, min(n, 10 if n > 32 else math.isqrt(n - 1) + 1))
