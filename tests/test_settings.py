"""Settings: fields of dataclasses by flat names, as Python has them and as people type them."""

from __future__ import annotations

import atexit
import dataclasses
import functools
import json
import re
import subprocess
import sys
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_fewshot import methods, settings
from tf_fewshot.errors import UserError
from tf_fewshot.settings import Setting
from tf_fewshot.tools import arguments, catalogue, common

from .processes import command, forks


@dataclasses.dataclass(frozen=True)
class Inner:
    """A group.

    Attributes:
        depth: How deep
            it goes.
    """

    depth: int = 3


@dataclasses.dataclass(frozen=True)
class Outer:
    """Settings of every kind.

    Attributes:
        rate: A rate: of
            something.
        first, second: One of two.
        inner: What is below.
    """

    rate: float | None = None
    first: Literal["a", "b"] = "a"
    second: Literal["a", "b"] | None = None
    inner: Inner = Inner()
    flag: bool = False
    sizes: tuple[int, ...] = (1,)
    name: str = "x"


# Dataclasses ----------------------------------------------------------------------------


def test_fields_of_groups_are_settings_by_their_own_names():
    known = settings.settings([Outer()])
    assert list(known) == ["rate", "first", "second", "depth", "flag", "sizes", "name"]
    assert {name: setting.text for name, setting in known.items() if setting.text} == {
        "rate": "A rate: of something.",
        "first": "One of two.",
        "second": "One of two.",
        "depth": "How deep it goes.",
    }
    assert settings.changed(Outer(), {"depth": 5}) == Outer(inner=Inner(5))
    with pytest.raises(RuntimeError, match="setting 'depth', as another part has"):
        settings.settings([Outer(), Inner()])


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("rate", 1, 1.0),
        ("rate", None, None),
        ("second", None, None),
        ("second", "b", "b"),
        ("sizes", [1, 2], (1, 2)),
        ("depth", 4, 4),
    ],
)
def test_values_become_what_the_field_wants(name, value, kept):
    changes = settings.checked([Outer()], {name: value})
    assert changes == {name: kept}
    assert type(changes[name]) is type(kept)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rate", "fast", "rate must be a number or None (default None), not 'fast'."),
        ("rate", True, "rate must be a number or None (default None), not True."),
        ("depth", 2.5, "depth must be a whole number (default 3), not 2.5."),
        ("depth", None, "depth must be a whole number (default 3), not None."),
        ("flag", 1, "flag must be true or false (default False), not 1."),
        ("first", None, "first must be a or b (default 'a'), not None."),
        ("first", "bb", "Unknown first 'bb'. Did you mean 'b'? Known: a, b."),
        ("second", "c", "Unknown second 'c'. Known: None, a, b."),
        ("name", 3, "name must be a text (default 'x'), not 3."),
        ("dept", 3, "Unknown setting 'dept'. Did you mean 'depth'?"),
    ],
)
def test_what_a_field_cannot_have_is_refused_in_words(name, value, message):
    with pytest.raises(UserError) as caught:
        settings.checked([Outer()], {name: value})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rate", "0.5", 0.5),
        ("rate", "1", 1.0),
        ("rate", "1e-3", 1e-3),
        ("rate", "none", None),
        ("rate", "None", None),
        ("first", "b", "b"),
        ("second", "none", None),
        ("depth", "1_000", 1000),
        ("depth", "-2", -2),
        ("flag", "TRUE", True),
        ("flag", "0", False),
        ("sizes", "(1, 2)", (1, 2)),
        ("sizes", "[1, 2]", (1, 2)),
        ("sizes", "1, 2", (1, 2)),
        ("name", "none", "none"),
        ("name", "0", "0"),
    ],
)
def test_texts_are_read_as_the_field_wants_them(name, text, value):
    parsed = settings.settings([Outer()])[name].parsed(text)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rate", "nan"),
        ("rate", "inf"),
        ("rate", ""),
        ("depth", "3.0"),
        ("depth", "none"),
        ("flag", "perhaps"),
        ("flag", "none"),
        ("sizes", "1"),
        ("sizes", "(1,"),
        ("sizes", "a,b"),
        ("sizes", "__import__('os')"),
        ("first", "none"),
    ],
)
def test_texts_that_are_no_value_are_refused(name, text):
    with pytest.raises(UserError, match=re.escape(repr(text))):
        settings.settings([Outer()])[name].parsed(text)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_from_their_text(number):
    setting = Setting("n", 0, int | float | None, "")
    parsed = setting.parsed(str(number))
    assert (parsed, type(parsed)) == (number, type(number))


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("bsa", "rate_decay_steps", 0),
        ("bsa", "rate_decay_steps", -3000),
        ("bsa", "rate_decay", -0.2),
        ("bsa", "rate_decay", 2.0),
        ("bsa", "latent_learning_rate", -0.1),
        ("bsa", "latent_prior_samples", -1),
        ("known_latents", "rate_decay_steps", 0),
        ("ewc", "fisher_samples", -1),
        ("ewc", "fisher_batch_size", 0),
        ("minegan", "miner_width", 0),
        ("minegan", "miner_steps", -1),
    ],
)
def test_numbers_out_of_range_are_refused_at_once(method, name, value):
    with pytest.raises(UserError, match=rf"^{name} must be .+, not {value}[.;]"):
        methods.get(method).with_settings(**{name: value})


