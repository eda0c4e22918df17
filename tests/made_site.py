"""A made-up folder of installed packages, as an installer leaves it, and texts that no other one resembles."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import numpy as np

VERSION = "1.2"


def words(seed: int, count: int = 300) -> str:
    """Lines of made-up words, eight a line; two seeds share no run of words."""
    rng = np.random.default_rng(seed)
    drawn = ["".join(rng.choice(list("abcdefghijklmnop"), size=6)) for _ in range(count)]
    return "\n".join(" ".join(drawn[at : at + 8]) for at in range(0, count, 8)) + "\n"


def install(
    site: Path, name: str, files: dict[str, str | bytes], *, home: str = "", own: tuple[str, ...] = ()
) -> None:
    """Install a package; ``own`` are files that the installation made, which its record lists without a hash."""
    info = f"{name.replace('-', '_')}-{VERSION}.dist-info"
    link = f"Project-URL: Source, {home}\n" if home else ""
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {VERSION}\nLicense-Expression: MIT\n{link}"
    every = {f"{info}/METADATA": metadata, **files}
    lines = []
    for path, text in every.items():
        data = text if isinstance(text, bytes) else text.encode()
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},," if path in own else f"{path},sha256={digest},{len(data)}")
    (site / info / "RECORD").write_text("\n".join([*lines, f"{info}/RECORD,,"]) + "\n")


def made_site(folder: Path, count: int = 12) -> tuple[Path, Path]:
    """A folder of packages with two Python files each, and the file that pins them."""
    site = folder / "site"
    for at in range(count):
        files: dict[str, str | bytes] = {f"p{at}/{part}.py": words(10 * at + part) for part in range(2)}
        install(site, f"p{at}", files)
    pins = folder / "pins.txt"
    pins.write_text("".join(f"p{at}=={VERSION}\n" for at in range(count)))
    return site, pins
