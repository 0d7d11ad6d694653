"""A headless Chromium for tests, driven by its own driver over HTTP (W3C WebDriver)."""

from __future__ import annotations

import base64
import contextlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_STARTED = re.compile(r"started successfully on port (\d+)")


def missing() -> str:
    """What a machine lacks for a browser; "" if there is one."""
    if not any(map(shutil.which, BROWSERS)):
        return f"no browser: none of {', '.join(BROWSERS)} was found"
    return "" if shutil.which("chromedriver") else "no chromedriver (Debian: chromium-driver)"


class Browser:
    """One window.

    Args:
        url: Of the session.
    """

    def __init__(self, url: str):
        self._url = url
        self._http = requests.Session()
        # A proxy would be asked for this machine, too.
        self._http.trust_env = False

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Sends a command and returns its value."""
        json = body if method == "POST" else None
        answer = self._http.request(method, f"{self._url}{path}", json=json, timeout=60)
        value = answer.json()["value"]
        assert answer.ok, value
        return value

    def open(self, url: str, width: int = 1200, height: int = 900) -> None:
        """Opens a page, as wide and high as given inside the window."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
        self.call("POST", "/url", url=url)

    def devtools(self, name: str, parameters: dict[str, Any]) -> Any:
        return self.call("POST", "/goog/cdp/execute", cmd=name, params=parameters)

    def script(self, code: str, *arguments: Any) -> Any:
        """Runs JavaScript, waits for promises, and returns what it returns."""
        return self.call("POST", "/execute/sync", script=code, args=list(arguments))

    def press(self, key: str) -> None:
        down, up = ({"type": kind, "value": key} for kind in ("keyDown", "keyUp"))
        keys = {"type": "key", "id": "keyboard", "actions": [down, up]}
        self.call("POST", "/actions", actions=[keys])

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Moves the mouse from one place of the window to another with its button down."""
        (x, y), (to_x, to_y) = ([round(v) for v in place] for place in (start, end))
        steps = [
            {"type": "pointerMove", "x": x, "y": y, "duration": 0},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "x": to_x, "y": to_y, "duration": 50},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": steps}
        self.call("POST", "/actions", actions=[mouse])

    def element(self, selector: str) -> str:
        found = self.call("POST", "/element", using="css selector", value=selector)
        return f"/element/{found[_ELEMENT]}"

    def click(self, selector: str) -> None:
        self.call("POST", f"{self.element(selector)}/click")

    def spoken(self, selector: str) -> tuple[str, str]:
        """The role and the name that a screen reader is given of an element."""
        place = self.element(selector)
        return (
            self.call("GET", f"{place}/computedrole"),
            self.call("GET", f"{place}/computedlabel"),
        )

    def problems(self) -> list[str]:
        """What the console told since it was last asked: errors, and what a policy blocked."""
        return [entry["message"] for entry in self.call("POST", "/se/log", type="browser")]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))


@contextlib.contextmanager
def browser(downloads: Path) -> Iterator[Browser]:
    """Gives a browser that saves files in a folder; it and its driver end with the block."""
    if lacking := missing():
        pytest.fail(
            f"{lacking}: install it, or leave these tests out (-k 'not study_page and not gallery')"
        )
    binary = next(path for path in map(shutil.which, BROWSERS) if path)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert driver.stdout is not None
        session = None
        try:
            lines = iter(driver.stdout.readline, "")
            port = next(match[1] for match in map(_STARTED.search, lines) if match)
            # The sandbox cannot be had by root, as whom containers run, nor their small /dev/shm.
            arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"]
            arguments += ["--disable-gpu", f"--user-data-dir={profile}"]
            capabilities = {
                "goog:chromeOptions": {
                    "binary": binary,
                    "args": arguments,
                    "prefs": {"download.default_directory": str(downloads)},
                },
                "goog:loggingPrefs": {"browser": "ALL"},
            }
            root = Browser(f"http://127.0.0.1:{port}/session")
            made = root.call("POST", "", capabilities={"alwaysMatch": capabilities})
            session = Browser(f"http://127.0.0.1:{port}/session/{made['sessionId']}")
            yield session
        finally:
            if session is not None:
                with contextlib.suppress(requests.RequestException):
                    session.call("DELETE", "")
            driver.terminate()
            driver.communicate()
