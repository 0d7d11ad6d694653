"""The command ``tf-fewshot``: chooses the tool and turns errors into one line.

Nothing heavy is imported before the flags are known to be right.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from types import ModuleType

from .output import show

COMMANDS = {
    "adapt": "Adapt a generator to a few pictures.",
    "pretrain": "Train a source from scratch.",
    "sample": "Draw pictures from an adapted generator or a source.",
    "evaluate": "Measure samples against real pictures.",
    "study": "Ask people which of two pictures is generated, or pool their answers.",
    "analyze": "Look inside: statistics, Fisher information, changes of weights, …",
    "select": "Choose pictures of a large folder that go together in style.",
    "pairs": "Write a data set of pairs: a source and an adapter.",
    "compare": "Compare methods on the same pictures, over seeds.",
    "papers": "Run the experiments of both papers here, and write their gallery.",
    "export": "Write a generator for TF-Serving, ONNX, LiteRT or Keras.",
    "bank": "Keep many adapters of one source in one file, and serve them as one model.",
    "serve": "Serve exports as TF-Serving does, with a gallery.",
    "convert": "Convert a generator to this project's format, or to Keras files.",
    "quickstart": "Adapt the bundled generator to the bundled pictures.",
    "methods": "List the methods, or the settings of one.",
    "benchmark": "Measure speed against the machine's peak.",
    "draw_avatars": "Draw data: avatars of a DiceBear style.",
}

# What is known more closely, by training or by loading pictures, is a UserError of its own.
_OUT_OF_MEMORY = (
    "Out of memory. Close other programs, or ask for less: fewer samples, fewer or smaller "
    "pictures, or a smaller source."
)


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
        show(usage())
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
    launch(tool, [f"tf-fewshot {argv[1]}", *argv[2:]])


def launch(tool: ModuleType, argv: list[str]) -> None:
    """Parses the arguments and calls ``main``; every foreseeable failure ends in one line.

    Args:
        tool: A module with ``main()``. If it has ``prepare(argv)``, which is called before flags
            are parsed, it returns the arguments that are flags, and what ``main`` is called with.
            If it has ``help_of(argv)``, that adds lines to the help.
        argv: The command, and its arguments.
    """
    from absl import flags

    from tf_fewshot.errors import UserError
    from tf_fewshot.training.interrupt import Terminated, keep_lost_signals, terminate

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # As job schedulers end what has run out of its time: what is known is saved first.
        signal.signal(signal.SIGTERM, terminate)
    keep_lost_signals()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        if any(arg in ("--help", "-h", "-help") for arg in argv[1:]):
            show(_help(tool, argv))
            raise SystemExit(0)
        prepared = ()
        if hasattr(tool, "prepare"):
            argv, *prepared = tool.prepare(argv)
        rest = flags.FLAGS(argv)
        if len(rest) > 1:
            fail(f"unexpected argument {rest[1]!r}: flags are written --name=value.")
        tool.main(*prepared)
    except flags.UnrecognizedFlagError as error:
        from .arguments import unknown_flag

        fail(str(unknown_flag(error.flagname, more=f"{argv[0]} --help lists the flags.")))
    except flags.Error as error:
        fail(str(error).strip().splitlines()[-1])
    except UserError as error:
        fail(_in_flags(str(error), tool))
    except Terminated:
        print(_ended("Terminated"), file=sys.stderr)
        raise SystemExit(143) from None
    except KeyboardInterrupt:
        print(_ended("Interrupted"), file=sys.stderr)
        raise SystemExit(130) from None
    except MemoryError:
        fail(_OUT_OF_MEMORY)
    except OSError as error:
        fail(str(error))
    except Exception as error:
        # TensorFlow's own, told by name: it may not have been imported.
        if type(error).__name__ != "ResourceExhaustedError":
            raise
        fail(_OUT_OF_MEMORY)


def _ended(how: str) -> str:
    """Returns what to say of a command that was ended: what has a workdir goes on from there."""
    from absl import flags

    resumes = "workdir" in flags.FLAGS
    return f"{how}.{' The same command goes on from the last checkpoint.' * resumes}"


def _in_flags(message: str, tool: ModuleType) -> str:
    """Returns an error of the library as a person at the command line can follow it."""
    from absl import flags

    from .wording import for_command

    def known() -> set[str]:
        names = set(flags.FLAGS)
        if hasattr(tool, "prepare"):
            from .catalogue import catalogue

            names |= catalogue().names()
        return names

    return for_command(message, known)


def _help(tool: ModuleType, argv: list[str]) -> str:
    """Returns what a command does, its flags, and its settings if the arguments name a method."""
    text = f"{(tool.__doc__ or '').strip()}\n\nflags:\n{_flags_help(tool.__name__)}"
    settings = tool.help_of(argv) if hasattr(tool, "help_of") else ""
    return f"{text}\n\nsettings:\n{settings}" if settings else text


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
