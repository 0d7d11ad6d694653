"""The report of a run: one HTML file that opens without a server and without a network."""

from .write import write_report

__all__ = ["write_report"]
