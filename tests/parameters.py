"""Parameters of tests of which the quick suite runs a few and the slow one all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def quick_first(values: Iterable[Any], quick: int) -> list[Any]:
    """All values; those after the first few, which test the same once more, run with the slow tests."""
    return [pytest.param(value, marks=[pytest.mark.slow] * (k >= quick)) for k, value in enumerate(values)]
