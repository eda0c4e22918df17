"""``python -m emotion_utils.book assemble|render RUN.yaml``, for the workflow and for quick looks."""

from __future__ import annotations

import argparse
import sys

from emotion_utils.book import assemble, render
from emotion_utils.core.errors import UserError
from emotion_utils.runtime.execution import CellFailure
from emotion_utils.runtime.runs import read_run

STEPS = {"assemble": (assemble,), "render": (render,), "all": (assemble, render)}


def main() -> int:
    """Take one step for one run; the last line on standard error is the one clear sentence."""
    parser = argparse.ArgumentParser(prog="python -m emotion_utils.book", description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("run", help="a run file, such as runs/small.yaml")
    arguments = parser.parse_args()
    try:
        run = read_run(arguments.run)
        for step in STEPS[arguments.step]:
            print(step(run))
    except (UserError, CellFailure) as error:
        print(error, file=sys.stderr)
        return 2 if type(error) is UserError else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
