"""The network's EventProp step as CUDA kernels written by hand: a yardstick."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np

from frameworks.setting import (
    NUM_INPUT,
    NUM_OUTPUT,
    RATE,
    TAU_MEM,
    TAU_SYN,
    Setting,
    clocked,
)

SOURCE = Path(__file__).with_name("by_hand.cu")
OPTIONS = ("--std=c++17", "--device-as-default-execution-space", "--ftz=true")
WARP, MOST = 32, 1024
UPDATE = ((256, 1), (256,))  #: blocks and threads that take the optimiser's step
#: `Call` in by_hand.cu: numbers and addresses of eight bytes, then of four.
CALL = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("steps", "batch", "room", "starts", "ids", "labels"),
            *("weights", "gradients", "m", "v"),
            *("tape", "crossings", "losses", "full"),
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


def text(hidden: int) -> str:
    """The CUDA source for so many hidden neurons."""
    sizes = {"INPUTS": NUM_INPUT, "HIDDEN": hidden, "OUTPUTS": NUM_OUTPUT}
    lines = [f"#define {name} {size}" for name, size in sizes.items()]
    return "\n".join([*lines, SOURCE.read_text()])


def events(rasters: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Where the spikes of each step start, (batch, steps + 1), and their neurons."""
    counts = np.stack([raster.sum(axis=1) for raster in rasters])
    ends = np.cumsum(counts).reshape(counts.shape)
    starts = np.concatenate([ends[:, :1] - counts[:, :1], ends], axis=1)
    ids = np.concatenate([np.nonzero(raster)[1] for raster in rasters])
    return starts.astype(np.uint32), ids.astype(np.uint16)


class ByHand:
    """The network and its batch.

    Args:
        setting: sizes.

    Raises:
        ValueError: if the hidden neurons are no whole warps of one block, or the device
            is no GPU.
    """

    def __init__(self, setting: Setting) -> None:
        if setting.device != "gpu" or setting.hidden % WARP or setting.hidden > MOST:
            raise ValueError(
                "the kernels by hand need a GPU, and a multiple of 32 hidden neurons, "
                f"at most {MOST}; got {setting.hidden} on a {setting.device}"
            )
        self.setting = setting
        cupy = self._cupy = import_module("cupy")
        starts, ids = events(list(setting.rasters()))
        weights = np.concatenate([w.reshape(-1) for w in setting.all_weights()])
        room = setting.steps // 4 + 8
        warps = setting.hidden // WARP
        size, steps, hidden = setting.batch, setting.steps, setting.hidden
        self.arrays = {
            "starts": cupy.asarray(starts),
            "ids": cupy.asarray(ids),
            "labels": cupy.asarray(setting.labels.astype(np.int32)),
            "weights": cupy.asarray(weights.astype(np.float32)),
            "tape": cupy.zeros((size, steps, warps), dtype=np.uint32),
            "crossings": cupy.zeros((size, room, 2, hidden), dtype=np.float32),
            "losses": cupy.zeros(size, dtype=np.float32),
            "full": cupy.zeros(1, dtype=np.int32),
        }
        for name in ("gradients", "m", "v"):
            self.arrays[name] = cupy.zeros(weights.size, dtype=np.float32)
        self.call = np.zeros((), dtype=CALL)
        for name, array in self.arrays.items():
            self.call[name] = array.data.ptr
        numbers = {
            "steps": steps,
            "batch": size,
            "room": room,
            "dt": setting.dt,
            "tau_mem": TAU_MEM,
            "tau_syn": TAU_SYN,
            "alpha": setting.alpha,
            "beta": setting.beta,
            "rate": RATE,
        }
        for name, number in numbers.items():
            self.call[name] = number
        self.argument = cupy.zeros(CALL.itemsize // 8, dtype=np.int64)
        module = cupy.RawModule(code=text(hidden), options=OPTIONS, backend="nvrtc")
        self._learn = module.get_function("by_hand_learn")
        self._update = module.get_function("by_hand_update")
        self._steps = 0

    def step(self) -> float:
        """Milliseconds of a training step.

        Raises:
            OverflowError: if a neuron spiked more often than there is room for.
        """
        return clocked(self.train)

    def train(self) -> None:
        """A training step that is over when this returns."""
        self._launch_learn()
        self._update(*UPDATE, (self.argument,))
        self._check()

    def gradients(self) -> list[np.ndarray]:
        """Of input, recurrent and output weights, of the mean loss of the batch."""
        self._launch_learn()
        self._check()
        found = self.arrays["gradients"].get()
        self.arrays["gradients"].set(np.zeros_like(found))
        shapes = [weights.shape for weights in self.setting.all_weights()]
        ends = np.cumsum([rows * columns for rows, columns in shapes])
        parts = np.split(found, ends[:-1])
        return [p.reshape(shape) for p, shape in zip(parts, shapes, strict=True)]

    def losses(self) -> np.ndarray:
        """The loss of each example of the last step."""
        return np.asarray(self.arrays["losses"].get())

    def rate(self) -> float:
        """Hidden spikes per neuron and second, in the last step."""
        bits = self.arrays["tape"].get().view(np.uint8)
        return self.setting.hertz(float(np.unpackbits(bits).sum()))

    def _launch_learn(self) -> None:
        self._steps += 1
        self.call["m_scale"] = 1 / (1 - 0.9**self._steps)
        self.call["v_scale"] = 1 / (1 - 0.999**self._steps)
        self.argument.set(self.call.reshape(1).view(np.int64))
        hidden = (self.setting.hidden,)
        self._learn((self.setting.batch, 1), hidden, (self.argument,))

    def _check(self) -> None:
        """Waits for what was launched."""
        if self.arrays["full"].get()[0]:
            raise OverflowError("a neuron spiked in more than a quarter of the steps")


subject = ByHand
