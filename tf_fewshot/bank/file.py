"""The file of a bank: what its domains have, one table a weight, packed tightly."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backbones.errors import BackboneError
from ..backbones.extensions import from_json, to_json
from ..errors import UserError
from ..export.container import check_format, read_container, write_container, wrong_fields
from .domain import Domain

FORMAT = "tf_fewshot.bank"
FORMAT_VERSION = 1
_KINDS = {
    "format_version": int,
    "source": str,
    "source_fingerprint": str,
    "architecture": str,
    "domains": list,
    "tables": list,
}
_DOMAIN = {
    "name": str,
    "method": str,
    "settings": dict,
    "truncation": int | float | None,
    "extensions": list,
    "label": int | None,
}


@dataclasses.dataclass(frozen=True)
class Header:
    """Which source the domains of a file are of.

    Attributes:
        source: Its name, path or handle.
        source_fingerprint: ``gan.fingerprint("generator")``.
        architecture: Its architecture.
    """

    source: str
    source_fingerprint: str
    architecture: str


def write_bank(path: str | os.PathLike, header: Header, domains: Sequence[Domain]) -> None:
    """Writes a bank, whole or not at all.

    Raises:
        UserError: if the file cannot be written.
    """
    groups: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    for number, domain in enumerate(domains):
        for weight, value in domain.weights.items():
            groups.setdefault((weight, value.shape), []).append(number)
    arrays = {
        str(i): _packed(np.stack([domains[n].weights[weight] for n in numbers]))
        for i, ((weight, _), numbers) in enumerate(groups.items())
    }
    tables = [{"path": weight, "domains": numbers} for (weight, _), numbers in groups.items()]
    described = [
        {
            **{name: getattr(domain, name) for name in _DOMAIN},
            "extensions": [to_json(extension) for extension in domain.extensions],
        }
        for domain in domains
    ]
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **dataclasses.asdict(header),
        "domains": described,
        "tables": tables,
    }
    write_container(path, arrays, metadata)


def read_bank(path: str | os.PathLike) -> tuple[Header, list[Domain]]:
    """Reads what :func:`write_bank` wrote; nothing in it is executed.

    Raises:
        UserError: if it is not there, damaged, something else, or of a newer format.
    """
    arrays, metadata = read_container(path)
    check_format(path, metadata, FORMAT, "a bank", FORMAT_VERSION)
    try:
        _check(metadata, _KINDS)
        domains = [_domain(fields) for fields in metadata["domains"]]
        if len({domain.name for domain in domains}) != len(domains):
            raise ValueError("two domains share a name")
        for i, table in enumerate(metadata["tables"]):
            _check(table, {"path": str, "domains": list})
            values = _unpacked(arrays.pop(str(i)))
            for number, value in zip(table["domains"], values, strict=True):
                if isinstance(number, bool) or not 0 <= number < len(domains):
                    raise ValueError(f"there is no domain {number}")
                domains[number].weights[table["path"]] = value
        if arrays:
            raise ValueError(f"unexpected arrays {sorted(arrays)[:3]}")
    except BackboneError as error:
        raise UserError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: {error}. Take another copy of it.") from error
    header = Header(*(metadata[field.name] for field in dataclasses.fields(Header)))
    return header, domains


def _check(value: Any, kinds: dict[str, Any]) -> None:
    if wrong := wrong_fields(value, kinds):
        raise ValueError(f"missing or unexpected {wrong}")


def _domain(fields: dict[str, Any]) -> Domain:
    _check(fields, _DOMAIN)
    extensions = tuple(map(from_json, fields["extensions"]))
    return Domain(**{**fields, "extensions": extensions, "weights": {}})


def _packed(values: np.ndarray) -> np.ndarray:
    """The bytes of float32 numbers ``[K, …]``, all first ones before all second ones, ….

    Signs and exponents of a weight are much alike, and so are the last bytes of what was rounded;
    side by side these compress to less than half. So are the same rows of all domains, such as
    means and axes of latents.
    """
    values = np.swapaxes(values, 0, 1) if values.ndim > 2 else values
    planes = np.ascontiguousarray(values, "<f4").view(np.uint8).reshape(*values.shape, 4)
    return np.moveaxis(planes, -1, 0)


def _unpacked(planes: np.ndarray) -> np.ndarray:
    if planes.dtype != np.uint8 or planes.ndim < 2 or planes.shape[0] != 4:
        raise ValueError("a table is none")
    together = np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    values = together.view("<f4").reshape(planes.shape[1:]).astype(np.float32)
    return np.ascontiguousarray(np.swapaxes(values, 0, 1)) if values.ndim > 2 else values
