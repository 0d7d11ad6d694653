"""Workers wait for one another, for as long as they are told to, and say for whom."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tf_fewshot.errors import UserError
from tf_fewshot.training.meeting import Member, meet, members

from .processes import ROOT, forks
from .workers import free_ports


def cluster(count: int) -> list[Member]:
    return members({"worker": [f"127.0.0.1:{port}" for port in free_ports(count)]})


@contextlib.contextmanager
def threads(count: int):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        yield pool


def no_word(line: str) -> None:
    raise AssertionError(line)


def test_members_are_those_of_tf_config():
    found = members({"worker": ["b:2", "[::1]:3"], "chief": ["a:1"]})
    assert [str(m) for m in found] == ["chief 0 (a:1)", "worker 0 (b:2)", "worker 1 ([::1]:3)"]
    assert found[2].place() == ("::1", 3)
    for address in ("host", "host:", ":1", "host:0", "host:70000", "host:x", 7):
        with pytest.raises(UserError, match=r"address of worker 0 .* must be host:port"):
            Member("worker 0", address).place()  # pyright: ignore[reportArgumentType]


def test_those_that_come_late_are_waited_for():
    everyone, said = cluster(3), []

    def late(member, seconds):
        time.sleep(seconds)
        begun = time.monotonic()
        meet(everyone, member, 60.0, said.append if member is everyone[0] else lambda line: None)
        return begun, time.monotonic()

    with threads(3) as pool:
        times = list(pool.map(late, everyone, (0.0, 1.5, 3.0)))
    # Nobody has gone on before the last was there.
    assert min(end for _, end in times) >= max(begin for begin, _ in times)
    assert said[0].startswith("Waiting up to 60 s for worker 1 (127.0.0.1:")
    assert said[-1].startswith("Waiting up to 60 s for worker 2 (127.0.0.1:")
    # The same addresses can be used at once, as TensorFlow will.
    for member in everyone:
        socket.create_server(member.place()).close()
    with threads(3) as pool:
        list(pool.map(lambda member: meet(everyone, member, 60.0, lambda line: None), everyone))


def test_who_never_comes_is_named():
    everyone = cluster(3)

    def alone(member):
        with pytest.raises(UserError) as error:
            meet(everyone, member, 1.0, lambda line: None)
        return str(error.value)

    with threads(2) as pool:
        for message in pool.map(alone, everyone[:2]):
            assert message.startswith(f"{everyone[2]} did not come within 1 s")


def test_who_came_and_went_is_missed():
    """Of three the second gives up before the third comes: nobody hands over to TensorFlow."""
    everyone = cluster(3)

    def one(member, begin, seconds):
        time.sleep(begin)
        try:
            meet(everyone, member, seconds, lambda line: None)
        except UserError as error:
            return str(error)

    with threads(3) as pool:
        said = list(pool.map(one, everyone, (0.0, 0.0, 1.5), (3.0, 0.7, 3.0)))
    assert said[0].startswith(f"{everyone[1]} came, and ended within 3 s")
    assert said[1].startswith(f"{everyone[2]} did not come")
    assert said[2].startswith(f"{everyone[1]} did not come")


@contextlib.contextmanager
def speaker(member: Member, words: bytes):
    """Something at a member's address that says these words to whoever comes."""

    def speak():
        with contextlib.suppress(OSError):
            while True:
                guest, _ = server.accept()
                guest.sendall(words)
                guests.append(guest)

    guests: list[socket.socket] = []
    with socket.create_server(member.place()) as server:
        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        yield
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for guest in guests:
        guest.close()


def test_who_has_handed_over_to_tensorflow_is_there():
    everyone = cluster(2)
    with speaker(everyone[1], b"\x00\x00\x18\x04"):
        meet(everyone, everyone[0], 60.0, no_word)


def test_a_listener_that_says_nothing_is_not_a_worker():
    everyone = cluster(2)
    with speaker(everyone[1], b""), pytest.raises(UserError, match=r"did not come within 0\.5 s"):
        meet(everyone, everyone[0], 0.5, lambda line: None)


def test_a_worker_that_does_not_see_all_is_named():
    everyone = cluster(2)

    def greeting_of(member: Member) -> bytes:
        while True:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(member.place()) as connection,
            ):
                return connection.recv(100)

    with threads(1) as pool:
        heard = pool.submit(greeting_of, everyone[1])
        with pytest.raises(UserError):
            meet(everyone, everyone[1], 1.0, lambda line: None)
    with (
        speaker(everyone[1], heard.result()),
        pytest.raises(UserError, match=r"worker 1 .* did not reach all others within 0\.5 s"),
    ):
        meet(everyone, everyone[0], 0.5, lambda line: None)


def test_another_index_or_cluster_is_refused():
    everyone = cluster(2)
    twice = [everyone[0], Member("worker 1", everyone[1].address)]
    others = [Member("worker 0", everyone[1].address), Member("worker 1", everyone[0].address)]
    with threads(2) as pool:
        calls = [pool.submit(meet, t, t[0], 60.0, lambda line: None) for t in (twice, others)]
        for call in calls:
            with pytest.raises(UserError, match=r"of worker 1 .* is worker 0, of another cluster"):
                call.result()


def test_an_address_that_is_taken():
    everyone = cluster(2)
    with (
        socket.create_server(("", everyone[0].place()[1])),
        pytest.raises(UserError, match=r"Port \d+ of worker 0 .* cannot be listened at"),
    ):
        meet(everyone, everyone[0], 60.0, no_word)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_waiting(number):
    everyone = cluster(2)
    code = f"""
import signal, sys
from tf_fewshot.training.interrupt import Terminated, terminate
from tf_fewshot.training.meeting import Member, meet
signal.signal(signal.SIGTERM, terminate)
everyone = {everyone!r}
try:
    meet(everyone, everyone[0], 600.0, lambda line: print(line, flush=True))
except Terminated:
    sys.exit(40)
except KeyboardInterrupt:
    sys.exit(41)
"""
    waiting = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    with waiting:
        assert waiting.stdout is not None
        assert b"Waiting up to 600 s for worker 1" in waiting.stdout.readline()
        waiting.send_signal(number)
        assert waiting.wait(60) == (40 if number == signal.SIGTERM else 41)


def test_the_command_ends_with_a_line(tmp_path):
    hosts = [f"127.0.0.1:{port}" for port in free_ports(2)]
    task = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": 1}}
    flags = "--source=a.npz --data=b --workdir=run --strategy=multi_worker --worker_timeout=1"
    done = forks().command("adapt", *flags.split(), cwd=tmp_path, TF_CONFIG=json.dumps(task))
    assert done.code == 2
    assert done.error == (
        f"Error: worker 0 ({hosts[0]}) did not come within 1 s: start every worker with the same "
        "command and cluster, or wait longer with --worker_timeout=…."
    )
    assert not (tmp_path / "run").exists()
