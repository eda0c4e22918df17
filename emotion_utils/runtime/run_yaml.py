"""The YAML of run files: as it looks, or one sentence that says why not."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from emotion_utils.core.errors import UserError

MERGE = "tag:yaml.org,2002:merge"
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+)")


def load_yaml(path: Path) -> Any:
    """The content of a run file, not yet checked.

    Keys at the top that begin with ``x-`` are the writer's own, for parts that others merge, and are left out.

    Raises
    ------
    UserError
        For a file that is missing, no UTF-8 text or no YAML, with the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"There is no run file {path}: runs/small.yaml is one to copy.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The run file {path} cannot be read as UTF-8 text: {error}.") from error
    try:
        content = yaml.load(text, Loader=_RunFileLoader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it does not parse"
        raise UserError(f"The run file {path} is not valid YAML{line}: {problem}.") from error
    except RecursionError:
        raise UserError(f"The run file {path} is nested too deeply: write it flat.") from None
    if not isinstance(content, dict):
        return content
    return {key: value for key, value in content.items() if not str(key).startswith("x-")}


class _RunFileLoader(yaml.SafeLoader):
    """YAML that refuses what PyYAML would silently read otherwise: a key written twice, a number like ``010``."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._checked: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Take in what ``<<`` merges, which the keys that are written beside it may replace."""
        if id(node) not in self._checked:  # what was merged into it counts no more as written in it
            self._checked.add(id(node))
            self._refuse_twice(node)
        super().flatten_mapping(node)

    def _refuse_twice(self, node: yaml.MappingNode) -> None:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            merged = key_node.tag == MERGE
            key = "<<" if merged else self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'the key "{key}" is written twice', key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number as it looks; YAML would read ``010`` as 8 and ``1:30`` as 90."""
        if not WHOLE.fullmatch(node.value):
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"{node.value} would be read as {super().construct_yaml_int(node)}; write the number itself, or quotes",
                node.start_mark,
            )
        return int(super().construct_yaml_int(node))


_RunFileLoader.add_constructor("tag:yaml.org,2002:int", _RunFileLoader.construct_yaml_int)
