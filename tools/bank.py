"""Many adapters of one source in one file, drawn by one network and served as one model.

    tf-fewshot bank add --bank=drawn.bank --adapters=toons=runs/toons/adapter,elfs=runs/elfs/adapter
    tf-fewshot bank list --bank=drawn.bank
    tf-fewshot bank remove --bank=drawn.bank --domains=elfs
    tf-fewshot bank sample --bank=drawn.bank --domains=toons,source --n=8 --out=grid.png
    tf-fewshot bank export --bank=drawn.bank --out=serving/drawn

add makes the file if it is not there. sample draws the same latents in a row for each domain.
Domain 0 is always the source itself. Adapters of scale and shift, such as those of bsa, become
domains; those that change kernels are refused, and --beside=[NAME=]PATH of export serves them as
models of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from absl import flags

from tf_fewshot.errors import UserError, unknown_name

from . import common
from .startup import load_tensorflow

_BANK = flags.DEFINE_string("bank", None, "The bank's file.")
_ADAPTERS = flags.DEFINE_list(
    "adapters", [], "[NAME=]PATH of adapter files or run folders to add (add)."
)
_DOMAINS = flags.DEFINE_list("domains", [], "Names of domains (remove, sample; else all).")
_N = flags.DEFINE_integer("n", 8, "Pictures of each domain (sample).", lower_bound=1)
_TRUNCATION = flags.DEFINE_float("truncation", None, "Else that of each domain (sample).")
_SOURCE = flags.DEFINE_string("source", None, "Preset or file; else the one that the bank names.")
_OUT = flags.DEFINE_string(
    "out", None, "Folder whose last part is the model's name (export), or a .png (sample)."
)
_VERSION = flags.DEFINE_integer("version", None, "Version; else the next one.", lower_bound=1)
_BESIDE = flags.DEFINE_list(
    "beside", [], "[NAME=]PATH of adapters to serve as models of their own, beside it (export)."
)
_ROOT = flags.DEFINE_string(
    "root", None, "Where the server sees the folder of --out; else where it is (export)."
)


def prepare(argv: list[str]) -> tuple[list[str], str | None]:
    """Returns the arguments without the name of what is to be done, and that name."""
    if len(argv) < 2 or argv[1].startswith("-"):
        return argv, None
    if argv[1] not in _ACTIONS:
        raise unknown_name("action", argv[1], _ACTIONS)
    return [argv[0], *argv[2:]], argv[1]


def main(what: str | None) -> None:
    if what is None:
        raise UserError(f"Say what to do: tf-fewshot bank ACTION. Known: {', '.join(_ACTIONS)}.")
    if not _BANK.value:
        raise UserError("--bank is missing: the bank's file.")
    _ACTIONS[what](_BANK.value)


def _add(path: str) -> None:
    if not _ADAPTERS.value:
        raise UserError("--adapters is missing: NAME=PATH of adapter files or run folders.")
    load_tensorflow()
    from tf_fewshot.adapted import adapter_file, named_adapter
    from tf_fewshot.bank import DomainBank
    from tf_fewshot.export import Adapter

    named = [named_adapter(text) for text in _ADAPTERS.value]
    read = [(name, Adapter.load(adapter_file(place))) for name, place in named]
    if os.path.exists(path):
        bank = DomainBank.load(path, _SOURCE.value)
    else:
        bank = DomainBank(_SOURCE.value or read[0][1].source)
    for name, adapter in read:
        number = bank.add(name, adapter)
        print(f"{number} {name}")
    print(bank.save(path))


def _remove(path: str) -> None:
    if not _DOMAINS.value:
        raise UserError("--domains is missing: names of domains.")
    load_tensorflow()
    from tf_fewshot.bank import DomainBank

    bank = DomainBank.load(path, _SOURCE.value)
    for name in _DOMAINS.value:
        bank.remove(name)
    print(bank.save(path))


def _list(path: str) -> None:
    load_tensorflow()
    from tf_fewshot.bank import SOURCE
    from tf_fewshot.bank.file import read_bank

    header, domains = read_bank(path)
    rows = [("", "domain", "method", "pictures", "truncation", "numbers")]
    rows.append(("0", SOURCE, "", "", "", ""))
    for number, domain in enumerate(domains, 1):
        pictures = domain.settings.get("pictures", "")
        truncation = "" if domain.truncation is None else f"{domain.truncation:g}"
        count = sum(weight.size for weight in domain.weights.values())
        rows.append(
            (str(number), domain.name, domain.method, str(pictures), truncation, f"{count:,}")
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())
    size = os.path.getsize(path)
    print(f"{header.source} ({header.architecture}), {size:,} bytes")


def _sample(path: str) -> None:
    out = _OUT.value
    if not out or not out.lower().endswith(".png"):
        raise UserError("--out is missing: the .png to write to.")
    load_tensorflow()
    import numpy as np

    from tf_fewshot.bank import DomainBank
    from tf_fewshot.data.grid import image_grid, save_png

    bank, n = DomainBank.load(path, _SOURCE.value), _N.value
    seed = common.SEED.value
    rows = [
        bank.sample(n, seed, domain, truncation=_TRUNCATION.value)
        for domain in _DOMAINS.value or bank.names
    ]
    save_png(image_grid(np.concatenate(rows), columns=n), out)
    print(out)


def _export(path: str) -> None:
    out = _OUT.value
    if not out:
        raise UserError("--out is missing: the folder to write to.")
    load_tensorflow()
    from tf_fewshot.adapted import named_adapter
    from tf_fewshot.bank import DomainBank
    from tf_fewshot.bank.server_files import MODELS

    beside = dict(named_adapter(text) for text in _BESIDE.value)
    bank = DomainBank.load(path, _SOURCE.value)
    print(bank.export(out, _VERSION.value, beside=beside, root=_ROOT.value))
    print(Path(out).parent / MODELS)


_ACTIONS: dict[str, Callable[[str], None]] = {
    "add": _add,
    "remove": _remove,
    "list": _list,
    "sample": _sample,
    "export": _export,
}
