"""Settings on the command line, as people type them.

A flag of the command wins. Any other ``--SETTING=VALUE`` is short for ``--config.SETTING=VALUE``,
if there is such a setting; ``--SETTING VALUE`` and, of true or false, ``--SETTING`` and
``--noSETTING`` will do, too.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from absl import flags

from tf_fewshot.errors import UserError, unknown_name
from tf_fewshot.settings import Setting

_PREFIX = "config."
# Modules that bring flags along which nobody is likely to mean.
_STRANGERS = ("absl.",)


@dataclasses.dataclass(frozen=True)
class Typed:
    """A setting as it was typed.

    Attributes:
        name: Of the setting, and after a dot the name of something in it, as in
            "model.resolution".
        text: The value.
    """

    name: str
    text: str

    @property
    def setting(self) -> str:
        """The name of the setting alone."""
        return self.name.partition(".")[0]


def value_of(argv: list[str], name: str) -> str | None:
    """Returns the last value of a flag, before flags are parsed; None if it is not there.

    Raises:
        UserError: if a value is missing.
    """
    value = None
    words = iter(argv)
    for word in words:
        flag, equals, text = word.partition("=")
        if flag in (f"--{name}", f"-{name}"):
            value = text if equals else next(words, "")
            if not value:
                raise UserError(f"--{name} needs a value: --{name}=NAME.")
    return value


def with_flag_files(argv: list[str]) -> list[str]:
    """Returns the arguments with what stands in every ``--flagfile=FILE``."""
    return [argv[0], *flags.FLAGS.read_flags_from_files(argv[1:], force_gnu=True)]


def split(
    argv: list[str],
    known: Callable[[], Mapping[str, Setting]],
    unknown: Callable[[str, Collection[str]], UserError],
) -> tuple[list[str], list[Typed]]:
    """Takes the settings out of the arguments.

    Args:
        argv: The command, and its arguments.
        known: Gives the settings by their names. It is asked only if there is a flag that the
            command does not have.
        unknown: Makes the error for a name that nothing has, from it and the known settings.

    Returns:
        The arguments that are left, and the settings in the order in which they were typed.

    Raises:
        UserError: for what is neither a flag nor a setting, or lacks its value.
    """
    rest, typed = [argv[0]], []
    words = iter(argv[1:])
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif not _is_flag(word):
            rest.append(word)
        # Not by its truth: absl's flags have none.
        elif (flag := _flag(word)) is not None:
            rest.append(word)
            if "=" not in word and not flag.boolean:
                rest += [value for value in [next(words, None)] if value is not None]
        else:
            typed.append(_typed(word, words, known(), unknown))
    return rest, typed


def _is_flag(word: str) -> bool:
    return word.startswith("-") and word.strip("-") != ""


def _name(word: str) -> str:
    return word[2 if word.startswith("--") else 1 :].partition("=")[0]


def _flag(word: str) -> flags.Flag | None:
    """Returns the command's flag that a word sets, or None."""
    name, known = _name(word), flags.FLAGS
    if name in known:
        return known[name]
    if name.startswith("no") and name[2:] in known and known[name[2:]].boolean:
        return known[name[2:]]
    return None


def _typed(
    word: str,
    words: Iterator[str],
    known: Mapping[str, Setting],
    unknown: Callable[[str, Collection[str]], UserError],
) -> Typed:
    spelled, (_, equals, text) = _name(word), word.partition("=")
    name = spelled.removeprefix(_PREFIX)
    positive = spelled.removeprefix("no").removeprefix(_PREFIX)
    negated = name not in known and positive in known
    if negated:
        name = positive
    setting = known.get(name.partition(".")[0])
    if setting is None or (negated and (equals or bool not in setting.kinds)):
        raise unknown(spelled, known)
    if bool in setting.kinds and not equals:
        return Typed(name, "false" if negated else "true")
    if not equals:
        following = next(words, None)
        if following is None or following.startswith("--"):
            raise UserError(f"--{spelled} needs a value: --{spelled}=VALUE ({setting.expected}).")
        text = following
    return Typed(name, text)


def unknown_flag(
    spelled: str, known: Collection[str] = (), owner: str = "", elsewhere: str = "", more: str = ""
) -> UserError:
    """Returns the error for a flag that there is not.

    Args:
        spelled: Its name as it was typed.
        known: The settings that may be given.
        owner: Whose settings they are, such as "method 'ewc'".
        elsewhere: A sentence on what else has a setting of that name.
        more: What to do where nothing is near.
    """
    by_module = flags.FLAGS.flags_by_module_dict().items()
    mine = [f.name for m, some in by_module if not m.startswith(_STRANGERS) for f in some]
    prefixed = spelled.startswith(_PREFIX)
    prefix = _PREFIX if prefixed else ""
    names = [f"{prefix}{name}" for name in known] if prefixed else [*mine, *known]
    near = difflib.get_close_matches(spelled, names, 1, cutoff=0.6)
    hint = more
    if near:
        setting = prefixed or near[0] not in mine
        hint = f"Did you mean --{near[0]}{f' (a setting of {owner})' * setting}?"
    return UserError(f"Unknown flag --{spelled}. {elsewhere or hint}".strip())


def changed(value: Any, typed: Typed, setting: Setting) -> Any:
    """Returns the value of a setting after what was typed.

    Args:
        value: What it was before.
        typed: What was typed of it.
        setting: The setting.

    Raises:
        UserError: for a text that is no value of it, or a name that is not in it.
    """
    path = typed.name.split(".")[1:]
    return _replaced(value, path, typed) if path else setting.parsed(typed.text)


def _replaced(value: Any, path: list[str], typed: Typed) -> dict[str, Any]:
    """Returns a copy of a dictionary with another value at a path of names."""
    name, *rest = path
    if not isinstance(value, Mapping) or name not in value:
        fields = value if isinstance(value, Mapping) else ()
        raise unknown_name(f"field of {typed.setting}", name, fields)
    old = value[name]
    # What nobody has chosen may become anything, and what somebody has, None.
    kind = Any if old is None else type(old) | None
    new = _replaced(old, rest, typed) if rest else Setting(typed.name, old, kind, "")
    return {**value, name: new.parsed(typed.text) if isinstance(new, Setting) else new}
