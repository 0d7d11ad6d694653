"""The documentation: every command and program in it is run or checked, every link leads somewhere.

So is every command that the docstring of a configuration shows.

The blocks of a page share a folder that begins with the files of a reader (``_READER``), so that
what a reader does in turn works in turn. Two rules keep that short:

- Numbers of steps, samples and pictures are made small (``FEW``, ``FEW_SETTINGS``), the precision
  of adaptations is float32, and training makes no graphs. Nothing else is changed.
- ``USUAL`` says what becomes of a command: it is run, its dry run is, or its own flags read it, so
  that flags and configurations that do not exist fail. Programs are run, or their names checked.
  ``EXCEPTIONS`` says which calls and programs are treated otherwise, and why.

The tests marked large run all that can be run.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from . import doc_pages
from .doc_pages import ROOT, Block
from .processes import COMMAND, Done, forks

RUN, DRY_RUN, READ, LEFT = "run", "dry run", "read", "left"
EAGERLY = "import tensorflow as tf; tf.config.run_functions_eagerly(True)\n"

# What becomes of a command: in the usual tests, and in those marked large.
USUAL = {
    "adapt": (READ, RUN),  # two steps and the report take 7 s
    "analyze": (READ, RUN),
    "bank": (READ, RUN),  # it needs adapters
    "benchmark": (READ, RUN),
    "compare": (READ, RUN),
    "convert": (RUN, RUN),
    "draw_avatars": (RUN, RUN),
    "evaluate": (READ, RUN),  # it needs an adapter, as the next three
    "export": (READ, RUN),
    "pairs": (READ, RUN),
    "sample": (READ, RUN),
    "select": (READ, RUN),
    "serve": (READ, READ),  # it runs until it is stopped; test_served_versions.py has it
    "study": (READ, RUN),
    "methods": (RUN, RUN),
    "pretrain": (READ, RUN),
    "quickstart": (READ, RUN),
    "python": (READ, RUN),
}
# Page, what stands in the call or program, what becomes of it in both kinds of tests, and why.
EXCEPTIONS = [
    ("README.md", "--workdir=runs/mine", RUN, RUN, "the reader's first run"),
    ("README.md", "sample", RUN, RUN, "of that run"),
    ("README.md", "import tf_fewshot", READ, RUN, "test_api.py has its calls; the export is slow"),
    ("docs/adapting.md", "--workdir=runs/mine", READ, RUN, "the README's call"),
    ("docs/scaling.md", "--strategy", READ, READ, "several processes; test_devices.py has them"),
    ("docs/scaling.md", "--ray", READ, READ, "test_machines.py has a cluster"),
    ("docs/analysis.md", "adapt", READ, RUN, "the README's call, and one like it"),
    ("docs/bank.md", "adapt", READ, RUN, "as adapting elsewhere"),
    ("docs/analysis.md", "biggan32", READ, READ, "needs what docs/pretraining.md trains"),
    ("docs/measuring.md", "--method=collage", READ, RUN, "the README's call"),
    ("docs/measuring.md", "papers --list", RUN, RUN, "names what there is"),
    (
        "docs/measuring.md",
        "papers --experiments",
        READ,
        READ,
        "hours; test_papers.py has a small one",
    ),
    ("docs/measuring.md", "--pool", READ, READ, "needs the answers of people"),
    ("docs/serving.md", "--method=collage", READ, RUN, "the README's call"),
    (
        "docs/serving.md",
        "curl",
        LEFT,
        LEFT,
        "asks a server; test_serving.py and test_gallery.py do",
    ),
    ("docs/serving.md", "docker", LEFT, LEFT, "a program that is not ours"),
    ("docs/serving.md", "GrpcClient", READ, READ, "asks a server; test_serving.py does the same"),
    ("docs/exporting.md", "--method=collage", READ, RUN, "the README's call"),
    ("docs/methods.md", "mine.py", DRY_RUN, RUN, "a file, and its call, which reads it"),
    ("docs/methods.md", "methods --source", READ, RUN, "builds the networks of every method"),
    ("docs/methods.md", "biggan-256", READ, READ, "downloads from TF-Hub"),
    ("docs/methods.md", "runs/classes/adapter", READ, READ, "what the download would lead to"),
    ("docs/sources.md", "ffhq.pkl", READ, READ, "a file that NVIDIA alone gives"),
    ("docs/sources.md", "deepmind/biggan-256/2", READ, READ, "downloads from TF-Hub"),
    ("docs/speed.md", "--sources=biggan-256/", READ, READ, "a folder that TF-Hub alone gives"),
    ("docs/pretraining.md", "faces", READ, RUN, "ten times what the first block draws"),
    ("docs/pretraining.md", "--start=", READ, RUN, "needs what the command before it leaves"),
    ("docs/pretraining.md", "32 --data=faces", READ, RUN, "needs what was drawn"),
    ("configs/bsa_biggan.py", "adapt", READ, READ, "downloads from TF-Hub"),
    ("configs/bsa_sngan.py", "adapt", READ, RUN, "as adapting elsewhere"),
    ("configs/quickstart_collage.py", "adapt", READ, RUN, "as adapting elsewhere"),
    ("configs/quickstart_bsa.py", "adapt", READ, RUN, "as adapting elsewhere"),
    ("configs/quickstart_ewc.py", "adapt", READ, RUN, "as adapting elsewhere"),
    ("configs/pretrain_avataaars64.py", "a", READ, READ, "as docs/pretraining.md, word for word"),
    ("configs/pretrain_sngan32.py", "a", READ, READ, "as docs/pretraining.md"),
    ("configs/pretrain_biggan32.py", "a", READ, READ, "as docs/pretraining.md"),
    ("configs/pretrain_drawings64.py", "a", READ, RUN, "40 styles"),
    (
        "configs/pretrain_faces64.py",
        "a",
        READ,
        RUN,
        "the DCGAN is downloaded, and draws for minutes",
    ),
    ("configs/pretrain_faces64_game.py", "a", READ, READ, "needs what another page leaves"),
    ("configs/pretrain_drawings64_game.py", "a", READ, READ, "needs what another page leaves"),
    ("benchmarks/README.md", "draw_avatars", READ, RUN, "as docs/pretraining.md"),
    ("benchmarks/README.md", "compare", READ, DRY_RUN, "hours; needs what was drawn"),
    ("CONTRIBUTING.md", "pre-commit", LEFT, LEFT, "it would install a hook into this repository"),
]

FEW: dict[str, dict[str, object]] = {
    "adapt": {"steps": 2, "batch_size": 2, "precision": "float32"},
    "benchmark": {"batch_size": 1, "repeats": 1, "precisions": "float32"},
    "compare": {"steps": 2, "batch_size": 2, "n": 12, "seeds": 0, "precision": "float32"},
    "draw_avatars": {"count": 30},
    "evaluate": {"n": 12},
    "pairs": {"n": 2},
    "pretrain": {"steps": 3, "batch_size": 8, "candidates": 1},
    "quickstart": {"scale": 0.002},
    "sample": {"n": 2},
}
# Of the methods that have them, and of the file of docs/methods.md that names such a method.
FEW_OF_EWC: dict[str, object] = {"fisher_samples": 2, "fisher_cache": False}
FEW_SETTINGS = {"--method=ewc": FEW_OF_EWC, "--config=mine.py": FEW_OF_EWC}

# The files that a reader has: pictures, and small networks such as docs/pretraining.md makes.
_READER = """
import shutil, sys
from pathlib import Path
from tf_fewshot import backbones, weights

