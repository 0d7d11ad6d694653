"""What a user installs: the wheel, its pins, its command, and the size of the repository."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import re
import resource
import shutil
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
MIB = 2**20
# Folders of the repository and where they are once installed.
INSTALLED = {"configs": "tf_fewshot/configs", "tools": "tf_fewshot/tools"}
# What must not be loaded before it is needed: seconds and hundreds of megabytes.
HEAVY = ("tensorflow", "keras", "tf_keras", "tensorflow_hub", "scipy", "matplotlib")


@pytest.fixture(scope="module")
def files() -> list[str]:
    """The files of the repository, new ones included, as paths from its root."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that no build folder is left in the repository."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in files:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "-w", str(out), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert built.returncode == 0, built.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installer does it."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def metadata(site: Path) -> Message:
    (path,) = site.glob("*.dist-info/METADATA")
    return Parser().parsestr(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def requirements(metadata: Message) -> list[Requirement]:
    return [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]


def _needed(requirements: list[Requirement], extra: str = "") -> list[Requirement]:
    return [
        r
        for r in requirements
        if (not r.marker or r.marker.evaluate({"extra": extra}))
        and (not extra or "extra" in str(r.marker))
    ]


def _run(code: str, site: Path, *argv: str, **options) -> subprocess.CompletedProcess:
    """Runs code that finds the unpacked wheel before anything else, away from the checkout."""
    start = f"import sys; sys.path.insert(0, {str(site)!r}); sys.argv[0] = 'tf-fewshot'\n"
    return subprocess.run(
        [sys.executable, "-I", "-c", start + code, *argv],
        capture_output=True,
        text=True,
        cwd=site,
        stdin=subprocess.DEVNULL,
        **options,
    )


# The wheel ---------------------------------------------------------------------------


def test_the_wheel_holds_every_file_of_the_package(files, wheel):
    expected = set()
    for name in files:
        top, _, rest = name.partition("/")
        hidden = Path(name).name.startswith(".")
        if (top == "tf_fewshot" or top in INSTALLED) and not hidden:
            expected.add(f"{INSTALLED.get(top, top)}/{rest}")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    packaged = {name for name in inside if ".dist-info/" not in name}
    assert packaged == expected
    assert {"tf_fewshot/py.typed", "tf_fewshot/tools/main.py"} <= packaged
    assert any(name.startswith("tf_fewshot/configs/quickstart") for name in packaged)
    assert any(name.endswith("/licenses/LICENSE") for name in inside)
    assert any(name.endswith("/licenses/NOTICE") for name in inside)


def test_the_wheel_works_without_a_checkout(site):
    code = (
        "import tf_fewshot, tf_fewshot.tools, tf_fewshot.configs\n"
        "for m in (tf_fewshot, tf_fewshot.tools, tf_fewshot.configs): print(m.__file__)\n"
        f"print(*[name for name in {HEAVY} if name in sys.modules], sep=',')\n"
    )
    done = _run(code, site)
    assert done.returncode == 0, done.stderr
    *places, heavy = done.stdout.split("\n")[:4]
    assert [Path(place).parent.relative_to(site).as_posix() for place in places] == [
        "tf_fewshot",
        "tf_fewshot/tools",
        "tf_fewshot/configs",
    ]
    assert heavy == "", "import tf_fewshot alone must stay light"


def test_the_installed_command_is_the_checkout(metadata):
    """Editable or not, the distribution of this environment has this version."""
    assert importlib.metadata.version("tf-fewshot") == metadata["Version"]
    spec = importlib.util.find_spec("tf_fewshot.tools")
    assert spec is not None
    assert spec.origin is not None
    assert importlib.util.find_spec("tf_fewshot.configs") is not None


# Versions ----------------------------------------------------------------------------


def test_the_version_is_the_newest_of_the_changelog(metadata):
    from tf_fewshot._version import __version__

    headings = re.findall(r"^## \[(.+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert headings[0] == ("Unreleased", "")
    versions = [Version(name) for name, _ in headings[1:]]
    assert versions == sorted(versions, reverse=True)
    assert str(versions[0]) == __version__ == metadata["Version"]
    assert all(re.fullmatch(r" - (\d{4}-\d\d-\d\d|unreleased)", day) for _, day in headings[1:])


def test_python_versions_are_those_of_the_pins(metadata):
    from packaging.specifiers import SpecifierSet

    accepted = SpecifierSet(metadata["Requires-Python"])
    assert [v for v in range(9, 16) if f"3.{v}.1" in accepted] == [11, 12, 13]
    named = re.findall(r":: (3\.\d+)$", "\n".join(metadata.get_all("Classifier")), re.M)
    assert named == ["3.11", "3.12", "3.13"]


def test_pins_hold_in_this_environment(requirements):
    needed = _needed(requirements) + _needed(requirements, "dev")
    assert {"tensorflow", "keras", "pytest", "ruff"} <= {r.name for r in needed}
    wrong = {
        str(r): importlib.metadata.version(r.name)
        for r in needed
        if importlib.metadata.version(r.name) not in r.specifier
    }
    assert not wrong


def test_every_requirement_can_be_found_by_python(requirements):
    modules: dict[str, list[str]] = {}
    for module, distributions in importlib.metadata.packages_distributions().items():
        for distribution in distributions:
            modules.setdefault(canonicalize_name(distribution), []).append(module)
    for requirement in _needed(requirements):
        names = modules.get(canonicalize_name(requirement.name), [])
        assert any(importlib.util.find_spec(name) for name in names), requirement


def test_every_pin_has_an_upper_bound(requirements):
    assert len(requirements) > 15
    for requirement in requirements:
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators & {"<", "==", "~="}, requirement


def test_packages_that_follow_tensorflow_have_its_pin(requirements):
    pins = {}
    for r in requirements:
        if r.name in ("tensorflow", "tf-keras", "tensorflow-serving-api"):
            pins.setdefault(r.name, set()).add(str(r.specifier))
    assert set(pins) == {"tensorflow", "tf-keras", "tensorflow-serving-api"}
    assert len(set.union(*pins.values())) == 1


# The command and the public face --------------------------------------------------------


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("no-such-command", 2)])
def test_the_command_answers_at_once(site, argument, code):
    (entry,) = [
        e
        for d in importlib.metadata.distributions(path=[str(site)])
        for e in d.entry_points
        if e.group == "console_scripts" and e.name == "tf-fewshot"
    ]
    script = (
        "import atexit\n"
        f"heavy = lambda: print('heavy:', *[n for n in {HEAVY} if n in sys.modules])\n"
        "atexit.register(heavy)\n"
        f"from {entry.module} import {entry.attr}\n"
        f"sys.exit({entry.attr}())\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = _run(script, site, argument)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[-1] == "heavy:"
    if argument == "--help":
        assert "adapt" in done.stdout
        assert "sample" in done.stdout
    else:
        assert argument in done.stderr
        assert "Traceback" not in done.stderr
    # Time of the processor, not of the clock: the machine may be busy.
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 1.0


def test_public_names_are_there():
    package = importlib.import_module("tf_fewshot")
    assert {"adapt", "load"} <= set(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name


# The repository -------------------------------------------------------------------------


def test_the_repository_is_small(files):
    sizes = {name: (ROOT / name).stat().st_size for name in files}
    large = {
        name: size
        for name, size in sizes.items()
        if size > 2 * MIB and not name.startswith("tf_fewshot/weights/data/")
    }
    assert not large
    assert sum(sizes.values()) < 60 * MIB


def test_sample_pictures_are_what_the_tool_draws(site, tmp_path):
    samples = sorted((ROOT / "tf_fewshot/samples/toon-head").iterdir())
    assert [path.name for path in samples] == [f"{seed:07d}.png" for seed in range(25)]
    draw = [sys.executable, "-m", "tf_fewshot.tools.main", "draw_avatars", "--style=toon-head"]
    draw += ["--first=0", "--count=25", "--size=64", f"--out={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    subprocess.run(draw, cwd=site, env=environment, check=True, capture_output=True)
    for path in samples:
        with Image.open(path) as kept, Image.open(tmp_path / path.name) as drawn:
            assert kept.size == drawn.size == (64, 64)
            difference = np.asarray(kept.convert("RGB"), int) - np.asarray(drawn.convert("RGB"))
        assert np.abs(difference).max() <= 4, path.name


def test_the_notice_names_what_ships():
    notice = (ROOT / "NOTICE").read_text("utf-8")
    for author in ("Johan Melin", "Pablo Stanley"):
        assert author in notice
    for licence in ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"):
        assert licence in notice
