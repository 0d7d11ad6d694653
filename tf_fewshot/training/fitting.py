"""Making a step of training fit into memory, before the first one is run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf
from tensorflow.python.client import device_lib

from ..backbones import GAN
from ..backbones.sparing import Sparing
from ..errors import UserError
from ..methods.problem import PictureBatches
from . import memory
from .devices import ONE, Devices
from .footprint import peak_bytes
from .moves import Moves

# What a step is found to take is up to this part less than what it takes. Where parts are graphs of
# their own on a processor it is more: what tensors free lies there in pieces that the next ones do
# not always fit into.
_MARGIN, _MARGIN_PARTS = 0.1, 0.35
# What TensorFlow takes beside tensors when it first runs a graph: optimised copies of it, pieces
# between tensors that malloc keeps. Measured: 100 to 350 MB, of networks of any size; 430 to 620 MB
# where parts are graphs of their own, of which 360 stay when the step is over.
_BESIDE, _BESIDE_PARTS = 200 * 2**20, 450 * 2**20


class TooLargeError(UserError):
    """There is no way to compute a step that memory holds."""


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to compute a step.

    Attributes:
        in_turn: Whether a player waits until the one before it has moved.
        sparing: How networks spare memory; None does not.
    """

    in_turn: bool = False
    sparing: Sparing | None = None

    def __str__(self) -> str:
        parts = ["each player waits for the one before it"] if self.in_turn else []
        if self.sparing is not None:
            rows = self.sparing.rows
            at_once = "" if rows is None else f", {rows} at a time" if rows > 1 else ", one by one"
            parts.append(f"what is inside of blocks is computed again for gradients{at_once}")
        return " and ".join(parts)


@dataclasses.dataclass(frozen=True)
class Room:
    """How much memory a step may take beside what is taken already.

    Attributes:
        size: Bytes.
        taken: Bytes that the process has, or that are taken of a device.
        said: Where the limit comes from, such as "6.0 GB are free".
    """

    size: int
    taken: int
    said: str

    @classmethod
    def here(cls, limit: str | int | None = None) -> Room | None:
        """Returns the room in this process; None where nothing tells, or nothing is to be asked.

        Args:
            limit: The most that the whole process may take, such as "8G"; None takes what is free
                and "unlimited" asks nothing.
        """
        if limit == memory.UNLIMITED:
            return None
        most, taken = memory.parsed(limit), memory.resident() or 0
        if tf.config.list_physical_devices("GPU"):
            devices = [d for d in device_lib.list_local_devices() if d.device_type == "GPU"]
            total = min(int(d.memory_limit) for d in devices)
            taken = tf.config.experimental.get_memory_info("GPU:0")["current"]
            if most is None:
                return cls(
                    total - taken, taken, f"{memory.shown(total - taken)} of the GPU are free"
                )
        if most is not None:
            return cls(most - taken, taken, f"the limit is {memory.shown(most)}")
        left = memory.free()
        return None if left is None else cls(left, taken, f"{memory.shown(left)} are free")

    def holds(self, need: int, in_parts: bool = False) -> bool:
        """Whether so much fits for certain.

        Args:
            need: Bytes.
            in_parts: Whether it is needed by parts that are graphs of their own, on a processor.
        """
        return need <= (1.0 - (_MARGIN_PARTS if in_parts else _MARGIN)) * self.size


def ways(batch_size: int) -> Iterator[Way]:
    """The ways to compute a step, from the fastest to the one that takes the least memory."""
    yield Way()
    yield Way(in_turn=True)
    yield Way(in_turn=True, sparing=Sparing())
    rows = batch_size
    while rows > 1:
        rows = (rows + 1) // 2
        yield Way(in_turn=True, sparing=Sparing(rows))


def need_of(moves: Moves, batches: PictureBatches, way: Way) -> int:
    """Returns about how many bytes a step takes in a way beside what is in memory before it."""
    return peak_bytes(moves.traced(batches)) + (_BESIDE_PARTS if way.sparing else _BESIDE)


@dataclasses.dataclass(frozen=True)
class Fitting:
    """Chooses the fastest way to compute a step that memory holds, and says so.

    Attributes:
        batch_size: Pictures in a step.
        limit: The most that the process may take, see :meth:`Room.here`.
        say: Told of the need, and of what makes it fit.
        devices: What computes a step. Replicas know the first way only, as parts that are graphs
            of their own are none in which they could meet.
    """

    batch_size: int
    limit: str | int | None = None
    say: Callable[[str], None] = lambda line: None
    devices: Devices = ONE

    def __call__(self, gan: GAN, moves: Moves, batches: PictureBatches) -> Way:
        """Makes players and networks compute a step in the way that it returns.

        Args:
            gan: The networks.
            moves: The players.
            batches: What they learn from.

        Raises:
            TooLargeError: if there is no way that fits.
        """
        room = Room.here(self.limit)
        asked = room is not None and moves.players and not tf.config.functions_run_eagerly()
        # Of several processes all look, or none does.
        if not self.devices.every(bool(asked)) or room is None:
            return Way()
        needs: list[int] = []
        tried: list[Way] = []
        for way in ways(self.batch_size):
            if way.in_turn and not way.sparing and len(moves.players) == 1:
                continue
            if way.in_turn and self.devices.count > 1:
                break
            _take(way, moves, gan.networks(), again=bool(tried))
            tried.append(way)
            needs.append(need_of(moves, batches, way) // self.devices.memories)
            in_parts = way.sparing is not None and not tf.config.list_physical_devices("GPU")
            if self.devices.every(room.holds(needs[-1], in_parts)):
                self.say(_said(way, needs, room))
                return way
        # Of a small network the graphs of parts take more than they spare.
        least = min(range(len(needs)), key=needs.__getitem__)
        less = f", and about {memory.shown(needs[least])} where {tried[least]}" if least else ""
        raise TooLargeError(
            f"A step of {self.batch_size} pictures needs about {memory.shown(needs[0])} beside the "
            f"{memory.shown(room.taken)} in use{less}; {room.said}. Lower batch_size, or choose "
            f"precision bfloat16 or a smaller source. With memory={memory.UNLIMITED!r} it is tried "
            "all the same."
        )


def _take(way: Way, moves: Moves, networks: Sequence, again: bool) -> None:
    for network in networks:
        network.sparing = way.sparing
    moves.in_turn = way.in_turn
    if again:
        moves.forget()


def _said(way: Way, needs: Sequence[int], room: Room) -> str:
    need, taken = memory.shown(needs[0]), memory.shown(room.taken)
    first = f"A step needs about {need} beside the {taken} in use"
    if len(needs) == 1:
        return f"{first}; {room.said}."
    slower = "; it takes longer" if way.sparing else ""
    return (
        f"{first}, and {room.said}: {way}. That needs about {memory.shown(needs[-1])}{slower}; "
        "the results are the same but for rounding."
    )


# Smaller pictures are drawn in no time and little memory.
_LARGE = 256


def drawn_at_once(gan: GAN, count: int, limit: str | int | None = None) -> int:
    """Returns how many of ``count`` pictures to draw at a time so that memory holds it."""
    room = Room.here(limit)
    if room is None or gan.image_shape[0] < _LARGE:
        return count
    while count > 1:
        labels = tf.zeros([count], tf.int32) if gan.num_classes else None
        drawn = tf.function(lambda z, label=labels: gan.generate(z, label), autograph=False)
        z = tf.TensorSpec([count, gan.latent_dim], tf.float32)
        if room.holds(peak_bytes(drawn.get_concrete_function(z).graph)):
            break
        count = (count + 1) // 2
    return count
