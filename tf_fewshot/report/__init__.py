"""The report of a run: one HTML file that opens without a server."""

from .overview import write_overview
from .write import write_report

__all__ = ["write_overview", "write_report"]
