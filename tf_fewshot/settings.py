"""Settings: fields of frozen dataclasses, read and changed by flat names.

The cells of a method and the configurations of a backbone are such dataclasses, and their fields
are the one place where a setting is declared, with its type, its default value and, in the
docstring of its class, what it means. A field that holds another such dataclass groups settings:
its own fields are settings by their own names, as if they stood one level higher.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .errors import UserError, unknown_name

# The attributes that a docstring lists, and one of its entries.
_SECTION = re.compile(r"^Attributes:\n((?:[ ]{4,}.*\n|\n)+)", re.M)
_ENTRY = re.compile(r"^ {4}(\w[\w, ]*): (.+\n(?:^ {8,}.*\n|^\n)*)", re.M)


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: The name that people change it by.
        value: What it is now.
        annotation: The type of its field, as ``typing.get_type_hints`` gives it.
        text: What its class says of it; "" if it says nothing.
    """

    name: str
    value: Any
    annotation: Any
    text: str

    @property
    def choices(self) -> tuple[Any, ...]:
        """The only values that it can have; empty if its type is all that limits it."""
        literal = typing.get_origin(self.annotation) is typing.Literal
        return typing.get_args(self.annotation) if literal else ()

    def checked(self, value: Any) -> Any:
        """Returns the value as the field wants it: a whole number becomes a float where one is due.

        Raises:
            UserError: if the field cannot have such a value.
        """
        if self.choices:
            if value not in self.choices:
                raise unknown_name(self.name, str(value), map(str, self.choices))
            return value
        kinds = _kinds(self.annotation)
        if float in kinds and type(value) is int:
            return float(value)
        # A bool is an int to Python; steps=True is a mistake all the same.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join("None" if k is types.NoneType else k.__name__ for k in kinds)
            raise UserError(f"{self.name} must be {names} (default {self.value!r}), not {value!r}.")
        return value


def settings(holders: Iterable[Any]) -> dict[str, Setting]:
    """Every setting of these dataclass instances, by its name and in their order.

    Raises:
        RuntimeError: if two of them have a setting of one name.
    """
    known: dict[str, Setting] = {}
    for holder in holders:
        for setting in _settings_of(holder):
            if setting.name in known:
                raise RuntimeError(
                    f"{type(holder).__name__} has a setting {setting.name!r}, as another part has"
                )
            known[setting.name] = setting
    return known


def values(holders: Iterable[Any]) -> dict[str, Any]:
    """The value of every setting of these dataclass instances, by its name."""
    return {name: setting.value for name, setting in settings(holders).items()}


def changed(holder: Any, changes: Mapping[str, Any]) -> Any:
    """Returns a copy of a dataclass instance with other values of some of its settings.

    Names that are no settings of it are passed over: they may be another holder's. Check names
    with :func:`checked` first.
    """
    fields = {}
    for field in dataclasses.fields(holder):
        value = getattr(holder, field.name)
        if _is_group(value):
            fields[field.name] = changed(value, changes)
        elif field.name in changes:
            fields[field.name] = changes[field.name]
    return dataclasses.replace(holder, **fields)


def checked(
    holders: Iterable[Any], changes: Mapping[str, Any], owner: str = "setting"
) -> dict[str, Any]:
    """Returns the changes, each as the field of its name wants it.

    Args:
        holders: Dataclass instances that together have the settings.
        changes: New values by the names of settings.
        owner: What an unknown name is called in the error, such as "setting of method 'ewc'".

    Raises:
        UserError: for a name that no holder has, or a value that its field cannot have.
    """
    known = settings(holders)
    for name in changes:
        if name not in known:
            raise unknown_name(owner, name, known)
    return {name: known[name].checked(value) for name, value in changes.items()}


def _settings_of(holder: Any) -> Iterator[Setting]:
    annotations, texts = _annotations(type(holder)), _texts(type(holder))
    for field in dataclasses.fields(holder):
        value = getattr(holder, field.name)
        if _is_group(value):
            yield from _settings_of(value)
        else:
            text = texts.get(field.name, "")
            yield Setting(field.name, value, annotations[field.name], text)


def _is_group(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _kinds(annotation: Any) -> tuple[type, ...]:
    """The classes that an annotation allows."""
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    parts = typing.get_args(annotation) if union else (annotation,)
    return tuple(typing.get_origin(part) or part for part in parts)


@functools.cache
def _annotations(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


@functools.cache
def _texts(cls: type) -> dict[str, str]:
    """What the "Attributes:" of a class and its bases say of each field, as single lines."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        section = _SECTION.search(inspect.cleandoc(base.__doc__ or "") + "\n")
        for names, text in _ENTRY.findall(section[1] if section else ""):
            for name in names.split(","):
                texts[name.strip()] = " ".join(text.split())
    return texts
