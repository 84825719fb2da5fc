"""一页的呈现: everything an OFD page shows, in the order it is painted; which texts can be seen (7.7, 8.2, 15).

    drawings = read_drawings(opened)
    drawings[0].own_runs, drawings[0].can_be_seen(layer, run)

Painted are the templates behind the page, its layers, templates before it, annotations. Where readers may take another
order, or clip where others do not, a text must be seen whichever they take.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from typing import Any, Final, TypeVar

from seal.ofd.package import child, children
from trust.errors import Malformed
from verify import painted
from verify.geometry import LEAST_CONTRAST, WHITE, Box, Colour, alike, box_of, contrast, holds, meet, within
from verify.ofd.content import Layer, Paint, Run, read_appearance, read_layers
from verify.ofd.resources import Resources, read_resources
from verify.ofd.structure import Structure, annotations_of, page_box, read_structure, templates_of
from verify.opening import OpenedDocument
from verify.painted import HEIGHTS, OPAQUE, Budget, Look, is_seen

T = TypeVar("T")

_TOP, _FOOT = 0.7, 0.05
"""Ems above the baseline between which a glyph must lie in its box and on the page."""


@dataclass(slots=True)
class Drawing:
    """一页 as it is drawn."""

    page: str
    """Its ID."""
    box: Box
    resources: Resources
    layers: list[Layer] = field(default_factory=list)
    """In the order they are painted."""
    own: range = range(0)
    """Which of them are the page's."""
    disordered: bool = False
    """The page's layers do not follow each other as they are painted: readers differ."""
    budget: Budget = field(default_factory=Budget)
    _arounds: dict[int, _Around] = field(default_factory=dict)

    @property
    def own_runs(self) -> Iterator[tuple[int, Run]]:
        """``(number of its layer, text)`` of the page itself."""
        for number in self.own:
            for run in self.layers[number].runs:
                yield number, run

    @property
    def runs(self) -> Iterator[Run]:
        """Every text a reader draws on the page."""
        for layer in self.layers:
            yield from layer.runs

    def look_of(self, paint: painted.Paint) -> Look:
        return Look(paint.opacity, paint.opacity) if isinstance(paint, Paint) else OPAQUE

    def can_be_seen(self, number: int, run: Run) -> bool:
        """Is it drawn, as it is read, whole, on the page, in a colour that differs from its ground, and bare?"""
        if run.odd or run.colour is None or not run.upright:
            return False
        if not run.places:
            return True
        reach = run.reach
        if not self._is_whole(run, reach):
            return False
        around, layer = self._around(number), self.layers[number]
        below = self._below(around, layer, run, reach)
        above = [one for one in self._later(around.above, layer.paints, run) if meet(one.box, reach)]
        over = [one for one in self._later(around.over, layer.lines, run) if meet(one.box, reach)]
        above += self._texts_above(around, layer, run, reach)
        if not below and not above and not over:
            return run.opacity * contrast(WHITE, run.colour) >= LEAST_CONTRAST
        return all(self._glyph_seen(run, index, below, above, over) for index in range(len(run.places)))

    def _is_whole(self, run: Run, reach: Box) -> bool:
        """Does every glyph stand in the box of its object, which clips it, and on the page?"""
        frame = run.frame or self.box
        if holds(frame, reach) and holds(self.box, reach):
            return True
        for index in range(len(run.places)):
            corners = [run.at(index, x, y) for x in (0.05, run.width(index) / 2) for y in (_FOOT, _TOP)]
            if not all(within(frame, one) and within(self.box, one) for one in corners):
                return False
        return True

    def _glyph_seen(
        self, run: Run, index: int, below: Sequence[Paint], above: Sequence[Paint], over: Sequence[Paint]
    ) -> bool:
        """Is nothing of the glyph under paint, and not all of it under lines?"""
        self.budget.spend(len(below) + len(above) + len(over))
        half = run.width(index) / 2
        for x in (half * 0.5, half * 1.5):
            points = [run.at(index, x, y) for y in HEIGHTS]
            if all(any(line.covers(point) for line in over) for point in points):
                return False
            if not all(is_seen(point, run, run.opacity, self, below, above) for point in points):
                return False
        return True

    def _around(self, number: int) -> _Around:
        """What lies under and over the layer of that number, the same for all its texts."""
        found = self._arounds.get(number)
        if found is None:
            loose = [other for other in self.own if other != number] if self.disordered else []
            over = [self.layers[other] for other in {*range(number + 1, len(self.layers)), *loose}]
            found = self._arounds[number] = _Around(
                [one for other, one in enumerate(self.layers[:number]) if one.paints and other not in loose],
                [paint.unclipped for layer in over for paint in layer.paints],
                [paint.unclipped for layer in over for paint in layer.lines],
                [run for layer in over for run in layer.solid],
            )
        return found

    def _below(self, around: _Around, layer: Layer, run: Run, reach: Box) -> list[Paint]:
        """Areas beneath the text; none, where none of them could hide it."""
        assert run.colour is not None
        own = layer.paints[: bisect_right(layer.paints, run.order, key=_order_of)] if layer.paints else []
        paper = alike(WHITE, run.colour)
        if not paper:  # what differs from the text as much as the paper does cannot hide it by lying below it
            some = around.similar(run.colour)
            if own:
                some = [*some, *(one for one in own if one.opacity < 1 or alike(one.colour, run.colour))]
            self.budget.spend(len(some) + len(own))
            paper = any(meet(one.box, reach) for one in some) if some else False
        if not paper:
            return []
        everything = [*(paint for one in around.beneath for paint in one.paints), *own]
        self.budget.spend(len(everything))
        return [one for one in everything if meet(one.box, reach)]

    def _later(self, others: list[Paint], own: list[Paint], run: Run) -> list[Paint]:
        """Areas over the text; readers that do not clip show more of them."""
        if own and own[-1].order > run.order:
            others = [*others, *(one.unclipped for one in own if one.order > run.order)]
        self.budget.spend(len(others))
        return others

    def _texts_above(self, around: _Around, layer: Layer, run: Run, reach: Box) -> list[Paint]:
        """Texts written upon the text, each glyph taken for a block: two upon each other cannot be read."""
        later = layer.solid[bisect_right(layer.solid, run.order, key=_order_of) :] + around.texts
        self.budget.spend(len(later))
        return [cell for one in later if meet(one.reach, reach) for cell in _cells(one)]


