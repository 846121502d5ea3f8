"""The pictures of an evaluation inside a page: PNGs for a light and for a dark ground."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from clirot.evaluation.pictures import Picture, pictures_of
from clirot.evaluation.result import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 144
_DARK = {
    "#000000": "#e8e6e1",
    "#595959": "#a9a7a1",
    "#404040": "#c4c2bc",
    "#cccccc": "#55534f",
    "#e6e6e6": "#3a3936",
    "#0072b2": "#5aaee6",
    "#56b4e9": "#a9dcf7",
    "#d55e00": "#f0904a",
    "#009e73": "#3fc49b",
}
"""Colour on a light ground -> on a dark one; other colours stay as they are. No colour is on both
sides, so that parts which share a colour may be visited twice."""


@dataclass(frozen=True)
class Embedded:
    """A picture as two addresses that hold the data themselves."""

    text: str
    """What it shows, for those who do not see it."""
    light: str
    dark: str
    width: int
    height: int
    """In pixels of the page."""


def embedded_pictures(evaluation: Evaluation) -> list[Embedded]:
    """Every picture that there is data for."""
    return [_embedded(one) for one in pictures_of(evaluation).values()]


def _embedded(picture: Picture) -> Embedded:
    figure = picture.figure
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    light = _address(figure)
    _darken(figure)
    width, height = (int(inches * 96) for inches in figure.get_size_inches())
    return Embedded(picture.text, light, _address(figure), width, height)


def _address(figure: Figure) -> str:
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI, metadata={"Software": None})
    return "data:image/png;base64," + b64encode(drawn.getvalue()).decode()


def _darken(figure: Figure) -> None:
    """Give every part of a figure its colour on a dark ground."""
    from matplotlib.colors import to_hex, to_rgba

    def dark(colour: Any) -> Any:
        alpha = to_rgba(colour)[3]
        return (
            to_rgba(_DARK[to_hex(colour)], alpha) if alpha and to_hex(colour) in _DARK else colour
        )

    def properties(part: Any) -> Any:
        return [
            name
            for name in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
            if hasattr(part, f"get_{name}") and hasattr(part, f"set_{name}")
        ]

    for part in figure.findobj():
        drawn: Any = part
        names = properties(drawn)
        if "facecolor" in names:  # its `color` is both of the others
            names = [name for name in names if name != "color"]
        for name in names:
            colour = getattr(drawn, f"get_{name}")()
            if isinstance(colour, str) and colour in ("auto", "none"):
                continue
            many = getattr(colour, "ndim", 1) == 2
            getattr(drawn, f"set_{name}")([dark(one) for one in colour] if many else dark(colour))
