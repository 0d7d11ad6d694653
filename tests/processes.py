"""Processes of their own for what must not happen in the tests': signals, limits, exit codes.

Importing TensorFlow takes seconds, so that it is done once, in a process that forks
itself for each call before TensorFlow has started any thread.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "from tf_fewshot.tools.main import run; run()"


@dataclasses.dataclass(frozen=True)
class Done:
    """How a process ended; the code of one that a signal ended is the signal's, negative."""

    code: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The last line of standard error."""
        return (self.stderr.splitlines() or [""])[-1]


class Forks:
    """Runs Python code in forks of one process that has TensorFlow.

    Args:
        server: The command of that process.
    """

    def __init__(self, server: Sequence[str] = (sys.executable, "-m", "tests.processes")) -> None:
        # A file takes whatever is written; a pipe that nobody reads would stop the server.
        self._folder = tempfile.TemporaryDirectory()
        self._errors = Path(self._folder.name, "stderr")
        with open(self._errors, "wb") as errors:
            self._server = subprocess.Popen(
                server,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def python(self, code: str, *argv: object, cwd: Path, **environment: str) -> Done:
        """Executes ``code`` as ``__main__`` with these arguments."""
        assert self._server.stdin is not None and self._server.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            call = {"code": code, "argv": [str(a) for a in argv], "cwd": str(cwd)}
            call |= {"out": str(out), "err": str(err), "environment": environment}
            try:
                self._server.stdin.write(json.dumps(call) + "\n")
                self._server.stdin.flush()
                answer = self._server.stdout.readline()
            except BrokenPipeError:
                answer = ""
            if not answer:
                raise RuntimeError(self._end())
            return Done(int(answer), out.read_text("utf-8"), err.read_text("utf-8"))

    def command(self, *argv: object, cwd: Path, **environment: str) -> Done:
        """Executes ``tf-fewshot`` with these arguments."""
        return self.python(COMMAND, *argv, cwd=cwd, **environment)

    def close(self) -> None:
        """Ends the process; one that has ended already may be closed, too."""
        with contextlib.suppress(BrokenPipeError):
            self._server.communicate()
        self._folder.cleanup()

    def _end(self) -> str:
        """What is to be said of a server that has ended, with what it wrote last."""
        code = self._server.wait()
        said = self._errors.read_text("utf-8", errors="replace")[-3000:].strip() or "nothing"
        return f"the process that forks for tests has ended with code {code}, and said: {said}"


@functools.cache
def forks() -> Forks:
    """The one server of these tests, begun when it is first asked for."""
    server = Forks()
    atexit.register(server.close)
    return server


def command(*argv: object, cwd: Path | None = None, code: str = COMMAND) -> tuple[Done, float]:
    """Runs the installed ``tf-fewshot`` from its beginning; also gives its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, argv)],
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Done(done.returncode, done.stdout, done.stderr), spent


def keep_settings() -> None:
    """Fills the cache of settings, which only a user's very first command finds empty.

    That command needs TensorFlow for it, which takes seconds; here it is at hand.
    """
    from tf_fewshot.files import write_json
    from tf_fewshot.tools import catalogue

    path, state = catalogue._cache()
    write_json(path, {"state": state, **catalogue._as_json(catalogue._read())})


def _child(call: dict) -> int:
    """What a fork does; returns its exit code."""
    for name, stream in (("out", 1), ("err", 2)):
        os.dup2(os.open(call[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.chdir(call["cwd"])
    os.environ.update(call["environment"])
    sys.argv = ["tf-fewshot", *call["argv"]]
    try:
        exec(compile(call["code"], "<child>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else bool(end.code)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _serve() -> None:
    import tf_fewshot.api  # noqa: F401
    from tf_fewshot.compat import tfgan

    tfgan.load()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        call = json.loads(line)
        child = os.fork()
        if not child:
            code = 1
            try:
                code = _child(call)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
