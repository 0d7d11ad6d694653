"""Reads the pages of the documentation: their blocks, commands, links and headings.

The docstrings of configurations are pages, too, whose blocks are the paragraphs of commands.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("sh", "python")
# Programs that blocks of sh may call; whatever else they call ends them with an error.
OTHERS = ("curl", "docker")  # which a reader has from elsewhere
PROGRAMS = ("tf-fewshot", "make", "pre-commit", *OTHERS)

_FENCE = re.compile(r"^```(.*)$")
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$")
# Writes its name and arguments, each ended by NUL, and a record separator after them.
_RECORDER = """#!/bin/bash
printf '%s\\0' "${0##*/}" "$@" $'\\036' >> "$CALLS"
"""


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: The page, relative to the root of the repository.
        line: The number of its first line.
        language: What stands behind the opening fence.
        text: Its lines.
    """

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Every page of the documentation, relative to the root of the repository."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    paths += [*sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("benchmarks/*.md"))]
    return [path.relative_to(ROOT).as_posix() for path in paths]


def recipes() -> list[str]:
    """Every configuration, relative to the root of the repository."""
    paths = sorted(ROOT.glob("configs/*.py"))
    return [path.relative_to(ROOT).as_posix() for path in paths if path.stem != "__init__"]


@functools.cache
def text_of(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text("utf-8")


@functools.cache
def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, or the commands of a docstring, in their order."""
    if page.endswith(".py"):
        return _commands_of_docstring(page)
    blocks, begin, language = [], 0, ""
    lines = text_of(page).splitlines()
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line.strip())
        if not fence:
            continue
        if begin:
            text = "\n".join(lines[begin - 1 : number - 1]) + "\n"
            blocks.append(Block(page, begin, language, text))
            begin = 0
        else:
            begin, language = number + 1, fence[1]
    assert not begin, f"{page}: the block that begins in line {begin} has no end"
    return blocks


def _commands_of_docstring(page: str) -> list[Block]:
    docstring = ast.get_docstring(ast.parse(text_of(page))) or ""
    blocks, line = [], 1
    for paragraph in docstring.split("\n\n"):
        if re.search(r"^\s*tf-fewshot ", paragraph, re.M):
            blocks.append(Block(page, line, "sh", textwrap.dedent(paragraph) + "\n"))
        line += paragraph.count("\n") + 2
    return blocks


def prose(page: str) -> str:
    """The text of a page without its fenced blocks."""
    inside, lines = False, []
    for line in text_of(page).splitlines():
        if _FENCE.match(line.strip()):
            inside = not inside
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def spans(page: str) -> list[str]:
    """What stands between single backticks on a page."""
    return [" ".join(span.split()) for span in _SPAN.findall(prose(page))]


def links(page: str) -> list[str]:
    """The targets of the links and pictures of a page."""
    return _LINK.findall(prose(page))


@functools.cache
def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = [match[1] for match in map(_HEADING.match, prose(page).splitlines()) if match]
    words = [re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()) for heading in headings]
    return {word.replace(" ", "-") for word in words}


def tables(page: str) -> list[list[list[str]]]:
    """The cells of the tables of a page: tables, rows, cells; without the line of dashes."""
    tables: list[list[list[str]]] = [[]]
    for line in prose(page).splitlines():
        if not line.startswith("|"):
            tables.append([])
        elif not set(line) <= set("|- :"):
            tables[-1].append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return [table for table in tables if table]


def calls(block: Block, folder: Path) -> list[list[str]]:
    """The programs that a block of sh calls, with their arguments, in their order.

    A shell itself reads the block, so that loops, quotes, continued lines and braces mean what
    they mean to a reader. It calls recorders instead of the programs.
    """
    recorders = folder / ".recorders"
    record = recorders / "calls"
    for place in (recorders, folder / ".venv" / "bin"):
        place.mkdir(parents=True, exist_ok=True)
        for name in PROGRAMS:
            (place / name).write_text(_RECORDER)
            (place / name).chmod(0o755)
    # What a block asks Python itself is asked.
    (recorders / "python").write_text(f'#!/bin/bash\nexec "{sys.executable}" "$@"\n')
    (recorders / "python").chmod(0o755)
    record.write_bytes(b"")
    done = subprocess.run(
        ["/bin/bash", "-e", "-u", "-c", block.text],
        cwd=folder,
        env={"PATH": str(recorders), "CALLS": str(record), "HOME": os.fspath(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{block}: {done.stderr}"
    records = record.read_text("utf-8").split("\036\0")[:-1]
    return [call.rstrip("\0").split("\0") for call in records]
