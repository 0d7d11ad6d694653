"""γ and β of classes or domains: their section."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...errors import UserError
from ..drawing import bars_by_layer, panels_by_layer
from ..embedding import embedded, silhouette
from ..statistics import Statistics, statistics_of_classes, statistics_of_domains
from ..subjects import Subject
from .section import Folder, Section, evenly, show

MOST_LAYERS = 4
_LETTERS = {"gamma": "γ", "beta": "β"}


def write_statistics(
    source: Subject,
    domains: Sequence[Subject],
    out: str | os.PathLike,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    embedding: str = "auto",
    seed: int = 0,
) -> Path:
    """Shows γ and β by layer in two dimensions, and the silhouettes of groups.

    Source: BSA (ICCV 2019), figure 2.

    Args:
        source: Its classes are shown, if there are no domains; else it is one of the domains.
        domains: What it was adapted to.
        out: The folder.
        groups: Names of classes or domains by the group that they belong to; what is in none is
            left out. None has no groups.
        embedding: See :func:`tf_fewshot.analysis.embedded`.
        seed: Of latents and of t-SNE.

    Returns:
        Where the page is.

    Raises:
        UserError: if there is nothing to compare, or a group names what is not there.
    """
    folder = Folder(out)
    remarks: list[str] = []
    if domains:
        gans = {subject.name: subject.gan for subject in (source, *domains)}
        statistics, remarks = statistics_of_domains(gans, seed=seed)
        what = "domain"
    elif source.gan.num_classes:
        statistics, what = statistics_of_classes(source.gan, seed=seed), "class"
    else:
        raise UserError(
            f"{source.name} has no classes, and one domain only compares nothing: give adapters of "
            "it, or a source with classes."
        )
    rows, of_group = _grouped(statistics, _by_name(statistics, groups, numbered=not domains))
    names = [statistics.names[i] for i in rows]
    many = "domains" if domains else "classes"
    # Beside points there is room for numbers only.
    marks = names if domains else [str(i) for i in rows]
    panels, notes, how = {}, {}, ""
    scores: dict[str, list[float]] = {_LETTERS[part]: [] for part in statistics.layers[0].parts()}
    shown = evenly(len(statistics.layers), MOST_LAYERS)
    data: dict[str, np.ndarray] = {"names": np.array(names)}
    for number, layer in enumerate(statistics.layers):
        for part, values in layer.parts().items():
            points = values[rows]
            data[f"{layer.layer}/{part}"] = points
            if of_group:
                scores[_LETTERS[part]].append(silhouette(points, of_group))
            if number in shown:
                title = f"{_LETTERS[part]} of {layer.layer}"
                panels[title], how = embedded(points, embedding, seed)
                data[f"{layer.layer}/{part}/embedded"] = panels[title]
                if of_group:
                    notes[title] = f"silhouette {scores[_LETTERS[part]][-1]:.2f}"
    if of_group:
        data["groups"] = np.array(of_group)
    # A row of γ above a row of β.
    panels = dict(sorted(panels.items(), key=lambda panel: panel[0][0] == _LETTERS["beta"]))
    figure = panels_by_layer(panels, of_group or None, marks, notes)
    pictures = [
        folder.figure(
            figure,
            "statistics",
            f"Each point is a {what}. {how}, each panel by itself; axes have no unit."
            + (" Where numbers would overlap, some are left away." if of_group else ""),
            f"γ and β of {len(names)} {many} in two dimensions, a panel a layer",
        )
    ]
    layers = [layer.layer for layer in statistics.layers]
    text = [
        f"γ scales and β shifts what each channel of a hidden layer gives. Of {len(names)} "
        f"{many} of {source.name}, near points have near statistics (Noguchi and Harada 2019, "
        "figure 2).",
        *remarks,
    ]
    if marks != names:
        called = (f"{mark} {name}" for mark, name in zip(marks, names, strict=True))
        text.append(f"The classes: {', '.join(called)}.")
    if len(shown) < len(layers):
        text.append(f"{len(shown)} of {len(layers)} layers are drawn; the data has all.")
    files = [folder.arrays("statistics", **data)]
    headings: tuple[str, ...] = ()
    table: list[tuple[str, ...]] = []
    if of_group:
        text.append(_verdict(scores))
        pictures.append(
            folder.figure(
                bars_by_layer(
                    layers,
                    {k: np.array(v) for k, v in scores.items()},
                    "silhouette of the groups",
                    "layer, from input to output",
                ),
                "statistics_silhouette",
                "1: groups far apart. 0: no groups. Below 0: most points lie among others.",
                "Silhouettes of the groups by layer",
            )
        )
        files.append(folder.table("statistics_silhouette", {"layer": layers, **scores}))
        headings = ("Layer", *scores)
        table = [
            (layer, *(show(values[i]) for values in scores.values()))
            for i, layer in enumerate(layers)
        ]
    return folder.leave(
        Section(
            "statistics",
            "γ and β by layer",
            tuple(text),
            tuple(pictures),
            headings,
            tuple(table),
            tuple(files),
        )
    )


def _by_name(
    statistics: Statistics, groups: Mapping[str, Sequence[str]] | None, numbered: bool
) -> dict[str, list[str]]:
    """Returns groups of names, in place of the numbers by which classes may be told, too."""
    names = statistics.names

    def name_of(member: str) -> str:
        is_number = numbered and member not in names and member.isdecimal()
        return names[int(member)] if is_number and int(member) < len(names) else member

    return {group: [name_of(m) for m in members] for group, members in (groups or {}).items()}


def _grouped(
    statistics: Statistics, groups: Mapping[str, Sequence[str]]
) -> tuple[list[int], list[str]]:
    """Returns which rows are shown, and the group of each; no groups show all."""
    if not groups:
        return list(range(len(statistics.names))), []
    of_name: dict[str, str] = {}
    for group, members in groups.items():
        for member in members:
            if member not in statistics.names:
                raise UserError(
                    f"Group {group} names {member!r}, which is not among what is compared: "
                    f"{', '.join(statistics.names[:20])}."
                )
            if member in of_name:
                raise UserError(f"{member!r} is in two groups: {of_name[member]} and {group}.")
            of_name[member] = group
    rows = [i for i, name in enumerate(statistics.names) if name in of_name]
    of_rows = [of_name[statistics.names[i]] for i in rows]
    if len(set(of_rows)) < 2 or len(set(of_rows)) == len(rows):
        raise UserError(
            "Groups are compared by silhouettes: give two groups or more, one of them with two "
            "members or more."
        )
    return rows, of_rows


def _verdict(scores: Mapping[str, Sequence[float]]) -> str:
    best = max(max(values) for values in scores.values())
    means = ", ".join(f"{part} {np.mean(values):.2f}" for part, values in scores.items())
    formed = (
        "the groups stand apart"
        if best > 0.5
        else "the groups stand apart in part"
        if best > 0.25
        else "the groups hardly stand apart"
    )
    return (
        f"Mean silhouette over layers: {means}; the highest of a layer is {best:.2f}: {formed} "
        "(above 0.5 is clear structure, below 0.25 none to speak of)."
    )