@dataclass(slots=True)
class _Around:
    """What lies under and over a layer."""

    beneath: list[Layer]
    above: list[Paint]
    over: list[Paint]
    """Thin lines."""
    texts: list[Run]
    _similar: dict[Colour, list[Paint]] = field(default_factory=dict)

    def similar(self, colour: Colour) -> list[Paint]:
        """Areas beneath that could hide that colour."""
        found = self._similar.get(colour)
        if found is None:
            found = self._similar[colour] = [one for layer in self.beneath for one in layer.similar(colour)]
        return found


_order_of = attrgetter("order")


def _cells(run: Run) -> Iterator[Paint]:
    for index in range(len(run.places)):
        box = box_of([run.at(index, x, y) for x in (0.05, run.width(index)) for y in (-0.1, 0.85)])
        left, top, right, bottom = box
        matrix = (right - left, 0.0, 0.0, bottom - top, left, top)
        yield Paint(run.order, b"M 0 0 L 1 0 L 1 1 L 0 1 C", matrix, run.colour, opacity=run.opacity)


# ---------------------------------------------------------------- reading


def read_drawings(opened: OpenedDocument) -> list[Drawing]:
    """All pages, each entry once. Raises ``Malformed``, ``ValueError``."""
    shelf = _Shelf(opened, tuple(opened.contents.of_role("resources")))
    structure, notes = shelf.structure, shelf.notes
    answer, seen = [], set()
    for identity, name in structure.pages:
        page = opened.files.xml(name) if name not in seen else None
        seen.add(name)
        if page is not None:
            answer.append(_draw(shelf, identity, page, notes.get(identity, [])))
    return answer


