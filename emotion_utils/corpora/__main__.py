"""``python -m emotion_utils.corpora``: make the manifest of real text anew, or hold the installed files against it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from emotion_utils.core.errors import UserError
from emotion_utils.corpora.manifest import MANIFEST, make_manifest, write_manifest
from emotion_utils.corpora.packages import check_packages, missing


def main(argv: list[str] | None = None) -> int:
    """Run one command; bad input ends in one sentence and status 2, missing files in status 1."""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emotion_utils.corpora", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    make = commands.add_parser(
        "manifest", help="choose files of the pinned packages and write their names and hashes"
    )
    make.add_argument("--requirements", type=Path, help="the file of pins, that of the project if not given")
    make.set_defaults(run=_manifest)
    check = commands.add_parser("check", help="say which files of the manifest this machine lacks")
    check.set_defaults(run=_check)
    for command in (make, check):
        command.add_argument(
            "--site", type=Path, help="a folder of installed packages, all that are found if not given"
        )
        command.add_argument("--manifest", type=Path, default=MANIFEST, help="its file")
    return parser


def _manifest(options: argparse.Namespace) -> int:
    manifest = make_manifest(options.site, options.requirements)
    path = write_manifest(manifest, options.manifest)
    print(f"{path}: {len(manifest['packages'])} packages, domains {', '.join(manifest['domains'])}")
    for domain, size in manifest["fell_out"].items():
        print(f"{domain} fell out: {size['packages']} packages, {size['characters']:,} characters")
    return 0


def _check(options: argparse.Namespace) -> int:
    files = check_packages(options.site, options.manifest)
    table = files.groupby("domain")["state"].value_counts().unstack(fill_value=0)
    print(table.to_string())
    print(missing(files) or f"All {len(files)} files are as in the manifest.")
    return int((files["state"] != "same").any())


if __name__ == "__main__":
    sys.exit(main())
