"""Output in notebooks: networks, histories and errors."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from training.small_nets import small

from ml_genn import Network, Population
from ml_genn.errors import MlGennError, ValidationError
from ml_genn.training.history import SHOWN, History
from ml_genn.utils.tables import Table

TAGS = {"b", "br", "div", "p", "table", "tbody", "td", "th", "thead", "tr"}


class Cells(HTMLParser):
    """Parser of HTML tables; fails on tags that are closed in the wrong order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Handles the start of a tag."""
        assert tag in TAGS
        assert attrs == []
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Handles the end of a tag."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Handles text."""
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def _text(what: Any) -> str:
    lines: list[str] = []
    what.summary(lines.append)
    return lines[0]


@pytest.mark.parametrize("compiled", [False, True])
def test_networks_show_their_summary(compiled: bool) -> None:
    net = small()
    what = net.compile_training() if compiled else net.network
    html, text = what._repr_html_(), _text(what)
    rows = Cells(html).rows
    assert rows[0] == ["Population", "Neuron", "Shape", "Readout"]
    assert ["Pop1", "LeakyIntegrateFire", "(5,)", "-"] in rows
    assert ["Conn_Pop0_Pop1", "Pop0 -> Pop1", "Dense", "Exponential", "20", "20"] in (
        rows
    )
    head, *notes = text.split("\n\n")[0], *text.split("\n\n")[-1].splitlines()
    for line in (head, *notes):
        assert line.strip() in html
    assert ("Chosen by EventPropCompiler" in html) is compiled


def test_names_are_escaped() -> None:
    with Network() as network:
        Population("spike_input", 2, name="<script>alert('x')</script> & co")
    html = network._repr_html_()
    assert "<script>" not in html
    assert Cells(html).rows[1][0] == "<script>alert('x')</script> & co"


def _history(epochs: int) -> History:
    history = History()
    for epoch in range(epochs):
        history.add(epoch, {"loss": 1.0 / (epoch + 1), "<accuracy>": float("nan")})
    return history


def test_a_history_has_a_row_for_each_epoch() -> None:
    rows = Cells(_history(3)._repr_html_()).rows
    assert rows == [
        ["epoch", "loss", "<accuracy>"],
        ["1", "1", "nan"],
        ["2", "0.5", "nan"],
        ["3", "0.3333", "nan"],
    ]


def test_a_long_history_shows_its_first_and_last_epochs() -> None:
    rows = Cells(_history(1000)._repr_html_()).rows
    epochs = [row[0] for row in rows[1:]]
    first, last = map(str, range(1, SHOWN + 1)), map(str, range(1001 - SHOWN, 1001))
    assert epochs == [*first, "...", *last]
    assert len(Cells(_history(2 * SHOWN)._repr_html_()).rows) == 2 * SHOWN + 1
    assert Cells(History()._repr_html_()).rows == [["epoch"]]


def test_tables_without_rows_have_a_head() -> None:
    assert Table(("one", "three"), []).text() == ["one  three", "---  -----"]


# ---------------------------------------------------------------- errors
def _rendered(error: MlGennError) -> list[str]:
    return error._render_traceback_()


def test_errors_begin_with_their_message() -> None:
    compiled = small().compile_training()
    with pytest.raises(ValidationError) as caught:
        compiled.train([], [], num_epochs=0)
    first, empty, own, *inside = _rendered(caught.value)
    assert first == f"ValidationError: {caught.value}"
    assert empty == ""
    assert own.startswith(f"{__file__}, line ")
    assert own.endswith("compiled.train([], [], num_epochs=0)")
    assert inside[0].startswith("    ml_genn.compiled.training, ")
    assert inside[-1].endswith("in whole")


def test_calls_from_a_notebook_are_labelled() -> None:
    names = {"__name__": "__main__", "compiled": small().compile_training()}
    code = compile(
        "def f():\n compiled.predict(3)\nf()", "/tmp/ipykernel_1/2.py", "exec"
    )
    with pytest.raises(ValidationError) as caught:
        exec(code, names)
    lines = _rendered(caught.value)
    assert "notebook, line 2, in f: " in lines


def test_causes_and_notes_are_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        raise ValidationError("wrong") from KeyError("x")
    caught.value.add_note("Look there.")
    lines = _rendered(caught.value)
    assert lines[:3] == ["ValidationError: wrong", "Look there.", ""]
    assert lines[-1] == "Caused by KeyError: 'x'"
