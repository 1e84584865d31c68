"""How properties are tried, and how often by default."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

TRIED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None, derandomize=True, print_blob=False
)
"""The same examples each time, however slow the machine; a test adds how many."""


def examples(few: int, many: int) -> pytest.MarkDecorator:
    """``examples``, a parameter of the test: a few by default, and many under the mark `long`."""
    return pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.long)])