def test_every_setting_that_may_be_none_can_be_typed_so():
    """What its text says of None holds on the command line, in either way of writing."""
    for method, name in ALL:
        setting = settings.settings(methods.get(method).cells())[name]
        if (
            setting.text.startswith("None")
            or "; None " in setting.text
            or ": None " in setting.text
        ):
            assert setting.parsed("None") is setting.parsed("none") is None, (method, name)


# Every method ---------------------------------------------------------------------------

ALL = [(m, s) for m in methods.names() for s in methods.get(m).settings()]
# What a setting needs beside it.
BESIDE = {"augment_p": {"augment": "ada"}}


def known(method: str) -> dict[str, Setting]:
    return settings.settings(methods.get(method).cells())


def candidates(setting: Setting) -> Iterator[Any]:
    """Other values that the type of a setting allows, by the annotation alone."""
    parts = [setting.annotation]
    if typing.get_origin(setting.annotation) in (typing.Union, types.UnionType):
        parts = list(typing.get_args(setting.annotation))
    for part in parts:
        if typing.get_origin(part) is Literal:
            yield from typing.get_args(part)
        elif part is types.NoneType:
            yield None
        elif part is bool:
            yield from (True, False)
        elif part is int:
            yield 1 + (setting.value or 6)
        elif part is float:
            yield 0.5 * (setting.value or 0.5)
        elif part is str:
            yield "0"
        else:
            raise AssertionError(f"{setting.name}: no example of {part}")


