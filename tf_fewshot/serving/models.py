"""The models of a server: versions are found, loaded, kept and unloaded while it runs."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError
from .configuration import ModelConfiguration, complete_versions
from .refusal import RefusedError
from .version import LoadedVersion

START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"
_LOG = logging.getLogger(__name__)


@dataclasses.dataclass
class VersionState:
    """What is known of one version.

    Attributes:
        state: As TF-Serving names it: START, LOADING, AVAILABLE, UNLOADING or END.
        error: Why it could not be loaded; "" if it could.
        loaded: The version, while it is available.
        files: What its files were when it was loaded; a failure is tried again if they change.
    """

    state: str = START
    error: str = ""
    loaded: LoadedVersion | None = None
    files: tuple = ()


class Models:
    """The models of one server.

    Args:
        models: Which.
        load: Makes a :class:`~.version.LoadedVersion` of a folder.
    """

    def __init__(
        self,
        models: Sequence[ModelConfiguration],
        load: Callable[[Path], LoadedVersion] = LoadedVersion,
    ):
        self._load = load
        self._configurations = {model.name: model for model in models}
        self._states: dict[str, dict[int, VersionState]] = {
            name: {} for name in self._configurations
        }
        self._begun: dict[str, set[int]] = {}
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._stopped = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def names(self) -> list[str]:
        """The names of the models."""
        with self._lock:
            return sorted(self._configurations)

    def look(self) -> None:
        """Loads versions that have come, and unloads those that are no longer wanted.

        What is served stays so until its successor is available.
        """
        with self._looking:
            for name in self.names:
                self._look_at(name)

    def watch(self, seconds: float) -> None:
        """Looks again and again, in a thread of its own."""
        self._watcher = threading.Thread(target=self._watch, args=(seconds,), daemon=True)
        self._watcher.start()

    def configure(self, models: Sequence[ModelConfiguration]) -> None:
        """Serves these models from now on; those that stay are not loaded again."""
        with self._looking:
            new = {model.name: model for model in models}
            with self._lock:
                gone = [
                    state
                    for name, before in self._configurations.items()
                    if name not in new or new[name].base != before.base
                    for state in self._states.pop(name).values()
                ]
                self._configurations = new
                for name in new:
                    self._states.setdefault(name, {})
            for state in gone:
                self._unload(state)
        self.look()

    @contextmanager
    def version(
        self, name: str, number: int | None = None, label: str | None = None
    ) -> Iterator[tuple[int, LoadedVersion]]:
        """Holds a version for one request: its number, and itself.

        Args:
            name: The model.
            number: The version; None is the latest that is available.
            label: Instead of the number.

        Raises:
            RefusedError: if there is no such model, version or label.
        """
        while True:
            found, loaded = self._find(name, number, label)
            # It may be unloaded between these two lines; its successor is there by then.
            if loaded.enter():
                break
        try:
            yield found, loaded
        finally:
            loaded.leave()

    def states(
        self, name: str, number: int | None = None, label: str | None = None
    ) -> dict[int, tuple[str, str]]:
        """Returns state and error of each version, the newest first.

        Raises:
            RefusedError: if there is no such model or version.
        """
        with self._lock:
            states = self._of(name)
            if label is not None:
                number = self._labelled(name, label)
            if number is not None and number not in states:
                raise RefusedError("NOT_FOUND", f"There is no version {number} of {name!r}.")
            return {
                n: (state.state, state.error)
                for n, state in sorted(states.items(), reverse=True)
                if number is None or n == number
            }

    def stop(self, grace: float = 30.0) -> None:
        """Stops watching, and unloads all versions when their requests are answered."""
        self._stopped.set()
        if self._watcher is not None:
            self._watcher.join()
        with self._looking:
            for states in self._states.values():
                for state in states.values():
                    self._unload(state, grace)

    def _watch(self, seconds: float) -> None:
        while not self._stopped.wait(seconds):
            try:
                self.look()
            except Exception:
                # Whatever happened to one look, what is served goes on being served.
                _LOG.exception("Looking for versions failed.")

    def _look_at(self, name: str) -> None:
        model = self._configurations[name]
        complete, begun = complete_versions(model.base)
        for number in begun - self._begun.get(name, set()):
            _LOG.info("%s version %d has no saved_model.pb yet: it is waited for.", name, number)
        self._begun[name] = begun
        wanted = model.wanted(list(complete))
        for number in wanted:
            self._load_version(name, number, complete[number])
        states = self._states[name]
        available = [n for n in wanted if states[n].state == AVAILABLE]
        for number, state in sorted(states.items()):
            replaced = available or not wanted
            if number in wanted or state.loaded is None or not replaced:
                continue
            # Files that are gone do not take the last version with them, as in TF-Serving.
            if not complete and number == max(n for n, s in states.items() if s.loaded):
                continue
            self._unload(state)
            _LOG.info("%s version %d is unloaded.", name, number)

    def _load_version(self, name: str, number: int, path: Path) -> None:
        with self._lock:
            state = self._states[name].setdefault(number, VersionState())
        files = _files(path)
        if state.state == AVAILABLE or (state.state == END and state.files == files):
            return
        state.state, state.error, state.files = LOADING, "", files
        try:
            loaded = self._load(path)
        except UserError as error:
            state.state, state.error = END, str(error)
            _LOG.warning("%s version %d cannot be served: %s", name, number, error)
            return
        with self._lock:
            state.loaded, state.state = loaded, AVAILABLE
        _LOG.info("%s version %d is available.", name, number)

    def _unload(self, state: VersionState, grace: float = 30.0) -> None:
        with self._lock:
            loaded, state.loaded = state.loaded, None
            state.state = UNLOADING if loaded else END
        if loaded:
            loaded.close(grace)
            state.state, state.files = END, ()

    def _find(self, name: str, number: int | None, label: str | None) -> tuple[int, LoadedVersion]:
        with self._lock:
            states = self._of(name)
            if label is not None:
                number = self._labelled(name, label)
            available = {n: s.loaded for n, s in states.items() if s.loaded}
            if number is None and available:
                number = max(available)
            loaded = available.get(number) if number is not None else None
            if number is None or loaded is None:
                what = f"version {number}" if number is not None else "version"
                errors = "".join(
                    f" Version {n}: {s.error}"
                    for n, s in sorted(states.items())
                    if s.error and number in (None, n)
                )
                raise RefusedError(
                    "NOT_FOUND", f"There is no {what} of {name!r} that can be asked.{errors}"
                )
            return number, loaded

    def _of(self, name: str) -> Mapping[int, VersionState]:
        if name not in self._states:
            known = ", ".join(repr(n) for n in sorted(self._states))
            raise RefusedError("NOT_FOUND", f"There is no model {name!r}: known are {known}.")
        return self._states[name]

    def _labelled(self, name: str, label: str) -> int:
        labels = self._configurations[name].labels
        if label not in labels:
            known = ", ".join(sorted(labels)) or "none"
            raise RefusedError(
                "NOT_FOUND", f"There is no label {label!r} of {name!r}: known: {known}."
            )
        return labels[label]


def _files(path: Path) -> tuple:
    """What tells whether the files of a version have changed."""
    seen = []
    for file in (path / "saved_model.pb", path / "variables" / "variables.index"):
        try:
            status = file.stat()
        except OSError:
            continue
        seen.append((file.name, status.st_size, status.st_mtime_ns))
    return tuple(seen)
