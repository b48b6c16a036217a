"""The databases that a project can be in, as parameters of a test."""

import pytest

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.server("postgresql")))
