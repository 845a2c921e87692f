"""The launcher's arguments."""

import sys

import pytest

from ml_genn import launch


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["-n", "0", __file__], "-n is at least 1"),
        (["-n", "2", "missing.py"], "no file missing.py"),
        ([__file__], "required: -n"),
    ],
)
def test_wrong_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit):
        launch.main(arguments)
    assert message in capsys.readouterr().err


def test_without_mpi(monkeypatch):
    monkeypatch.setattr(launch.shutil, "which", lambda *_, **__: None)
    with pytest.raises(SystemExit, match=r"pip install 'ml_genn\[mpi\]'"):
        launch.main(["-n", "2", __file__])


def test_the_script_gets_its_arguments(tmp_path, monkeypatch):
    starter = tmp_path / "mpiexec"
    starter.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    starter.chmod(0o755)
    monkeypatch.setattr(launch, "starter", lambda: str(starter))
    script = tmp_path / "script.py"
    script.write_text("import sys\nsys.exit(len(sys.argv))\n")
    assert launch.main(["-n", "1", str(script), "--flag", "-n"]) == 3
    assert sys.argv
