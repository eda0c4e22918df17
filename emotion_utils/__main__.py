"""``python -m emotion_utils``: see :mod:`emotion_utils.cli`."""

from __future__ import annotations

import sys

from emotion_utils.cli import main

if __name__ == "__main__":
    sys.exit(main())