def page_boxes(opened: OpenedDocument) -> dict[str, Box]:
    """Page ID → what of it every reader shows. Raises ``Malformed``."""
    try:
        structure = _Shelf(opened, ()).structure
        pages = ((identity, opened.files.xml(name)) for identity, name in structure.pages)
        return {identity: page_box(page, structure) for identity, page in pages if page is not None}
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("format.page", "页面无法读取。") from error


def _draw(shelf: _Shelf, identity: str, page: Any, notes: Sequence[str]) -> Drawing:
    drawing = Drawing(identity, page_box(page, shelf.structure), shelf.resources)
    templates = list(templates_of(page, shelf.structure))
    for _, name in (one for one in templates if one[0]):
        drawing.layers += shelf.layers(name)
    start = len(drawing.layers)
    own = read_layers(page, shelf.resources)
    drawing.layers += own
    drawing.own = range(start, len(drawing.layers))
    drawing.disordered = any(a.rank > b.rank for a, b in pairwise(own)) or any(one.rank < 0 for one in own)
    for _, name in (one for one in templates if not one[0]):
        drawing.layers += shelf.layers(name)
    for name in notes:
        drawing.layers += shelf.layers(name)
    return drawing


@dataclass
class _Shelf:
    """What pages share, read once: by the octets of the entry and of the resources it refers to."""

    opened: OpenedDocument
    names: tuple[str, ...]
    """The entries of resources."""

    @cached_property
    def structure(self) -> Structure:
        documents = tuple(self.opened.contents.of_role("document"))
        return self._remembered("structure", documents, lambda: read_structure(self.opened))

    @cached_property
    def notes(self) -> dict[str, list[str]]:
        """Page ID → entries of its annotations."""
        listings = tuple(self.opened.contents.of_role("annotations"))
        return self._remembered("annotations", listings, lambda: annotations_of(self.opened))

    @cached_property
    def resources(self) -> Resources:
        names, space = self.names, self.structure.usual_space
        return self._remembered(f"resources {space}", names, lambda: read_resources(self.opened, names, space))

    def layers(self, name: str) -> list[Layer]:
        """Those of a template or of an entry of annotations."""
        kind = f"layers {self.structure.usual_space}"
        return self._remembered(kind, (name, *self.names), lambda: self._read_layers(name))

    def _read_layers(self, name: str) -> list[Layer]:
        root = self.opened.files.xml(name)
        if root is None:
            return []
        shown = [child(note, "Appearance") for note in children(root, "Annot")]
        return [
            *read_layers(root, self.resources),
            *(read_appearance(one, self.resources) for one in shown if one is not None),
        ]

    def _remembered(self, kind: str, names: tuple[str, ...], read: Callable[[], T]) -> T:
        files = self.opened.files
        there = [(name, data) for name in names if (data := files.get(name)) is not None]
        if sum(len(data) for _, data in there) > _LARGEST_REMEMBERED:
            return read()
        key = (kind, names, tuple(files.digest(name) for name, _ in there))
        found = _REMEMBERED.get(key)
        if found is None:
            found = read()
            with _LOCK:
                while len(_REMEMBERED) >= _MOST_REMEMBERED:
                    _REMEMBERED.pop(next(iter(_REMEMBERED)))
                _REMEMBERED[key] = found
        answer: T = found
        return answer


_REMEMBERED: Final[dict[Any, Any]] = {}
_LOCK: Final = threading.Lock()
_MOST_REMEMBERED, _LARGEST_REMEMBERED = 64, 256 << 10
"""Entries and octets: what strangers send must not fill the memory."""
