"""The command ``tf-fewshot``: chooses the tool and turns errors into one line.

Nothing heavy is imported before the flags are known to be right.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys

COMMANDS = {
    "adapt": "Adapt a generator to a few pictures.",
    "pretrain": "Train a source from scratch.",
    "sample": "Draw pictures from an adapted generator or a source.",
    "evaluate": "Measure samples against real pictures.",
    "compare": "Compare methods on the same pictures, over seeds.",
    "export": "Write a SavedModel for TF-Serving.",
    "convert": "Convert a generator to this project's format, or to Keras files.",
    "quickstart": "Adapt the bundled generator to the bundled pictures.",
    "methods": "List the methods and what they are made of.",
    "benchmark": "Measure speed against the machine's peak.",
    "draw_avatars": "Draw data: avatars of a DiceBear style.",
}


def usage() -> str:
    lines = [f"  {name:<14}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "Teaches a pretrained image generator a new domain from 1 to 100 pictures.",
            "",
            "usage: tf-fewshot COMMAND [--flag=value …]",
            "",
            *lines,
            "",
            "tf-fewshot COMMAND --help lists the flags of a command.",
        ]
    )


def run(argv: list[str] | None = None) -> None:
    """Runs the command that ``argv`` (by default the process's arguments) names."""
    argv = list(sys.argv if argv is None else argv)
    if len(argv) < 2 or argv[1] in ("-h", "--help", "help", "--helpfull"):
        _show(usage())
        raise SystemExit(0 if len(argv) > 1 else 2)
    if argv[1] == "--version":
        from tf_fewshot import __version__

        print(__version__)
        raise SystemExit(0)
    name = argv[1].replace("-", "_")
    if name not in COMMANDS:
        from tf_fewshot.errors import unknown_name

        fail(str(unknown_name("command", argv[1], COMMANDS)))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tool = importlib.import_module(f".{name}", __package__)
    launch(
        tool.main,
        [f"tf-fewshot {argv[1]}", *argv[2:]],
        tool.__doc__,
        getattr(tool, "prepare", None),
    )


def launch(main, argv: list[str], doc: str | None, prepare=None) -> None:
    """Parses flags and calls ``main``; every foreseeable failure ends in one line.

    ``prepare`` may change the arguments before they are parsed.
    """
    from absl import flags

    from tf_fewshot.errors import UserError

    if any(arg in ("--help", "-h", "-help") for arg in argv[1:]):
        _show(f"{(doc or '').strip()}\n\nflags:\n{_flags_help(main.__module__)}")
        raise SystemExit(0)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        if prepare:
            argv = prepare(argv)
        try:
            # ml_collections looks for the fields of a configuration there.
            sys.argv = argv
            rest = flags.FLAGS(argv)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # What ml_collections raises for fields and values that do not fit.
            while error.args and isinstance(error.args[0], Exception):
                error = error.args[0]
            fail(f"The configuration has no such field or value: {error.args[0]}")
        except (SyntaxError, ImportError) as error:
            fail(f"The configuration cannot be read as Python: {error}")
        if len(rest) > 1:
            fail(f"unexpected argument {rest[1]!r}: flags are written --name=value.")
        main()
    except flags.Error as error:
        fail(str(error).strip().splitlines()[-1])
    except UserError as error:
        fail(str(error))
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on from the last checkpoint.", file=sys.stderr)
        raise SystemExit(130) from None
    except MemoryError:
        fail("Out of memory. Try a smaller batch size.")
    except OSError as error:
        fail(str(error))
    except Exception as error:
        # TensorFlow's own, told by name: it may not have been imported.
        if type(error).__name__ != "ResourceExhaustedError":
            raise
        fail("Out of memory. Try a smaller batch size.")


def _show(text: str) -> None:
    """Prints to somebody who may stop reading, as ``head`` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _flags_help(module: str) -> str:
    from absl import flags

    mine = flags.FLAGS.flags_by_module_dict()
    names = [m for m in mine if m == module or m.endswith(".common")]
    lines = []
    for flag in sorted((f for m in names for f in mine[m]), key=lambda f: f.name):
        default = "" if flag.default in (None, "") else f" (default {flag.default_as_str})"
        lines.append(f"  --{flag.name}: {flag.help}{default}")
    return "\n".join(lines)


def fail(message: str) -> None:
    """One line on standard error, exit code 2."""
    print(f"Error: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    run()
