"""What settings there are: of every method and of pretraining, known without TensorFlow.

The cells of the methods are the one truth, but to import them takes TensorFlow, and seconds. So
what they say is kept in the cache, for as long as no file of the package changes: then flags that
are wrong are answered at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import importlib.util
import json
import operator
import os
import sys
import types
import typing
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from tf_fewshot.errors import UserError, unknown_name
from tf_fewshot.files import cache_dir, write_json
from tf_fewshot.settings import Setting
from tf_fewshot.settings import settings as settings_of

from .startup import load_tensorflow

_CLASSES = {k.__name__: k for k in (types.NoneType, bool, int, float, str, tuple, list, dict)}


@dataclasses.dataclass(frozen=True)
class Part:
    """What one class has to say of its settings.

    Attributes:
        role: What it is for: "objective", "trainable", "latents", "regularizer", "run" or
            "pretraining".
        name: The name of the class.
        text: The first sentence of its docstring.
        settings: Its settings, in order.
    """

    role: str
    name: str
    text: str
    settings: tuple[Setting, ...]


@dataclasses.dataclass(frozen=True)
class Entry:
    """A method, or a pretraining by a method.

    Attributes:
        name: What people call it.
        title: Its name in the papers.
        paper: Where it was published.
        parts: Its settings, by the classes that have them.
    """

    name: str
    title: str
    paper: str
    parts: tuple[Part, ...]

    @functools.cached_property
    def settings(self) -> dict[str, Setting]:
        """Every setting by its name."""
        return {setting.name: setting for part in self.parts for setting in part.settings}


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Everything that has settings.

    Attributes:
        methods: The methods by their names.
        pretrainings: Pretraining, by the name of the method that trains.
        automatic: What is known before a method has been chosen.
    """

    methods: dict[str, Entry]
    pretrainings: dict[str, Entry]
    automatic: Entry

    def method(self, name: str) -> Entry:
        """Returns the method of that name.

        Raises:
            UserError: if there is none; it names the nearest.
        """
        if name == self.automatic.name:
            return self.automatic
        if name not in self.methods:
            raise unknown_name("method", name, [self.automatic.name, *self.methods])
        return self.methods[name]

    def names(self) -> set[str]:
        """Returns the names of all settings, of whatever method."""
        entries = [*self.methods.values(), *self.pretrainings.values()]
        return {name for entry in entries for name in entry.settings}

    def having(self, setting: str) -> list[str]:
        """Returns the names of the methods that have a setting of that name."""
        return [name for name, entry in self.methods.items() if setting in entry.settings]

    def pretraining(self, method: str) -> Entry:
        """Returns pretraining by the method of that name.

        Raises:
            UserError: if there is none; it names the nearest.
        """
        if method not in self.pretrainings:
            raise unknown_name("method", method, self.methods)
        return self.pretrainings[method]


@functools.cache
def catalogue() -> Catalogue:
    """Returns the catalogue: from the cache, or from the cells where that is out of date."""
    # Nothing is to be saved where TensorFlow has been imported anyway.
    if "tensorflow" in sys.modules:
        return _read()
    path, state = _cache()
    try:
        kept = json.loads(path.read_text("utf-8"))
        if kept["state"] == state:
            return _from_json(kept)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # It is absent, or damaged, and is written again.
    load_tensorflow()
    known = _read()
    # If it cannot be kept, next time takes as long again, and no more is lost.
    with contextlib.suppress(OSError, UserError):
        write_json(path, {"state": state, **_as_json(known)})
    return known


def _read() -> Catalogue:
    """Returns what the cells say."""
    from tf_fewshot import methods, pretraining
    from tf_fewshot.training.pretraining_settings import PretrainingSettings

    names = methods.names()
    own = PretrainingSettings()
    first = Part("pretraining", type(own).__name__, _sentence(own), _in_order(own))
    pretrainings = {}
    for name in names:
        method = pretraining.trained_by(name)
        known = pretraining.known_settings(method)
        more = known.keys() - {setting.name for setting in first.settings}
        entry = _entry(method)
        rest = [_without(part, more) for part in entry.parts]
        parts = (first, *(part for part in rest if part.settings))
        title = f"Training of a source by the method {name!r}"
        pretrainings[name] = Entry("pretrain", title, entry.paper, parts)
    known = {name: _entry(methods.get(name)) for name in names}
    return Catalogue(known, pretrainings, _automatic())