samples = sorted(Path(sys.argv[1], "tf_fewshot/samples/toon-head").glob("*.png"))
folders = {"my_pictures": samples[:10], "my_other_pictures": samples[10:20]}
folders["tf_fewshot/samples/toon-head"] = samples
for name, files in folders.items():
    Path(name).mkdir(parents=True)
    for file in files:
        shutil.copy(file, name)
if sys.argv[2] == "configs/bsa_sngan.py":
    small = {"resolution": 16, "latent_dim": 8, "num_classes": 5, "widths": [8, 8, 8]}
    weights.save_gan(backbones.build("sngan", **small), "SNGAN.npz")
if sys.argv[2] == "docs/comparisons.md":
    small = {"resolution": 16, "latent_dim": 8, "num_classes": 5}
    weights.save_gan(backbones.build("sngan", widths=[8, 8, 8], **small), "runs/sngan32/source.npz")
    small |= {"latent_dim": 12, "channels": [8, 8, 8], "attention": 0, "class_dim": 4}
    weights.save_gan(backbones.build("biggan", **small), "runs/biggan32/source.npz")
"""
# Reads the flags of a command, and does nothing more.
_READ = """
import importlib, sys
from tf_fewshot.tools import main
tool = importlib.import_module(f"tf_fewshot.tools.{sys.argv[1]}")
tool.main = lambda *settings: None
main.run()
"""
# Looks up every public name that a program uses, and every keyword that it gives to one.
_NAMES = """
import ast, inspect, sys, typing
import tf_fewshot as tff

