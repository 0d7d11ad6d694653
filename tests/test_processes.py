"""Processes of tests: what is said when the one that forks for them is no more."""

from __future__ import annotations

import sys

import pytest

from .processes import Forks

_AT_ONCE = "import sys; sys.exit('no TensorFlow here')"
_OF_A_SIGNAL = "import os; input(); os.kill(os.getpid(), 9)"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param(_AT_ONCE, "code 1, and said: no TensorFlow here$", id="at once"),
        pytest.param(_OF_A_SIGNAL, "code -9, and said: nothing$", id="of a signal"),
    ],
)
def test_a_server_that_has_ended_says_how_and_why(tmp_path, code, message):
    forks = Forks((sys.executable, "-c", code))
    for _ in range(2):
        with pytest.raises(RuntimeError, match=message):
            forks.python("pass", cwd=tmp_path)
    forks.close()
