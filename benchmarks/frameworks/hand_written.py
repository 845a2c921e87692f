"""The network's EventProp step as CUDA kernels written for it alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from harness.timing import milliseconds

from frameworks.setting import (
    LEARNING_RATE,
    NUM_INPUT,
    NUM_OUTPUT,
    TAU_MEM,
    TAU_SYN,
    Setting,
)

SOURCE = Path(__file__).with_name("hand_written.cu")
OPTIONS = ("--std=c++17", "--device-as-default-execution-space", "--ftz=true")
WARP = 32
MAX_HIDDEN = 1024  #: a thread for each neuron, and a block has at most so many
ADAM_LAUNCH = ((256, 1), (256,))  #: blocks and threads of the optimiser's kernel
BETA1, BETA2 = 0.9, 0.999  #: of Adam, as in the kernel
#: `Arguments` of hand_written.cu: integers and addresses (8 bytes), then floats.
ARGUMENTS = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("steps", "batch", "max_spikes", "starts", "ids", "labels"),
            *("weights", "gradients", "m", "v"),
            *("tape", "crossings", "losses", "overflow"),
        )
    ]
    + [
        (name, np.float32)
        for name in (
            *("dt", "tau_mem", "tau_syn", "alpha", "beta"),
            *("rate", "m_scale", "v_scale"),
        )
    ]
)


def source_text(hidden: int) -> str:
    """Returns the CUDA source for a number of hidden neurons."""
    sizes = {"INPUTS": NUM_INPUT, "HIDDEN": hidden, "OUTPUTS": NUM_OUTPUT}
    lines = [f"#define {name} {size}" for name, size in sizes.items()]
    return "\n".join([*lines, SOURCE.read_text()])


def encode(rasters: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns where each step's spikes start, (batch, steps + 1), and their neurons."""
    counts = np.stack([raster.sum(axis=1) for raster in rasters])
    ends = np.cumsum(counts).reshape(counts.shape)
    starts = np.concatenate([ends[:, :1] - counts[:, :1], ends], axis=1)
    ids = np.concatenate([np.nonzero(raster)[1] for raster in rasters])
    return starts.astype(np.uint32), ids.astype(np.uint16)


def check_setting(setting: Setting) -> None:
    """Raises ValueError unless whole warps of one block hold the hidden neurons."""
    if setting.device != "gpu" or setting.hidden % WARP or setting.hidden > MAX_HIDDEN:
        raise ValueError(
            "the hand-written kernels need a GPU, and a multiple of 32 hidden neurons, "
            f"at most {MAX_HIDDEN}. Received: {setting.hidden} on a {setting.device}"
        )


class HandWrittenNetwork:
    """The network and its batch on a GPU.

    Args:
        setting: sizes.

    Raises:
        ValueError: if the hidden neurons are not whole warps of one block, or the
            device is not a GPU.
    """

    def __init__(self, setting: Setting) -> None:
        check_setting(setting)
        self.setting = setting
        cupy = import_module("cupy")
        self.max_spikes = setting.steps // 4 + 8  #: of a neuron
        self.arrays = self._allocate(cupy)
        self.arguments = np.zeros((), dtype=ARGUMENTS)
        for name, value in self._argument_values().items():
            self.arguments[name] = value
        self.device_arguments = cupy.zeros(ARGUMENTS.itemsize // 8, dtype=np.int64)
        module = cupy.RawModule(
            code=source_text(setting.hidden), options=OPTIONS, backend="nvrtc"
        )
        self._gradients = module.get_function("hand_written_gradients")
        self._adam = module.get_function("hand_written_adam")
        self._steps = 0

    def _allocate(self, cupy: Any) -> dict[str, Any]:
        """Returns the arrays on the device."""
        setting = self.setting
        size, steps, hidden = setting.batch, setting.steps, setting.hidden
        starts, ids = encode(list(setting.rasters()))
        weights = np.concatenate([w.reshape(-1) for w in setting.all_weights()])
        crossings = (size, self.max_spikes, 2, hidden)
        arrays = {
            "starts": cupy.asarray(starts),
            "ids": cupy.asarray(ids),
            "labels": cupy.asarray(setting.labels.astype(np.int32)),
            "weights": cupy.asarray(weights.astype(np.float32)),
            "tape": cupy.zeros((size, steps, hidden // WARP), dtype=np.uint32),
            "crossings": cupy.zeros(crossings, dtype=np.float32),
            "losses": cupy.zeros(size, dtype=np.float32),
            "overflow": cupy.zeros(1, dtype=np.int32),
        }
        for name in ("gradients", "m", "v"):
            arrays[name] = cupy.zeros(weights.size, dtype=np.float32)
        return arrays

    def _argument_values(self) -> dict[str, Any]:
        """Returns addresses and numbers by the names of ``ARGUMENTS``."""
        setting = self.setting
        return {name: array.data.ptr for name, array in self.arrays.items()} | {
            "steps": setting.steps,
            "batch": setting.batch,
            "max_spikes": self.max_spikes,
            "dt": setting.dt,
            "tau_mem": TAU_MEM,
            "tau_syn": TAU_SYN,
            "alpha": setting.alpha,
            "beta": setting.beta,
            "rate": LEARNING_RATE,
        }

    def step(self) -> float:
        """Returns the milliseconds of a training step.

        Raises:
            OverflowError: if a neuron spiked in more than a quarter of the steps.
        """
        return milliseconds(self.train)

    def train(self) -> None:
        """Takes a training step and waits for its end."""
        self._launch_gradients()
        self._adam(*ADAM_LAUNCH, (self.device_arguments,))
        self._wait()

    def gradients(self) -> list[np.ndarray]:
        """Returns the gradients of input, recurrent and output weights."""
        self._launch_gradients()
        self._wait()
        gradients = self.arrays["gradients"].get()
        self.arrays["gradients"].set(np.zeros_like(gradients))
        shapes = [weights.shape for weights in self.setting.all_weights()]
        ends = np.cumsum([rows * columns for rows, columns in shapes])
        parts = np.split(gradients, ends[:-1])
        return [p.reshape(shape) for p, shape in zip(parts, shapes, strict=True)]

    def losses(self) -> np.ndarray:
        """Returns the loss of each example of the last step."""
        return np.asarray(self.arrays["losses"].get())

    def rate(self) -> float:
        """Returns the spikes per hidden neuron and second in the last step."""
        bits = self.arrays["tape"].get().view(np.uint8)
        return self.setting.hertz(float(np.unpackbits(bits).sum()))

    def _launch_gradients(self) -> None:
        self._steps += 1
        self.arguments["m_scale"] = 1 / (1 - BETA1**self._steps)
        self.arguments["v_scale"] = 1 / (1 - BETA2**self._steps)
        self.device_arguments.set(self.arguments.reshape(1).view(np.int64))
        hidden = (self.setting.hidden,)
        self._gradients((self.setting.batch, 1), hidden, (self.device_arguments,))

    def _wait(self) -> None:
        """Waits for the kernels; raises OverflowError if spikes did not fit."""
        if self.arrays["overflow"].get()[0]:
            raise OverflowError("a neuron spiked in more than a quarter of the steps")


make_network = HandWrittenNetwork
