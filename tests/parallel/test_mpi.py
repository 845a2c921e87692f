"""Training over processes that mpiexec starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from parallel.trained_net import compiled, examples, weights

from ml_genn import launch, load_model

SCRIPT = Path(__file__).with_name("trained_net.py")

pytest.importorskip("mpi4py", reason="mpi4py is not installed")
try:
    launch.starter()
except SystemExit:
    pytest.skip("neither mpiexec nor mpirun is installed", allow_module_level=True)


def started(*arguments, script=SCRIPT):
    """A run of a script by two processes."""
    # Open MPI refuses root, and more processes than cores; both are usual in CI.
    open_mpi = {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "ml_genn.launch", "-n", "2", str(script), *arguments],
        env={**open_mpi, **os.environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_as_one_process(tmp_path):
    result = started(str(tmp_path / "found.npz"))
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("Epoch 1/1 - ") == 1
    alone = compiled(None)
    x, _ = examples()
    with np.load(tmp_path / "found.npz") as actual:
        loaded = load_model(tmp_path / "found.npz.model")
        for connection in loaded.network.connections:
            np.testing.assert_array_equal(
                loaded.weights(connection), actual[connection.name]
            )
        assert set(weights(alone)) <= set(actual)
        assert actual["predictions"].shape == (len(x), 3)
        (output,) = loaded.outputs
        again, _ = loaded.predict(x, callbacks=[])
        np.testing.assert_allclose(again[output], actual["predictions"], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong, message",
    [("dies", "Process 1 of 2:"), ("another", "compiled another network")],
)
def test_an_error_of_one_ends_all(tmp_path, wrong, message):
    result = started(str(tmp_path / "found.npz"), wrong)
    assert result.returncode != 0
    assert message in result.stderr
    assert not (tmp_path / "found.npz").exists()


@pytest.mark.slow
def test_example():
    script = Path(__file__).parents[2] / "examples" / "latency_mnist.py"
    result = started("--mpi", "--epochs=1", "--examples=50", script=script)
    assert result.returncode == 0, result.stderr
    assert len(re.findall(r"Test accuracy: [\d.]+ %", result.stdout)) == 1


def test_documented_code(tmp_path):
    """A process that nobody started with mpiexec is alone."""
    text = (Path(__file__).parents[2] / "docs" / "processes.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    script = tmp_path / "script.py"
    script.write_text(
        "from parallel.trained_net import compiled, examples\n"
        "network, (x, y) = compiled(None).network, examples()\n"
        f"{code}\n"
        "print(compiled.full_batch_size, compiled.history['loss'])\n"
    )
    result = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("32 [")