def _automatic() -> Entry:
    """Returns what can be set of any method: where it is not, the chosen one's value counts."""
    from tf_fewshot import choosing
    from tf_fewshot.methods.method import RunDefaults

    own = RunDefaults()
    unset = tuple(
        dataclasses.replace(setting, value=None, annotation=setting.annotation | None)
        for setting in _in_order(own)
    )
    part = Part("run", type(own).__name__, _sentence(own), unset)
    title, text = (choosing.__doc__ or "").strip().split("\n\n")[:2]
    return Entry(choosing.AUTO, title.rstrip("."), " ".join(text.split()), (part,))


def _without(part: Part, kept: Collection[str]) -> Part:
    """Returns the part without settings of other names."""
    some = tuple(setting for setting in part.settings if setting.name in kept)
    return dataclasses.replace(part, settings=some)


def _entry(method: Any) -> Entry:
    parts = (
        Part(_role(method, cell), type(cell).__name__, _sentence(cell), _in_order(cell))
        for cell in method.cells()
    )
    return Entry(method.name, method.title, method.paper, tuple(parts))


def _in_order(holder: Any) -> tuple[Setting, ...]:
    return tuple(settings_of([holder]).values())


def _role(method: Any, cell: Any) -> str:
    for role in ("objective", "trainable", "latents", "run"):
        if getattr(method, role, None) is cell:
            return role
    return "regularizer"


def _sentence(holder: Any) -> str:
    """Returns the first paragraph of the docstring of a class, as one line."""
    return " ".join((type(holder).__doc__ or "").strip().split("\n\n")[0].split())


# The cache ------------------------------------------------------------------------------


def _cache() -> tuple[Path, str]:
    """Returns where the catalogue is kept, and the state of the package that it must be of."""
    package = importlib.util.find_spec("tf_fewshot")
    assert package is not None and package.submodule_search_locations
    root = Path(next(iter(package.submodule_search_locations)))
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for path in sorted((*_sources(root), Path(__file__))):
        known = path.stat()
        digest.update(f"{path}|{known.st_size}|{known.st_mtime_ns}\n".encode())
    place = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    return cache_dir() / "settings" / f"{place}.json", digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names if name.endswith(".py"))


def _as_json(known: Catalogue) -> dict[str, Any]:
    def entries(some: Iterable[Entry]) -> list[dict[str, Any]]:
        return [
            {
                **{k: getattr(entry, k) for k in ("name", "title", "paper")},
                "parts": [
                    {
                        **{k: getattr(part, k) for k in ("role", "name", "text")},
                        "settings": [_setting_as_json(setting) for setting in part.settings],
                    }
                    for part in entry.parts
                ],
            }
            for entry in some
        ]

    return {
        "methods": entries(known.methods.values()),
        "pretrainings": dict(
            zip(known.pretrainings, entries(known.pretrainings.values()), strict=True)
        ),
        "automatic": entries([known.automatic])[0],
    }


def _setting_as_json(setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "value": setting.value,
        "kinds": [kind.__name__ for kind in setting.kinds],
        "choices": setting.choices,
        "text": setting.text,
    }


def _from_json(kept: dict[str, Any]) -> Catalogue:
    def entry(record: dict[str, Any]) -> Entry:
        parts = (
            Part(
                part["role"],
                part["name"],
                part["text"],
                tuple(_setting_from_json(setting) for setting in part["settings"]),
            )
            for part in record["parts"]
        )
        return Entry(record["name"], record["title"], record["paper"], tuple(parts))

    return Catalogue(
        {record["name"]: entry(record) for record in kept["methods"]},
        {name: entry(record) for name, record in kept["pretrainings"].items()},
        entry(kept["automatic"]),
    )


def _setting_from_json(record: dict[str, Any]) -> Setting:
    parts: list[Any] = [_CLASSES[name] for name in record["kinds"]]
    if record["choices"]:
        parts.insert(0, typing.Literal[tuple(record["choices"])])
    value = record["value"]
    if isinstance(value, list) and tuple in parts:
        value = tuple(value)
    annotation = functools.reduce(operator.or_, parts)
    return Setting(record["name"], value, annotation, record["text"])
