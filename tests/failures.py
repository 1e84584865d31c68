"""One test of many things, which tells at once all that is wrong: a line for each."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping

import pytest


def tell(lines):
    """Fail with these lines, when there are any."""
    lines = list(lines)
    if lines:
        pytest.fail("\n".join(["", *lines]), pytrace=False)


def each(things):
    """Make one test of a function that is given one of the things, and yields what is wrong with it and what to do.

    The things go by their names in the mapping, or by themselves. The function may ask for fixtures after the thing. An
    error that it raises is that thing's alone.
    """
    named = dict(things) if isinstance(things, Mapping) else {thing: thing for thing in things}
    assert named, "there is nothing to check"

    def decorate(wrong_with):
        @functools.wraps(wrong_with)
        def test(**fixtures):
            lines = []
            for name, thing in named.items():
                try:
                    for line in wrong_with(thing, **fixtures):
                        lines.append(f"{name}: {line}")  # noqa: PERF401 - those before an error count too
                except Exception as error:  # noqa: BLE001 - the others are still to be looked at
                    lines.append(f"{name}: {' '.join(f'{type(error).__name__}: {error}'.split())}")
            tell(lines)

        _, *asked = inspect.signature(wrong_with).parameters.values()
        test.__signature__ = inspect.Signature(asked)
        return test

    return decorate
