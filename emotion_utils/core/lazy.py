"""Rooms that open when they are touched: a package imports its modules, and what it hands on, at first use (PEP 562).

So that ``import emotion_utils`` costs nothing and loads no torch, while every room stands behind a dot.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from emotion_utils.core.errors import suggestion

if TYPE_CHECKING:
    from inspect import Signature


class _Callable(ModuleType):
    """A package that can be called: ``eu.models()`` lists the models of the room `eu.models`."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the function that the package is called for; help() of the package names it."""
        return getattr(self, self.__dict__["_called"])(*args, **options)

    @property
    def __signature__(self) -> Signature:
        from inspect import signature  # takes half of what the import of the whole package takes

        return signature(getattr(self, self.__dict__["_called"]))


def attach(
    package: str, exports: Mapping[str, str] | None = None, call: str = ""
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package, to be assigned in its ``__init__``.

    Its ``__all__`` are the names that it hands on: help() describes them, where it would leave out what other modules
    define.

    Parameters
    ----------
    package
        Its ``__name__``.
    exports
        Names that it hands on: name to module, or to ``module:name``, below the package. A module of the package goes
        before a name of the same spelling.
    call
        The handed-on name that is meant where the package itself is called.
    """
    table, own = dict(exports or {}), sys.modules[package]
    modules = _modules_in(own.__path__[0])

    def load(name: str) -> Any:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name in table:
            module, _, attribute = table[name].partition(":")
            return getattr(import_module(f"{package}.{module}"), attribute or name)
        if name == "__all__":
            return list(table)
        raise AttributeError(f"{package} has no {name!r}: {suggestion(name, sorted({*table, *modules}))}")

    if call:
        own.__class__, own.__dict__["_called"] = _Callable, call
    return load, lambda: sorted({*own.__dict__, *table, *modules})


def _modules_in(folder: str) -> list[str]:
    """Names of the modules and packages in a folder; pkgutil would import much to know them."""
    with os.scandir(folder) as entries:
        found = (entry.name.removesuffix(".py") for entry in entries if _is_module(entry))
        return sorted(name for name in found if name != "__init__")


def _is_module(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".py") or os.path.isfile(os.path.join(entry.path, "__init__.py"))
