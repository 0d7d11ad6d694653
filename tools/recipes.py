"""Configurations: the recipes that are installed, files of the user's, and methods themselves.

A configuration says what differs from the settings of a method, or of a pretraining.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tf_fewshot.errors import UserError, unknown_name
from tf_fewshot.settings import Setting

from . import former_shared
from .catalogue import catalogue

# The source of everything that names none.
DEFAULT_SOURCE = "avataaars64"
SOURCE = Setting("source", DEFAULT_SOURCE, str, "Preset or file of the source.")
# The recipe whose settings new sources shared in earlier versions.
_NEW_SOURCE = "pretrain_avataaars64"


def installed() -> dict[str, Path]:
    """Returns the files of the recipes that are installed, by name."""
    spec = importlib.util.find_spec("tf_fewshot.configs")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations)))
    return {path.stem: path for path in folder.glob("*.py") if path.stem != "__init__"}


def adaptation(name: str) -> dict[str, Any]:
    """Returns a configuration of ``tf-fewshot adapt``: method, source, and other settings.

    Args:
        name: A recipe, a method, or the path of a file with ``get_config()``.

    Raises:
        UserError: if there is none of that name, or it is none of an adaptation.
    """
    path = _path(name)
    if path is None:
        catalogue().method(name)
        return {"source": DEFAULT_SOURCE, "method": name}
    fields = {"source": DEFAULT_SOURCE, **_fields(path)}
    if "method" not in fields or "architecture" in fields:
        raise UserError(
            f"The configuration {name!r} names no method: it is none of tf-fewshot adapt."
        )
    return fields


def of_method(name: str) -> dict[str, Any]:
    """Returns the recipe of a method's own name, or the method as it is.

    Raises:
        UserError: if there is no such method.
    """
    catalogue().method(name)
    return adaptation(name)


def pretraining(name: str) -> dict[str, Any]:
    """Returns a configuration of ``tf-fewshot pretrain``.

    Args:
        name: A recipe, or the path of a file with ``get_config()``.

    Raises:
        UserError: if there is none of that name, or it is none of a pretraining.
    """
    path = _path(name)
    fields = {"method": name} if path is None else _fields(path)
    if "architecture" not in fields:
        raise UserError(
            f"The configuration {name!r} names no architecture: it is none of tf-fewshot pretrain."
        )
    return fields


def checked(fields: Mapping[str, Any], known: Mapping[str, Setting], owner: str) -> dict[str, Any]:
    """Returns a configuration whose fields, but for the method, were checked.

    Args:
        fields: The configuration.
        known: The settings that it may have.
        owner: Whose they are, such as "method 'ewc'".

    Raises:
        UserError: for a field that is no setting, or has a value that the setting cannot have.
    """
    values = {}
    for name, value in fields.items():
        if name not in known and name != "method":
            raise unknown_name(f"setting of {owner}", name, known)
        values[name] = known[name].checked(value) if name in known else value
    return values


def _path(name: str) -> Path | None:
    """Returns the file of a configuration, or None for that of a method alone.

    Raises:
        UserError: if there is nothing of that name.
    """
    path = Path(name)
    if path.suffix == ".py" and path.is_file():
        return path
    recipes = installed()
    if name in recipes:
        return recipes[name]
    methods = [catalogue().automatic.name, *catalogue().methods]
    if name not in methods:
        known = {*recipes, *methods}
        raise unknown_name("config", name, known, " Or give the path of a .py file.")
    return None


def _fields(path: Path) -> dict[str, Any]:
    """Returns what ``get_config()`` of a file returns."""
    spec = importlib.util.spec_from_file_location(f"tf_fewshot_config_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        with former_shared.importable(DEFAULT_SOURCE, lambda: pretraining(_NEW_SOURCE)):
            spec.loader.exec_module(module)
            config = module.get_config()
        return config.to_dict()
    except UserError:
        raise
    except AttributeError as error:
        raise UserError(
            f"{path} is no configuration: it has no get_config() that returns a ConfigDict "
            f"({error})."
        ) from error
    except Exception as error:
        raise UserError(
            f"The configuration cannot be read as Python: {type(error).__name__}: {error} ({path})"
        ) from error
    finally:
        sys.dont_write_bytecode = bytecode
