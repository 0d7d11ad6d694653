"""What several commands share: flags, and how settings are shown."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from absl import flags

from tf_fewshot.settings import Setting

SEED = flags.DEFINE_integer("seed", 0, "Seed of everything that is drawn.", lower_bound=0)

# Sphinx's roles, as in :class:`~tf_fewshot.methods.cells.latents.Table`.
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")
_SENTENCE = re.compile(r"(?<=[^.]\.)\s+(?=[A-Z])")


def define_precision() -> flags.FlagHolder[str]:
    """The flag of the commands that train."""
    return flags.DEFINE_enum(
        "precision",
        "auto",
        ["auto", "float32", "bfloat16", "float16"],
        "Of the training; auto measures the first two.",
    )


def define_training_flags() -> None:
    """Flags of the commands that train one run, or many alike."""
    define_precision()
    flags.DEFINE_string(
        "memory",
        None,
        "Most memory to take, such as 8G; by default what is free. unlimited does not look.",
    )
    flags.DEFINE_boolean("deterministic", False, "Bit-equal results on the same machine; slower.")
    flags.DEFINE_integer("checkpoint_every", 200, "Steps between checkpoints.", lower_bound=1)
    flags.DEFINE_boolean("dry_run", False, "Print what would be trained, and stop.")
    flags.DEFINE_string("workdir", None, "The run folder: new, empty, or of the same run.")


def define_devices_flags() -> None:
    """Flags of the commands whose steps several devices can compute together."""
    flags.DEFINE_enum(
        "strategy",
        "none",
        ["none", "mirrored", "multi_worker"],
        "What shares each batch: nothing, the GPUs of this machine, the machines of TF_CONFIG.",
    )
    flags.DEFINE_integer(
        "replicas",
        None,
        "Of mirrored: how many devices; all GPUs by default, or 2 parts of the CPU.",
        lower_bound=1,
    )
    flags.DEFINE_float(
        "worker_timeout",
        600.0,
        "Of multi_worker: seconds to wait for the other workers.",
        lower_bound=0.0,
    )


def define_skip_bad() -> flags.FlagHolder[bool]:
    """The flag of the commands that read pictures."""
    return flags.DEFINE_boolean("skip_bad", False, "Leave out pictures that cannot be read.")


def on_error(skip_bad: flags.FlagHolder[bool]) -> str:
    """Returns what the library is told about pictures that cannot be read."""
    return "skip" if skip_bad.value else "raise"


def plain(text: str) -> str:
    """Returns a text of a docstring without its markup, for a terminal."""
    return _ROLE.sub(r"\1", text).replace("``", "")


def shown(value: Any) -> str:
    """Returns a value of a setting as it is typed."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def settings_help(settings: Mapping[str, Setting], values: Mapping[str, Any]) -> str:
    """Returns settings as help lists flags.

    Args:
        settings: What there is.
        values: Values that differ from those of the settings.
    """
    lines = []
    for name, setting in settings.items():
        sentence = _SENTENCE.split(plain(setting.text))[0]
        default = shown(values.get(name, setting.value))
        lines.append(f"  --{name}: {sentence} ({setting.expected}; default {default})")
    return "\n".join(lines)


def columns_of(n: int) -> int:
    """Returns how many pictures there are in a row of a grid of n."""
    return max(1, min(n, 10 if n > 32 else math.isqrt(n - 1) + 1))
