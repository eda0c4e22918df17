"""Shared by all tests: shapes and types are checked while they run, and a small notebook to execute."""

from __future__ import annotations

import os

import pytest
from jaxtyping import install_import_hook
from runtime_types import checked_modules

# Before anything of the package is imported: every annotated function then checks its arguments and result.
_hook = install_import_hook(checked_modules(), "runtime_types.checked")

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# A test must not reach for the network; whoever tests hub models unsets this.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

pytest_plugins = ["model_fixtures", "head_fixtures", "steering_fixtures"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests go first: one that began last would be waited for while the other process is idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
