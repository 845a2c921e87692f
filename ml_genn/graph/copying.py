"""Copies and pickles of networks, of their parts and of objects that refer to them.

`copy.deepcopy` and `pickle` ask an object for its state (``__getstate__``) and give it
to a new one (``__setstate__``); the classes here determine that state once for both.
"""

from __future__ import annotations

import copy
import weakref
from typing import Any

from ml_genn.errors import ValidationError

Memo = dict[Any, Any]  #: {id of an object: its copy}, as `copy.deepcopy` passes it

#: key of the memo: True while a referrer is copied, which keeps networks
_KEEPS = "ml_genn: keeps networks"
_PICKLE_PROTOCOL = 4  #: first protocol whose reductions work for all our classes
_LINKS = "_links"  #: key of the state: objects that weak references point to


class NetworkObject:
    """Base of networks and their parts, of which a deep copy is independent.

    Deep copies of objects that refer to a network (`RefersToNetwork`) keep it.
    """

    def __deepcopy__(self, memo: Memo) -> Any:
        return self if memo.get(_KEEPS) else _deep_copy(self, memo)


class RefersToNetwork:
    """Base of compilers, callbacks and results, whose deep copies keep the network.

    A copied recorder, for example, records the same population. If the network is in
    the same deep copy and before them, they refer to its copy.
    """

    def __deepcopy__(self, memo: Memo) -> Any:
        before = memo.get(_KEEPS, False)
        memo[_KEEPS] = True
        try:
            return _deep_copy(self, memo)
        finally:
            memo[_KEEPS] = before


def _deep_copy(obj: Any, memo: Memo) -> Any:
    """Returns the deep copy that an object without ``__deepcopy__`` has."""
    make, arguments, *rest = obj.__reduce_ex__(_PICKLE_PROTOCOL)
    state, _, items = (*rest, None, None, None)[:3]
    new = make(*arguments)
    memo[id(obj)] = new
    for key, value in items or ():
        new[copy.deepcopy(key, memo)] = copy.deepcopy(value, memo)
    if state is not None:
        set_state(new, copy.deepcopy(state, memo))
    return new


def set_state(obj: Any, state: Any) -> None:
    """Gives an object its state, as `pickle` does.

    Args:
        obj: a new object, whose constructor was not called.
        state: result of ``__getstate__``: attributes, or (attributes, slots).
    """
    if hasattr(obj, "__setstate__"):
        obj.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    vars(obj).update(attributes or {})
    for name, value in (slots or {}).items():
        setattr(obj, name, value)


class WeakLinks(NetworkObject):
    """Base of parts of a network that refer to others by weak references.

    The state contains the other parts themselves. A copy keeps them alive, so it can be
    used without a network.
    """

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self).copy()
        links = {
            name: reference()
            for name, reference in state.items()
            if isinstance(reference, weakref.ref)
        }
        if None in links.values():
            raise ValidationError(
                f"{type(self).__name__}: its network is gone, so it cannot be copied. "
                "Keep the network for as long as its parts are used."
            )
        return {**state, **dict.fromkeys(links), _LINKS: links}

    def __setstate__(self, state: dict[str, Any]) -> None:
        links = state[_LINKS]
        references = {name: weakref.ref(part) for name, part in links.items()}
        vars(self).update({**state, **references})