def resolved(node):
    if isinstance(node, ast.Attribute):
        owner = resolved(node.value)
        return None if owner is None else getattr(owner, node.attr)
    return tff if isinstance(node, ast.Name) and node.id == "tff" else None

def keywords(function):
    known = set(settings)
    hints = typing.get_type_hints(function.__init__ if isinstance(function, type) else function)
    for name, parameter in inspect.signature(function).parameters.items():
        known.add(name)
        if parameter.kind is parameter.VAR_KEYWORD:
            # Unpack[…] of a typed dictionary names them.
            known.update(*(typing.get_type_hints(part) for part in typing.get_args(hints[name])))
    return known

settings = {name for method in tff.methods.names() for name in tff.methods.get(method).settings()}
for node in ast.walk(ast.parse(open(sys.argv[1]).read())):
    resolved(node)
    function = resolved(node.func) if isinstance(node, ast.Call) else None
    if function is not None:
        unknown = {keyword.arg for keyword in node.keywords} - keywords(function)
        assert not unknown, f"{ast.unparse(node.func)} has no {unknown}"
"""


def treatment(page: str, command: str, text: str, large: bool) -> str:
    """Returns what becomes of a call or program: RUN, DRY_RUN, READ or LEFT."""
    modes = USUAL.get(command)
    for of_page, part, *others, _ in EXCEPTIONS:
        if page == of_page and part in text:
            modes = others
    assert modes is not None, f"{page}: nothing is said of {command}"
    return modes[large]


def with_flags(arguments: list[str], changes: dict[str, object]) -> list[str]:
    """Returns a call's arguments with other values of some flags."""
    names = {f"--{prefix}{name}" for name in changes for prefix in ("", "config.")}
    kept = [argument for argument in arguments if argument.partition("=")[0] not in names]
    return [*kept, *(f"--{name}={value}".lower() for name, value in changes.items())]


def small_call(arguments: list[str]) -> list[str]:
    """Returns the arguments of a call with few steps, samples and pictures."""
    command, *flags = arguments
    changes = dict(FEW.get(command, {}))
    for flag in flags:
        changes |= FEW_SETTINGS.get(flag, {})
    return [command, *with_flags(flags, changes)]


def small_program(text: str) -> str:
    """Returns a program with few steps, samples and pictures; its lines stay where they are."""
    few = {"steps": 2, "n": 12, "seeds": [0]}
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.keyword) or node.arg not in few:
            continue
        place = node.value
        assert place.lineno == place.end_lineno
        line = lines[place.lineno - 1]
        value = repr(few[node.arg])
        if node.arg == "steps":
            value += ', precision="float32"'
        lines[place.lineno - 1] = line[: place.col_offset] + value + line[place.end_col_offset :]
    return "\n".join(lines)


def check(done: Done, block: Block, what: str) -> None:
    assert done.code == 0, f"{block}: {what}\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}"


