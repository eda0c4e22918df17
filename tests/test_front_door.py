"""``import emotion_utils as eu``: what it costs, what it lists, and that every name is there and described."""

from __future__ import annotations

import subprocess
import sys

import pytest

import emotion_utils as eu

HEAVY = "[m for m in ('numpy', 'pandas', 'torch', 'transformers', 'sklearn', 'plotly') if m in sys.modules]"
CHECKS = {
    "importing it": "",
    "listing what there is": "dir(eu), dir(eu.models), dir(eu.scoring)",
    "listing models": "eu.models(), eu.prompts(), eu.prompts('smoke')",
    "checking parameters": "eu.runtime.parameters.validate({}, '03_emotion_vectors')",
}
NEEDED = {"listing models": {"numpy", "pandas"}, "checking parameters": {"numpy", "pandas"}}


@pytest.mark.parametrize("what", CHECKS)
def test_it_loads_no_more_than_it_must(what):
    code = f"import sys\nimport emotion_utils as eu\n{CHECKS[what]}\nprint(*{HEAVY})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= NEEDED.get(what, set())


def test_an_unknown_name_gets_the_near_miss():
    with pytest.raises(AttributeError, match=r"emotion_utils has no 'generat': did you mean \"generate\"\?"):
        _ = eu.generat
