"""Which source files a module of the package stands on: those of all modules that run when it is imported and used.

A name that is bound to a package is followed as far as it names modules, so that ``eu.vectors.geometry.cosines`` stands
on ``vectors/geometry.py`` and not on all of ``vectors/``. A package may hand on names of its modules lazily: it lists
them in a literal ``EXPORTS = {name: module}`` in its ``__init__``. A package that is used in any other way (passed on,
asked for a name that nobody knows) counts with all that is below it: too much is read before too little.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from emotion_utils.core.errors import UserError
from emotion_utils.core.hashing import fingerprint
from emotion_utils.core.name_uses import Ending, NameUses, read_uses
from emotion_utils.core.paths import PROJECT_ROOT

PACKAGE = "emotion_utils"
EXPORTS = "EXPORTS"
"""Name of the table in which a package says what it hands on lazily: name to module, or to ``module:name``."""
READS: dict[str, tuple[str, str]] = {
    "emotion_utils.communities.content": ("emotion_utils/communities/content", "*.yaml"),
    "emotion_utils.smallworld.content": ("emotion_utils/smallworld/content", "*.yaml"),
    "emotion_utils.prompts.keywords": ("data/lexicons", "keywords.json"),
    "emotion_utils.scoring.politeness": ("data/lexicons", "politeness.json"),
}
"""Files that modules read and that belong to the code: folder below the project, and pattern."""
_OF_EVERY_MODULE = ("__name__", "__file__", "__doc__")


class Modules:
    """The modules of a package as they lie in its folder.

    Parameters
    ----------
    root
        The folder that the package's folder lies in.
    package
        Its name.
    """

    def __init__(self, root: Path = PROJECT_ROOT, package: str = PACKAGE) -> None:
        self.package = package
        self.files: dict[str, Path] = {}
        self._uses: dict[str, NameUses] = {}
        self._direct: dict[str, set[str]] = {}
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            self.files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path

    def is_package(self, module: str) -> bool:
        """Whether a module has modules below it."""
        return self.files[module].name == "__init__.py"

    def uses(self, module: str) -> NameUses:
        """What its source says."""
        if module not in self._uses:
            path = self.files[module]
            self._uses[module] = _uses_of(path, path.stat().st_mtime_ns, self.package, module)
        return self._uses[module]

    def below(self, module: str) -> set[str]:
        """The modules below a package, at any depth."""
        return {name for name in self.files if name.startswith(f"{module}.")}

    def exports(self, module: str) -> dict[str, tuple[str, str]]:
        """What a package hands on lazily: name to the module and the name in it.

        Raises
        ------
        UserError
            Where its table names a module that does not exist.
        """
        found = {}
        for name, where in self.uses(module).tables.get(EXPORTS, {}).items():
            target, _, inner = where.partition(":")
            full = target if target in self.files else f"{module}.{target}"
            if full not in self.files:
                raise UserError(
                    f'{module} hands on "{name}" from {target}, which is no module of the package.'
                )
            found[name] = (full, inner or name)
        return found

    def named(self, uses: NameUses) -> set[str]:
        """The modules that a source with these uses names itself."""
        walk = _Walk(self)
        for path, ending in uses.uses:
            walk.follow(path[0], path[1:], ending)
        return walk.found

    def direct(self, module: str) -> set[str]:
        """The modules that a module names itself, and the package that it lies in."""
        if module not in self._direct:
            above = {module.rpartition(".")[0]} - {""}
            self._direct[module] = self.named(self.uses(module)) | above
        return self._direct[module]

    def closure(self, modules: Iterable[str]) -> set[str]:
        """All modules that run when `modules` are imported and used: those they name, and packages above them.

        Raises
        ------
        UserError
            Where one does not exist.
        """
        waiting, reached = set(modules), set[str]()
        if missing := sorted(waiting - set(self.files)):
            raise UserError(f"There is no module {missing[0]}.")
        while waiting:
            module = waiting.pop()
            reached.add(module)
            waiting |= self.direct(module) - reached
        return reached


class _Walk:
    """Follow dotted paths through the modules of a package."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self.found: set[str] = set()
        self.seen: set[tuple[str, tuple[str, ...], Ending]] = set()

    def follow(self, module: str, names: tuple[str, ...], ending: Ending) -> None:
        """Go from a module along names; what is met on the way is found."""
        if (module, names, ending) in self.seen or module not in self.modules.files:
            return
        self.seen.add((module, names, ending))
        self.found.add(module)
        if not names:
            if ending != "imported":
                self.hold(module)
            return
        first, rest = names[0], names[1:]
        handed = self.modules.exports(module).get(first)
        child = f"{module}.{first}"
        if handed:
            self.follow(handed[0], (handed[1], *rest), ending)
        if child in self.modules.files:
            only_called = handed and not rest and ending == "called"
            self.follow(child, rest, "imported" if only_called else ending)
        elif not handed:
            self.attribute(module, first, rest, ending)

    def attribute(self, module: str, first: str, rest: tuple[str, ...], ending: Ending) -> None:
        """A name that is no module: what it was imported from, or all that a package may mean by it."""
        uses = self.modules.uses(module)
        if first in uses.bound:
            for path in uses.bound[first]:
                self.follow(path[0], (*path[1:], *rest), ending)
        elif first not in {*uses.defined, *_OF_EVERY_MODULE} and self.modules.is_package(module):
            self.hold(module)

    def hold(self, module: str) -> None:
        """A module of which nobody knows what it is used for: all that can be reached by its attributes."""
        for name in self.modules.below(module):
            self.follow(name, (), "held")
        for paths in self.modules.uses(module).bound.values():
            for path in paths:
                self.follow(path[0], path[1:], "held")


def module_sources(modules: Iterable[str], root: Path = PROJECT_ROOT) -> list[Path]:
    """The source files of modules of the package and of all that they stand on, with the data that belong to them.

    Parameters
    ----------
    modules
        Dotted names.
    root
        Of the project.

    Raises
    ------
    UserError
        Where a module does not exist.
    """
    known = _known(root, _stamp(root))
    reached = known.closure(modules)
    files = {known.files[name] for name in reached}
    for name in reached & set(READS):
        folder, pattern = READS[name]
        files |= set((root / folder).rglob(pattern))
    return sorted(files)


def _stamp(root: Path) -> tuple[tuple[str, int], ...]:
    """Which modules there are, and when each was written."""
    return tuple((str(path), path.stat().st_mtime_ns) for path in sorted((root / PACKAGE).rglob("*.py")))


@lru_cache(maxsize=4)
def _known(root: Path, stamp: tuple[tuple[str, int], ...]) -> Modules:
    """The modules of a project as they are, read once for all that ask in a process."""
    return Modules(root)


@cache
def code_of(module: str, root: Path = PROJECT_ROOT) -> str:
    """Fingerprint of the code that a module of the package stands on, as it was when this process first asked."""
    return fingerprint(module_sources([module], root))


def module_file(module: str, root: Path = PROJECT_ROOT) -> Path:
    """The source file of a module of the package.

    Raises
    ------
    UserError
        Where it does not exist.
    """
    base = root.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    raise UserError(f"There is no module {module}.")


@cache
def _uses_of(path: Path, modified: int, package: str, module: str) -> NameUses:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return read_uses(tree, package, module, is_package=path.name == "__init__.py")
