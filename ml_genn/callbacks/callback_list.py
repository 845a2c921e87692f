"""Lists of callbacks, whose hooks are called in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ml_genn.callbacks import Callback, default_callbacks
from ml_genn.callbacks.callback import overrides
from ml_genn.communicators.communicator import is_first
from ml_genn.errors import DuplicateKeyError, ValidationError
from ml_genn.model.batch import Record
from ml_genn.utils.checks import items, shown
from ml_genn.utils.module import get_object


class CallbackList:
    """A list of callbacks.

    Args:
        callbacks: callbacks or their names.
        **params: arguments of ``set_params``, which each callback gets.

    Raises:
        ValidationError: if an entry is no callback or name, or a callback or key is in
            the list twice.
        UnknownNameError: if there is no callback of a name.
    """

    def __init__(self, callbacks: Iterable[Callback | str], **params: Any) -> None:
        if isinstance(callbacks, str | Callback) or not isinstance(callbacks, Iterable):
            raise ValidationError(
                "Callbacks: give a list of callbacks or their names. "
                f"Received {shown(callbacks)}."
            )
        objects = [
            get_object(c, Callback, "Callback", default_callbacks)
            for c in items("Callbacks", callbacks)
        ]
        listed = [c for c in objects if c is not None]
        _refuse_duplicates(listed)
        network = params.get("compiled_network")
        first = is_first(getattr(network, "communicator", None))
        self._callbacks = [c for c in listed if first or not c.first_process_only]
        common_data: dict[Any, Any] = {}
        for callback in self._callbacks:
            callback.set_params(data=common_data, **params)
        seen: set[type] = set()
        for callback in self._callbacks:
            if type(callback) not in seen:
                seen.add(type(callback))
                callback.set_first()

    def call(self, hook: str, *arguments: Any) -> None:
        """Calls a hook of every callback that overrides it.

        Args:
            hook: name of the hook.
            *arguments: its arguments.
        """
        for callback in self._callbacks:
            if overrides(callback, hook):
                getattr(callback, hook)(*arguments)

    def overrides(self, *hooks: str) -> bool:
        """True if any callback overrides one of the hooks."""
        return any(overrides(c, hook) for c in self._callbacks for hook in hooks)

    @property
    def has_step_hooks(self) -> bool:
        """True if any callback is called in every time step."""
        return self.overrides("on_timestep_begin", "on_timestep_end")

    @property
    def may_read_state(self) -> bool:
        """True if a callback of the user is called after batches.

        It may read the state of neurons; callbacks of ml_genn do not.
        """
        own_package = __name__.split(".")[0]
        return any(
            overrides(c, "on_batch_end")
            and type(c).__module__.split(".")[0] != own_package
            for c in self._callbacks
        )

    @property
    def recorded_spikes(self) -> tuple[str, ...]:
        """Names of populations whose spikes are recorded."""
        names = (n for c in self._callbacks for n in c.recorded_spikes())
        return tuple(dict.fromkeys(names))

    @property
    def recorded_variables(self) -> tuple[Record, ...]:
        """Variables that are recorded."""
        records = (r for c in self._callbacks for r in c.recorded_variables())
        return tuple(dict.fromkeys(records))

    def get_data(self) -> dict[Any, Any]:
        """Returns {key: data of a callback}; a key None becomes its list index."""
        result: dict[Any, Any] = {}
        for index, callback in enumerate(self._callbacks):
            pair = callback.get_data()
            if pair is None:
                continue
            key = index if pair[0] is None else pair[0]
            if key in result:
                raise _duplicate_key(key)
            result[key] = pair[1]
        return result

    def __getitem__(self, index: int) -> Callback:
        return self._callbacks[index]

    def __len__(self) -> int:
        return len(self._callbacks)

    def __iter__(self) -> Iterator[Callback]:
        return iter(self._callbacks)


def _refuse_duplicates(callbacks: Sequence[Callback]) -> None:
    """Raises ValidationError if a callback or a key is in a list twice."""
    for k, callback in enumerate(callbacks):
        if any(callback is other for other in callbacks[:k]):
            raise ValidationError(f"Callbacks: {callback!r} is in the list twice.")
    collecting = [c for c in callbacks if overrides(c, "get_data")]
    for callback in collecting:
        _check_key(callback)
    keys = [c.key for c in collecting if c.key is not None]
    for k, key in enumerate(keys):
        if key in keys[:k]:
            raise _duplicate_key(key)


def _check_key(callback: Callback) -> None:
    """Raises ValidationError if the key of a callback cannot be a dictionary key."""
    try:
        hash(callback.key)
    except TypeError:
        raise ValidationError(
            f"{type(callback).__name__}: key is text or something else that can be a "
            f"key of a dictionary. Received {shown(callback.key)}."
        ) from None


def _duplicate_key(key: Any) -> DuplicateKeyError:
    return DuplicateKeyError(
        f"Callbacks: the key {key!r} is used twice. Give each recorder a key of its "
        "own."
    )
