"""The terminal that commands print on: no text on it can steer it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from runfold.surfaces.visible import visible


class Terminal(Console):
    """A console that shows what would steer the terminal instead of obeying it.

    It is done to the segments that everything becomes, so no way of printing is left out.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of a renderable, their texts made safe."""
        for segment in super().render(renderable, options):
            if segment.control or (text := visible(segment.text)) == segment.text:
                yield segment
            else:
                yield Segment(text, segment.style)
