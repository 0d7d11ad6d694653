"""Settings: fields of frozen dataclasses, read and changed by flat names.

The cells of a method and the configurations of a backbone are such dataclasses, and their fields
are the one place where a setting is declared, with its type, its default value and, in the
docstring of its class, what it means. A field that holds another such dataclass groups settings:
its own fields are settings by their own names, as if they stood one level higher.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
        """The values of a Literal in its type, which it may have; empty if there is none."""
        return tuple(
            choice
            for part in _parts(self.annotation)
            if typing.get_origin(part) is typing.Literal
            for choice in typing.get_args(part)
        )

    @property
    def kinds(self) -> tuple[type, ...]:
        """The classes of which it may have any value; without those of its choices."""
        parts = _parts(self.annotation)
        plain = [part for part in parts if typing.get_origin(part) is not typing.Literal]
        return tuple(typing.get_origin(part) or part for part in plain)

    @property
    def expected(self) -> str:
        """What it can be, in words, such as "a number or None"."""
        words = [*map(str, self.choices), *(_WORDS.get(k, k.__name__) for k in self.kinds)]
        return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]

    def checked(self, value: Any) -> Any:
        """Returns the value as the field wants it.

        A whole number becomes a float and a list becomes a tuple where that is due.

        Raises:
            UserError: if the field cannot have such a value.
        """
        kinds = self.kinds
        if any(value == choice and type(value) is type(choice) for choice in self.choices):
            return value
        if float in kinds and type(value) is int:
            return float(value)
        if tuple in kinds and isinstance(value, list):
            return tuple(value)
        # A bool is an int to Python; steps=True is a mistake all the same.
        if isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds):
            return value
        raise self._refused(value)

    def parsed(self, text: str) -> Any:
        """Returns the value that somebody typed.

        Args:
            text: As it stands on the command line: "0.5", "none", "true", "(16, 32)".

        Raises:
            UserError: if the field cannot have such a value.
        """
        for choice in self.choices:
            if text == str(choice):
                return choice
        for kind, read in _READERS.items():
            if kind in self.kinds:
                try:
                    return read(text)
                except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                    continue
        raise self._refused(text)

    def _refused(self, value: Any) -> UserError:
        if self.choices and isinstance(value, str):
            return unknown_name(self.name, value, map(str, [*self.choices, *self._none]))
        return UserError(
            f"{self.name} must be {self.expected} (default {self.value!r}), not {value!r}."
        )

    @property
    def _none(self) -> tuple[None, ...]:
        return (None,) if types.NoneType in self.kinds else ()


def _none(text: str) -> None:
    if text.lower() != "none":
        raise ValueError(text)


def _truth(text: str) -> bool:
    # The words that absl takes for its flags.
    if text.lower() in ("true", "t", "1"):
        return True
    if text.lower() in ("false", "f", "0"):
        return False
    raise ValueError(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _literal(text: str, kind: type) -> Any:
    value = ast.literal_eval(text)
    # Brackets of either kind will do, and (1, 2) without any.
    if kind in (tuple, list) and isinstance(value, (tuple, list)):
        value = kind(value)
    if not isinstance(value, kind):
        raise ValueError(text)
    return value


def _any(text: str) -> Any:
    for read in (_none, _words_of_truth, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text


def _words_of_truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


# How a value of each class is read from a text. Any text is a str, so that it comes last.
_READERS: dict[Any, Callable[[str], Any]] = {
    types.NoneType: _none,
    bool: _truth,
    int: int,
    float: _finite,
    tuple: functools.partial(_literal, kind=tuple),
    list: functools.partial(_literal, kind=list),
    dict: functools.partial(_literal, kind=dict),
    str: str,
    Any: _any,
}
_WORDS: dict[Any, str] = {
    types.NoneType: "None",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a tuple such as (1, 2)",
    list: "a list such as [1, 2]",
    Sequence: "a list such as [1, 2]",
    dict: "a dictionary such as {'a': 1}",
    str: "a text",
    Any: "any value",
}


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


def _parts(annotation: Any) -> tuple[Any, ...]:
    """Returns the members of a union, or a type alone."""
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if union else (annotation,)


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