def run_call(block: Block, call: list[str], folder: Path, large: bool) -> None:
    """Does with a call of a block of sh what the table says."""
    program, *arguments = call
    words = " ".join(call)
    if program == "make":
        for line in recipe_of(arguments):
            if line.startswith(".venv/bin/tf-fewshot "):
                run_call(block, line.removeprefix(".venv/bin/").split(), folder, large)
        return
    mode = treatment(block.page, arguments[0], words, large)
    if mode == LEFT:
        needs = (ROOT / "setup.py").read_text("utf-8")
        assert program in doc_pages.OTHERS or f'"{program}>=' in needs, f"{block}: {words}"
        return
    assert program == "tf-fewshot", f"{block}: {words}"
    if mode == READ:
        done = forks().python(_READ, *arguments, cwd=folder)
    elif mode == DRY_RUN:
        flags = with_flags(arguments, {"precision": "float32"})
        done = forks().command(*flags, "--dry_run", cwd=folder)
    else:
        eagerly = EAGERLY if arguments[0] in ("adapt", "compare", "pretrain") else ""
        done = forks().python(eagerly + COMMAND, *small_call(arguments), cwd=folder)
    check(done, block, words)


def recipe_of(targets: list[str]) -> list[str]:
    """Returns the commands that make would run."""
    command = ["make", "--dry-run", "--always-make", *targets]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def run_program(blocks: list[Block], folder: Path, large: bool) -> None:
    """Runs blocks of Python as one program, or looks up its names; a named file is only kept.

    A block whose first line is ``# NAME.py`` is the file of that name.
    """
    first = blocks[0]
    text = ""
    for block in blocks:
        # So that an error tells the line of the page.
        text += "\n" * (block.line - 1 - text.count("\n")) + block.text
    name = re.match(r"# (\w+\.py)\n", first.text)
    if name:
        (folder / name[1]).write_text(first.text)
    mode = treatment(first.page, "python", text, large)
    program = folder / "program.py"
    program.write_text(small_program(text))
    if mode == READ:
        done = forks().python(_NAMES, program, cwd=folder)
    else:
        code = EAGERLY + f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')"
        done = forks().python(code, cwd=folder)
    check(done, first, "this program")


def run_page(page: str, folder: Path, large: bool) -> None:
    """Runs the blocks of a page in their order."""
    check(forks().python(_READER, ROOT, page, cwd=folder), Block(page, 0, "", ""), "its files")
    program: list[Block] = []
    for block in doc_pages.blocks(page):
        if block.language == "python":
            program.append(block)
            continue
        if program:
            run_program(program, folder, large)
            program = []
        for call in doc_pages.calls(block, folder):
            run_call(block, call, folder, large)
    if program:
        run_program(program, folder, large)


PAGES = [*doc_pages.pages(), *doc_pages.recipes()]
WITH_BLOCKS = [page for page in PAGES if doc_pages.blocks(page)]


@pytest.mark.download
@pytest.mark.parametrize("page", WITH_BLOCKS)
def test_what_a_page_says_to_type_works(page, tmp_path):
    run_page(page, tmp_path, large=False)


@pytest.mark.parametrize("command", sorted(USUAL.keys() - {"python"}))
def test_a_flag_that_does_not_exist_fails(command, tmp_path):
    done = forks().python(_READ, command, "--no_such_flag=1", cwd=tmp_path)
    assert done.code == 2
    assert "no_such_flag" in done.stderr


def test_a_name_that_does_not_exist_fails(tmp_path):
    for text in ("tff.lode('a')", "tff.metrics.fit", "tff.adapt(1, 2, workdir=3, stepz=4)"):
        (tmp_path / "program.py").write_text(text)
        done = forks().python(_NAMES, tmp_path / "program.py", cwd=tmp_path)
        assert done.code == 1
        assert re.search(r"lode|fit|stepz", done.stderr.splitlines()[-1])


@pytest.mark.large
@pytest.mark.parametrize("page", WITH_BLOCKS)
def test_what_a_page_says_to_type_can_be_run(page, tmp_path):
    run_page(page, tmp_path, large=True)


def test_every_configuration_shows_its_command():
    for page in doc_pages.recipes():
        text = "".join(block.text for block in doc_pages.blocks(page))
        assert f"--config={Path(page).stem}" in text, page


def test_every_block_is_of_a_language_that_is_run():
    for page in PAGES:
        for block in doc_pages.blocks(page):
            assert block.language in doc_pages.LANGUAGES, f"{block}: {block.language!r}"


@pytest.mark.parametrize("entry", EXCEPTIONS, ids=lambda entry: f"{entry[0]}:{entry[1]}")
def test_every_exception_is_of_something(entry):
    page, part, *_ = entry
    assert any(part in block.text for block in doc_pages.blocks(page))