class Commands:
    """Reads arguments of ``tf-fewshot adapt`` in a process of its own.

    Flags belong to a process, and tests of other commands define theirs in this one.
    """

    CODE = """
import json, sys
from tf_fewshot.errors import UserError
from tf_fewshot.tools import adapt
for line in sys.stdin:
    try:
        answer = adapt.prepare(["tf-fewshot adapt", *json.loads(line)])
    except UserError as error:
        answer = str(error)
    print(json.dumps(answer), flush=True)
"""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self.CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def prepare(self, *words: str) -> tuple[list[str], dict[str, Any]]:
        """The words that are flags, and the settings."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if isinstance(answer, str):
            raise UserError(answer)
        rest, fields = answer
        return rest[1:], fields

    def close(self) -> None:
        self._process.communicate()


@functools.cache
def commands() -> Commands:
    """The one process of these tests, begun when it is first asked for."""
    begun = Commands()
    atexit.register(begun.close)
    return begun


def through(method: str, *words: str) -> dict[str, Any]:
    """The settings of a method after these words of the command line."""
    rest, fields = commands().prepare(f"--method={method}", *words)
    assert rest == [f"--method={method}"]
    assert fields.pop("method") == method
    del fields["source"]
    return methods.get(method).with_settings(**fields).settings()


def spellings(name: str, value: Any) -> Iterator[list[str]]:
    """The words that give a setting a value."""
    yield [f"--{name}={value}"]
    yield [f"--config.{name}={value}"]
    if isinstance(value, bool):
        yield [f"--{name}" if value else f"--no{name}"]
        yield [f"--config.{name}" if value else f"--noconfig.{name}"]
    else:
        yield [f"--{name}", str(value)]
        yield [f"--config.{name}", str(value)]
        yield [f"-{name}={value}"]


@pytest.mark.parametrize("method", methods.names())
def test_every_setting_reaches_its_cell_from_the_command_line(method):
    before = methods.get(method).settings()
    for name, setting in known(method).items():
        beside = BESIDE.get(name, {})
        others = [f"--{k}={v}" for k, v in beside.items()]
        for value in candidates(setting):
            for words in spellings(name, value):
                after = through(method, *others, *words)
                assert after == {**before, **beside, name: value}, words
                assert type(after[name]) is type(value), words


@given(st.data())
def test_the_command_line_is_python_s_keyword(data):
    """Of any value that a type has: either both take it and agree, or both refuse it."""
    method, name = data.draw(st.sampled_from(ALL))
    setting = known(method)[name]
    values = {
        bool: st.booleans(),
        int: st.integers(-(10**9), 10**9),
        float: st.floats(allow_nan=False, allow_infinity=False),
        str: st.sampled_from(["mean", "identity", "0", "12", "many"]),
        types.NoneType: st.none(),
    }
    kinds = [values[kind] for kind in setting.kinds]
    if setting.choices:
        kinds.append(st.sampled_from(setting.choices))
    value = data.draw(st.one_of(kinds))

    def outcome(settings_of: Callable[[], dict[str, Any]]) -> dict[str, Any] | str:
        try:
            return settings_of()
        except UserError as error:
            return str(error)

    by_keyword = outcome(lambda: methods.get(method).with_settings(**{name: value}).settings())
    assert outcome(lambda: through(method, f"--{name}={value}")) == by_keyword


@given(st.data())
def test_the_last_word_on_a_setting_counts(data):
    steps = data.draw(st.lists(st.integers(1, 10**6), min_size=1, max_size=4))
    words = [data.draw(st.sampled_from([f"--steps={n}", f"--config.steps={n}"])) for n in steps]
    assert through("ewc", *words)["steps"] == steps[-1]


@given(st.from_regex(r"[a-z]{1,3}_?[a-z]{0,9}_q", fullmatch=True))
def test_what_is_no_setting_is_refused_by_its_name(name):
    for spelled in (name, f"no{name}", f"config.{name}"):
        with pytest.raises(UserError, match=rf"^Unknown flag --{re.escape(spelled)}\. "):
            commands().prepare(f"--{spelled}=1")


def test_values_of_flags_are_no_settings():
    """A flag takes the word after it, whatever that looks like."""
    words = ["--data", "--steps=3", "--skip_bad", "--noskip_bad", "--export", "--mirror"]
    rest, fields = commands().prepare(*words, "--steps", "5", "--config.source=x.npz")
    assert rest == words
    assert fields == {"method": "auto", "source": "x.npz", "steps": 5}


def test_none_is_left_to_the_method_that_is_chosen():
    _, fields = commands().prepare("--steps=none", "--batch_size=4", "--truncation=None")
    assert fields == {"method": "auto", "source": "avataaars64", "batch_size": 4}


def test_settings_may_stand_in_a_file_of_flags(tmp_path):
    lines = ["--method=ewc", "--steps=7", "# a comment", "--learning_rate=0.5", "--limit=3"]
    (tmp_path / "flags.txt").write_text("\n".join(lines))
    rest, fields = commands().prepare(f"--flagfile={tmp_path / 'flags.txt'}")
    assert rest == ["--method=ewc", "--limit=3"]
    assert (fields["steps"], fields["learning_rate"]) == (7, 0.5)


def test_a_field_within_a_setting_is_changed_alone():
    setting = Setting("model", {}, dict[str, Any], "")
    model = {"resolution": 32, "channels": [8, 4], "use_noise": True, "deep": {"rate": 0.5}}
    model |= {"widths": None, "name": "a"}
    for name, text, changes in [
        ("model.resolution", "64", {"resolution": 64}),
        ("model.channels", "[16, 8]", {"channels": [16, 8]}),
        ("model.use_noise", "false", {"use_noise": False}),
        ("model.deep.rate", "1", {"deep": {"rate": 1.0}}),
        ("model.channels", "(16, 8)", {"channels": [16, 8]}),
        ("model.channels", "16,8", {"channels": [16, 8]}),
        ("model.channels", "None", {"channels": None}),
        ("model.resolution", "none", {"resolution": None}),
        ("model.widths", "[8, 8]", {"widths": [8, 8]}),
        ("model.widths", "3", {"widths": 3}),
        ("model.widths", "0.5", {"widths": 0.5}),
        ("model.widths", "true", {"widths": True}),
        ("model.widths", "none", {"widths": None}),
        ("model.widths", "wide", {"widths": "wide"}),
    ]:
        typed = arguments.Typed(name, text)
        assert arguments.changed(model, typed, setting) == {**model, **changes}
    for name, text, message in [
        ("model.resolutio", "1", "Unknown field of model 'resolutio'. Did you mean 'resolution'?"),
        ("model.resolution", "x", "model.resolution must be a whole number or None"),
        ("model.channels", "a,b", "model.channels must be a list such as [1, 2] or None"),
        ("model.channels", "16", "model.channels must be a list such as [1, 2] or None"),
        ("model.resolution.x", "1", "Unknown field of model 'x'"),
    ]:
        with pytest.raises(UserError, match=re.escape(message)):
            arguments.changed(model, arguments.Typed(name, text), setting)


# What is shown --------------------------------------------------------------------------


@pytest.mark.parametrize("name", methods.names())
def test_the_settings_of_a_method_are_shown_with_their_texts(name, tmp_path):
    done = forks().command("methods", name, cwd=tmp_path, COLUMNS="70")
    assert done.code == 0, done.stderr
    method = methods.get(name)
    lines = done.stdout.splitlines()
    assert all(len(line) <= 70 for line in lines)
    shown = " ".join(done.stdout.split())
    assert shown.startswith(f"{name}: {method.title} {method.paper} ")
    blocks = dict(re.findall(r"^  --(\w+)=(.*\n(?: {6}.*\n)*)", done.stdout, re.M))
    assert list(blocks) == list(method.settings())
    for cell in method.cells():
        assert f" {type(cell).__name__}: " in shown
        # Of each cell its own settings come after it.
        below = shown.split(f" {type(cell).__name__}: ")[1]
        for setting in settings.settings([cell]).values():
            assert f"--{setting.name}=" in below
    for setting in known(name).values():
        block = " ".join(blocks[setting.name].split())
        assert block.startswith(f"{common.shown(setting.value)} (")
        for choice in setting.choices:
            assert str(choice) in block
        assert len(setting.text) > 5
        assert block.endswith(common.plain(setting.text))
        assert not re.search(r":\w+:`|``", block)


def test_a_method_s_settings_are_in_the_help(tmp_path):
    done = forks().command("adapt", "--method=bsa", "--steps=3", "--help", cwd=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    _, shown = done.stdout.split("\nsettings:\n")
    lines = shown.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"  --{name}" for name in known("bsa")]
    assert "  --steps: Updates of the generator. (a whole number; default 1000)" in lines
    of_recipe = forks().command("adapt", "--config=quickstart_bsa", "--help", cwd=tmp_path)
    assert "  --steps: Updates of the generator. (a whole number; default 800)" in of_recipe.stdout
    without = forks().command("adapt", "--help", cwd=tmp_path)
    assert "\nsettings:\n" not in without.stdout


def test_the_settings_are_kept_so_that_tensorflow_is_needed_once(tmp_path, monkeypatch):
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('heavy:', 'tensorflow' in sys.modules))\n"
        "from tf_fewshot.tools.main import run; run()"
    )
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path / "cache"))
    kept, _ = catalogue._cache()
    assert kept.is_relative_to(tmp_path / "cache")
    # What is damaged is as good as nothing, and is written again.
    kept.parent.mkdir(parents=True)
    kept.write_text('{"state": ')
    error = "Error: Unknown flag --lerning_rate. Did you mean --learning_rate (a setting of "
    error += "methods)?\n"
    for heavy in (True, False):
        done, seconds = command("adapt", "--lerning_rate=1", cwd=tmp_path, code=code)
        assert (done.code, done.stderr) == (2, error)
        assert done.stdout == f"heavy: {heavy}\n"
    assert seconds < 1.0
    done, _ = command("methods", "bsa", cwd=tmp_path, code=code)
    from_cells = forks().command("methods", "bsa", cwd=tmp_path)
    assert done.stdout == f"{from_cells.stdout}heavy: False\n"
    assert list(kept.parent.iterdir()) == [kept]


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file, where a folder is wanted")
    monkeypatch.setenv("TF_FEWSHOT_CACHE", str(tmp_path / "cache"))
    done, _ = command("adapt", "--stepz=1", cwd=tmp_path)
    assert done.stderr == (
        "Error: Unknown flag --stepz. Did you mean --steps (a setting of methods)?\n"
    )
