"""One spelling for one value, so that a hash of it means the value; hashes of files and of what a source does."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import read_json, write_atomically


def canonical_json(value: Any) -> bytes:
    """JSON with one spelling for one value.

    Raises
    ------
    UserError
        For a value that JSON does not have (NaN, sets, arrays, names that are no text): its spelling could differ
        between two runs.
    """
    _check_names(value)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise UserError(
            f"only JSON values (text, finite numbers, true, false, lists, objects) have one spelling; {error}."
        ) from None


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def write_sealed(path: Path, content: Mapping[str, Any], schema: int) -> Path:
    """Write JSON with its format and its own hash, whole or not at all."""
    body = json.loads(json.dumps({"schema": schema, **content}, allow_nan=False))
    return write_atomically(
        path, json.dumps({**body, "hash": digest(body)}, indent=0, ensure_ascii=False) + "\n"
    )


def read_sealed(path: Path, schema: int, mend: str) -> dict[str, Any]:
    """The content of a file of :func:`write_sealed`, without format and hash.

    Parameters
    ----------
    path
    schema
        The format that is known.
    mend
        How to get the file anew, for the error.

    Raises
    ------
    UserError
        Where it is damaged, was edited, or has another format.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not {"hash", "schema"} <= set(content):
        raise UserError(f"{path.name} is damaged, it has no format and no hash: {mend}.")
    kept, found = content.pop("hash"), content["schema"]
    if found != schema:
        raise UserError(f"{path.name} has the format {found!r}, and this is {schema}: {mend}.")
    if kept != digest(content):
        raise UserError(f"{path.name} is not what was recorded, its hash differs: {mend}.")
    return {name: value for name, value in content.items() if name != "schema"}


def fingerprint(files: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of `files`, in hexadecimal, 16 digits."""
    hashed = hashlib.sha256()
    for path in sorted(files):
        hashed.update(f"{path.name}\0".encode())
        hashed.update(_file_digest(path, path.stat().st_mtime_ns))
    return hashed.hexdigest()[:16]


@cache
def _file_digest(path: Path, modified: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def code_digest(source: str) -> str:
    """SHA-256 of what a source does: its :func:`syntax`, in hexadecimal."""
    return hashlib.sha256("\n".join(syntax(source)).encode()).hexdigest()


def syntax(source: str) -> list[str]:
    """The top-level statements of a source, each as its syntax tree in one line.

    Left out is what changes no number: comments, layout, docstrings, imports (they say where a name is found, and
    change when a module moves) and ``__all__``. `ast.dump` and `ast.unparse` give other text in another Python;
    this spelling does not.
    """
    spelled = (_spelled(node) for node in ast.parse(source).body)
    return [line for line in spelled if line]


def _spelled(node: Any) -> str:
    """A node with its fields in the order of the grammar; empty ones and positions are left out."""
    if isinstance(node, list):
        return ",".join(filter(None, map(_spelled, node)))
    if not isinstance(node, ast.AST):
        return ascii(node)
    if _says_nothing(node):
        return ""
    fields = {
        name: value for name, value in ast.iter_fields(node) if name not in ("ctx", "kind", "type_comment")
    }
    if isinstance(node, ast.JoinedStr):
        fields["values"] = _joined(node.values)
    kept = [f"{name}=[{_spelled(value)}]" for name, value in fields.items() if _holds(node, value)]
    return f"{type(node).__name__}({','.join(kept)})"


def _says_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        return not node.orelse
    if isinstance(node, ast.Assign):
        return [ast.unparse(target) for target in node.targets] == ["__all__"]
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _holds(node: ast.AST, value: Any) -> bool:
    """Whether a field is filled; ``None`` is a value where it is a constant, and nothing elsewhere."""
    return isinstance(node, ast.Constant) or not (value is None or value == [])


def _joined(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string, neighbouring texts as one and empty ones left out, as not every Python does it."""
    found: list[ast.expr] = []
    for is_text, some in groupby(parts, key=lambda part: isinstance(part, ast.Constant)):
        if not is_text:
            found += some
        elif text := "".join(part.value for part in some):  # type: ignore[attr-defined]
            found.append(ast.Constant(text))
    return found


def _check_names(value: Any) -> None:
    """Names that are no text would be sorted in one order now and, read back as text, in another one later."""
    if isinstance(value, Mapping):
        wrong = [name for name in value if not isinstance(name, str)]
        if wrong:
            raise UserError(f"only JSON values have one spelling; the name {wrong[0]!r} is not text.")
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            _check_names(item)
