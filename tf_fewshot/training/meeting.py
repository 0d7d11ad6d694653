"""Workers of a cluster wait for one another before they hand over to TensorFlow.

TensorFlow waits for a worker that never comes for an hour or without end, in a call that no
Python code, and so no handler of a signal, can interrupt; its own time limits are for other parts
of the beginning (TensorFlow 2.21). Here each process listens at its own address, says there who it
is, and looks for the others at theirs. A process goes on when every other one has said that it
sees all, so that nobody is left alone with TensorFlow.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..errors import UserError

_NAME = b"tf_fewshot "
_ALL, _GOES = b"sees all\n", b"goes on\n"
_PAUSE = 0.1
# Those that are started together are there at once, and nobody need read that they were waited for.
_QUIET = 1.0
# Long enough for a machine far away, and short beside what one is patient for.
_CONNECT = 2.0


@dataclasses.dataclass(frozen=True)
class Member:
    """A process of a cluster.

    Attributes:
        name: Such as "worker 1".
        address: Such as "host1:2222".
    """

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} ({self.address})"

    def place(self) -> tuple[str, int]:
        """Returns host and port.

        Raises:
            UserError: if the address has another form.
        """
        host, _, port = str(self.address).rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 2**16:
            raise UserError(f"TF_CONFIG: the address of {self} must be host:port.")
        return host.strip("[]"), int(port)


def members(cluster: Mapping[str, Sequence[str]]) -> list[Member]:
    """Returns the processes of the ``cluster`` of a ``TF_CONFIG``."""
    return [
        Member(f"{job} {index}", address)
        for job, addresses in sorted(cluster.items())
        for index, address in enumerate(addresses)
    ]


def meet(
    everyone: Sequence[Member], me: Member, seconds: float, say: Callable[[str], None]
) -> None:
    """Returns when all processes of a cluster are there, and know it of one another.

    Signals are obeyed meanwhile. The own address is free again afterwards.

    Args:
        everyone: The processes, in the same order in each of them.
        me: This one of them.
        seconds: How long to wait.
        say: Told whom this process waits for.

    Raises:
        UserError: if some do not come in time, are of another cluster, or if the own address is
            taken.
    """
    cluster = zlib.crc32(repr([(m.name, m.address) for m in everyone]).encode())

    def greeting(member: Member) -> bytes:
        return _NAME + f"{member.name} of {cluster:08x}\n".encode()

    begun = time.monotonic()
    others = [_Other(m, greeting(m)) for m in everyone if m != me]
    said: list[str] = []
    with contextlib.ExitStack() as stack:
        door = stack.enter_context(_Door(me, greeting(me)))
        for other in others:
            stack.callback(other.leave)
        while True:
            door.open()
            try:
                waiting = [other for other in others if not other.ready()]
            except UserError:
                # The other one should find it, too, and not wait for nobody.
                door.open(_QUIET)
                raise
            absent = [str(other.member) for other in waiting if not other.there]
            if not absent:
                door.tell_all()
            if not waiting:
                door.tell(_GOES)
                return
            waited = time.monotonic() - begun
            if waited > seconds:
                raise UserError(_missing(waiting, seconds))
            if waited > min(_QUIET, seconds / 2) and absent and absent != said:
                say(f"Waiting up to {seconds:g} s for {' and '.join(absent)}.")
                said = absent
            time.sleep(_PAUSE)


def _missing(waiting: Sequence[_Other], seconds: float) -> str:
    def names(some: Sequence[_Other]) -> str:
        return " and ".join(str(other.member) for other in some)

    again = "start every worker with the same command and cluster"
    # Who leaves because others did not come is not what is wrong.
    never = [other for other in waiting if not other.been]
    if never:
        return (
            f"{names(never)} did not come within {seconds:g} s: {again}, or wait longer with "
            "worker_timeout=…."
        )
    left = [other for other in waiting if not other.there]
    if left:
        return f"{names(left)} came, and ended within {seconds:g} s: {again}."
    return (
        f"{names(waiting)} did not reach all others within {seconds:g} s, though this worker does: "
        "every worker must be able to connect to the address of every other one."
    )


class _Door(contextlib.AbstractContextManager):
    """This process's own address, at which it says who it is to whoever comes."""

    def __init__(self, me: Member, greeting: bytes):
        self._greeting, self._said_all = greeting, False
        self._guests: list[socket.socket] = []
        _, port = me.place()
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        try:
            # At all addresses of this machine, as TensorFlow will listen there.
            self._socket = socket.create_server(("", port), family=family, dualstack_ipv6=both)
        except OSError as error:
            raise UserError(
                f"Port {port} of {me} cannot be listened at ({error.strerror}): end what uses it, "
                "or give TF_CONFIG another one."
            ) from error
        self._socket.setblocking(False)

    def open(self, seconds: float = 0.0) -> None:
        """Lets in who is there, or who comes within some time."""
        until = time.monotonic() + seconds
        self._let_in()
        while time.monotonic() < until:
            time.sleep(_PAUSE)
            self._let_in()

    def _let_in(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                guest, _ = self._socket.accept()
                self._guests.append(guest)
                self._tell(guest, self._greeting + _ALL * self._said_all)

    def tell_all(self) -> None:
        """Says to everybody that this process sees all; once is enough."""
        if not self._said_all:
            self._said_all = True
            self.tell(_ALL)

    def tell(self, words: bytes) -> None:
        """Says something to everybody who came."""
        for guest in self._guests:
            self._tell(guest, words)

    def _tell(self, guest: socket.socket, words: bytes) -> None:
        # Few bytes always go into a new connection. Who has left comes again.
        with contextlib.suppress(OSError):
            guest.sendall(words)

    def __exit__(self, *_: object) -> None:
        for one in (self._socket, *self._guests):
            one.close()


class _Other:
    """What this process knows of another one.

    Attributes:
        member: Which.
        there: Whether it was there when it was last looked for.
        been: Whether it ever was.
    """

    def __init__(self, member: Member, greeting: bytes):
        self.member, self.there, self.been = member, False, False
        self._greeting, self._place = greeting, member.place()
        self._gone_on = False
        self._connection: socket.socket | None = None
        self._heard = b""

    def ready(self) -> bool:
        """Whether it sees all; one that has handed over to TensorFlow did."""
        if not self._gone_on:
            ready = self._looked()
            self.been |= self.there
            return ready
        return True

    def _looked(self) -> bool:
        self.there = False
        if self._connection is None:
            try:
                self._connection = socket.create_connection(self._place, _CONNECT)
            # It may not have been started, or its name is known only then.
            except OSError:
                return False
            self._connection.setblocking(False)
            self._heard = b""
        alive = all(self._listened())
        self._gone_on = self._heard == self._greeting + _ALL + _GOES
        if not alive:
            self.leave()
            self.there = self._gone_on
        elif not _NAME.startswith(self._heard[: len(_NAME)]):
            # A server of TensorFlow speaks at once, too, and no other is expected there.
            self.there = True
            return True
        elif b"\n" in self._heard:
            self._check()
            self.there = True
        return self.there and _ALL in self._heard

    def _listened(self) -> Iterator[bytes]:
        """What it says until it is silent; an empty part is its end."""
        assert self._connection is not None
        try:
            # More than this is said by none of us.
            while len(self._heard) < 1000:
                part = self._connection.recv(1000)
                self._heard += part
                yield part
        except BlockingIOError:
            pass
        except OSError:
            yield b""

    def _check(self) -> None:
        line = self._heard[: self._heard.index(b"\n") + 1]
        if line != self._greeting:
            there = line[len(_NAME) :].decode(errors="replace").strip().partition(" of ")[0]
            raise UserError(
                f"At the address of {self.member} is {there}, of another cluster or with another "
                "index: TF_CONFIG must list the same cluster in every process, and name each once."
            )

    def leave(self) -> None:
        """Ends the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
