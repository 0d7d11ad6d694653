"""The files of this project."""
