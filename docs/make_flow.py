"""Draws the flow from a user's network to trained weights, for docs/architecture.md.

Colours are readable on a light and on a dark page: boxes have their own fill, and the
grey of lines and headings has enough contrast with both.

    python docs/make_flow.py    # writes docs/images/flow.svg
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PICTURE = Path(__file__).parent / "images" / "flow.svg"
WIDTH, HEIGHT = 980, 584
BOX_WIDTH, BOX_HEIGHT = 172, 84
LEFT, COLUMN = 24, 190  # of the first box; distance between columns
LINE_HEIGHT = 17
MARGIN = 9  # between the frame of the engine and its boxes
GREY = "#808890"
FILL = {"user": "#7a4fa3", "build": "#2f6db5", "run": "#2a7f62", "update": "#b0562b"}


@dataclass(frozen=True)
class Box:
    """A step of the flow.

    Args:
        column, row: position in the grid; half columns are possible.
        title: what it is.
        lines: explanation, and the folder of its code.
        kind: key of ``FILL``.
    """

    column: float
    row: int
    title: str
    lines: tuple[str, ...]
    kind: str

    @property
    def x(self) -> float:
        """Left edge."""
        return LEFT + COLUMN * self.column

    @property
    def y(self) -> float:
        """Upper edge."""
        return ROWS[self.row]

    def svg(self) -> str:
        """Returns the box with its text."""
        middle = self.x + BOX_WIDTH / 2
        texts = [
            text(middle, self.y + 23, self.title, 14, weight="bold", fill="#fff"),
            *(
                text(middle, self.y + 44 + LINE_HEIGHT * k, line, 12, fill="#fff")
                for k, line in enumerate(self.lines)
            ),
        ]
        frame = (
            f'<rect x="{self.x:g}" y="{self.y:g}" width="{BOX_WIDTH}" '
            f'height="{BOX_HEIGHT}" rx="8" fill="{FILL[self.kind]}"/>'
        )
        return "\n".join([frame, *texts])


#: Upper edges of rows of boxes, and the headings above some of them.
ROWS = (46, 180, 340, 474)
HEADINGS = {
    0: "Compile, once per network",
    2: "Run, once per batch",
}
BOXES = {
    "network": Box(
        0, 0, "Network", ("Population, Connection", "network, neurons, ..."), "user"
    ),
    "compiler": Box(1, 0, "Compiler", ("learning rule", "compilers"), "user"),
    "lowering": Box(2, 0, "Lowering", ("network to plan, values", "lowering"), "build"),
    "plan": Box(3, 0, "Plan", ("groups and their code", "model/plan"), "build"),
    "text": Box(4, 0, "Generated C++", ("text of this network", "codegen"), "build"),
    "derivation": Box(
        2, 1, "Derivation", ("steps, adjoints (SymPy)", "model/derivation"), "build"
    ),
    "verifier": Box(
        3, 1, "Verifier", ("checks every plan", "model/verification"), "build"
    ),
    "library": Box(4, 1, "Engine", ("library in a cache", "backends"), "build"),
    "data": Box(0, 2, "Data", ("examples to batches", "training/data"), "user"),
    "loop": Box(
        1,
        2,
        "Training loop",
        ("epochs, metrics, callbacks", "compiled, training"),
        "user",
    ),
    "forward": Box(
        2, 2, "Forward pass", ("spikes, readouts, losses", "codegen/forward"), "run"
    ),
    "tape": Box(3, 2, "Tape", ("spikes, state if needed", "in the engine"), "run"),
    "backward": Box(
        4, 2, "Backward pass", ("adjoints in reverse time", "codegen/backward"), "run"
    ),
    "gradients": Box(
        4, 3, "Gradients", ("threads, then processes", "summed in the engine"), "run"
    ),
    "optimiser": Box(3, 3, "Optimiser", ("Adam, ...; Deep-R", "optimisers"), "update"),
    "weights": Box(
        2, 3, "Weights", ("delays, parameters", "compiled/state.py"), "update"
    ),
}
ARROWS = (
    ("network", "compiler"),
    ("compiler", "lowering"),
    ("lowering", "plan"),
    ("plan", "text"),
    ("derivation", "lowering"),
    ("plan", "verifier"),
    ("text", "library"),
    ("data", "loop"),
    ("loop", "forward"),
    ("forward", "tape"),
    ("tape", "backward"),
    ("backward", "gradients"),
    ("gradients", "optimiser"),
    ("optimiser", "weights"),
    ("weights", "forward"),
)


def text(
    x: float,
    y: float,
    content: str,
    size: int,
    *,
    weight: str = "normal",
    fill: str = GREY,
    anchor: str = "middle",
) -> str:
    """Returns a line of text."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" '
        f'fill="{fill}" text-anchor="{anchor}">{content}</text>'
    )


def arrow(start: Box, end: Box) -> str:
    """Returns an arrow between two boxes of one row or of one column."""
    if start.row == end.row:
        right = start.column < end.column
        x1 = start.x + (BOX_WIDTH if right else 0)
        x2 = end.x + (0 if right else BOX_WIDTH)
        y1 = y2 = start.y + BOX_HEIGHT / 2
    else:
        down = start.row < end.row
        y1 = start.y + (BOX_HEIGHT if down else 0)
        y2 = end.y + (0 if down else BOX_HEIGHT)
        x1 = x2 = start.x + BOX_WIDTH / 2
    return line(x1, y1, x2, y2)


def line(x1: float, y1: float, x2: float, y2: float) -> str:
    """Returns an arrow between two points."""
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{GREY}" '
        'stroke-width="2" marker-end="url(#head)"/>'
    )


def engine_frame() -> str:
    """Returns a frame around the steps that the engine runs, and its arrow."""
    engine, first, last = BOXES["library"], BOXES["forward"], BOXES["gradients"]
    x, y = first.x - MARGIN, first.y - MARGIN
    width = last.x + BOX_WIDTH + MARGIN - x
    height = last.y + BOX_HEIGHT + MARGIN - y
    middle = engine.x + BOX_WIDTH / 2
    return "\n".join(
        [
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="12" '
            f'fill="none" stroke="{GREY}" stroke-width="2" stroke-dasharray="6 4"/>',
            line(middle, engine.y + BOX_HEIGHT, middle, y),
        ]
    )


def picture() -> str:
    """Returns the picture as SVG."""
    head = (
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" '
        'markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 0 L10 5 L0 10 z" fill="{GREY}"/></marker></defs>'
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" role="img">',
        "<title>From a network to trained weights</title>",
        head,
        *(
            text(LEFT, ROWS[row] - 18, title, 16, weight="bold", anchor="start")
            for row, title in HEADINGS.items()
        ),
        engine_frame(),
        *(arrow(BOXES[start], BOXES[end]) for start, end in ARROWS),
        *(box.svg() for box in BOXES.values()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture())
