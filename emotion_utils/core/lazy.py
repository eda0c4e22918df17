"""Rooms that open when they are touched: a package imports its modules, and what it hands on, at first use (PEP 562).

So that ``import emotion_utils`` costs nothing and loads no torch, while every room stands behind a dot.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from emotion_utils.core.errors import suggestion


class _Callable(ModuleType):
    """A package that can be called: ``eu.models()`` lists the models of the room `eu.models`."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return getattr(self, self.__dict__["_called"])(*args, **options)


def attach(
    package: str, exports: Mapping[str, str] | None = None, call: str = ""
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package, to be assigned in its ``__init__``.

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
    modules = [found.name for found in iter_modules(own.__path__)]

    def load(name: str) -> Any:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name in table:
            module, _, attribute = table[name].partition(":")
            return getattr(import_module(f"{package}.{module}"), attribute or name)
        raise AttributeError(
            f"{package} has no {name!r}: {suggestion(name, [*table, *modules])}", name=name, obj=own
        )

    if call:
        own.__class__, own.__dict__["_called"] = _Callable, call
    return load, lambda: sorted({*own.__dict__, *table, *modules})
