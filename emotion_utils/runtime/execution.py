"""Execute one notebook: parameters in, an executed copy out, nothing half-written in between.

Used by the workflow as ``python -m emotion_utils.runtime.execution NOTEBOOK OUTPUT --parameters JSON``.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import Any

from emotion_utils.core.errors import UserError
from emotion_utils.core.versions import commit, versions
from emotion_utils.runtime.parameters import assignments, model_names
from emotion_utils.runtime.resources import Recorder

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_NOT_STARTED = "Kernel died before replying to kernel_info"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class CellFailure(RuntimeError):
    """A cell raised: the message is one sentence, `user_error` says whether the input was at fault."""

    def __init__(self, message: str, user_error: bool) -> None:
        super().__init__(message)
        self.user_error = user_error


def execute(
    notebook: Path, output: Path, parameters: Mapping[str, Any], threads: int = 1, progress: bool = True
) -> None:
    """Execute `notebook` with `parameters` and write the executed copy to `output` in one step.

    The copy is written beside `output` first and renamed when it is complete, with the provenance of the
    execution in its metadata. Where a cell raises, it is kept as ``<name>.failed.ipynb``.

    Parameters
    ----------
    threads
        The number of threads that torch and the BLAS may use.

    Raises
    ------
    UserError
        If there is no such notebook.
    CellFailure
        If a cell raises.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    if not notebook.is_file():
        raise UserError(f"There is no notebook {notebook}: `python -m emotion_utils chapters` lists them.")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{output.parent} cannot be written ({error.strerror}): name another folder for {output.name}."
        ) from error
    partial = output.with_name(f".{output.stem}.partial.ipynb")
    failed = output.with_name(f"{output.stem}.failed.ipynb")
    limit_threads(threads)
    before = _processor_seconds()
    try:
        with _own_kernel() as folder:
            papermill.execute_notebook(
                str(notebook),
                str(partial),
                parameters=dict(parameters),
                kernel_name="python3",
                progress_bar={"desc": output.stem, "unit": "cell"} if progress else False,
                extra_arguments=["--IPKernelApp.log_level=ERROR", f"--IPKernelApp.ipython_dir={folder}"],
            )
    except papermill.PapermillExecutionError as error:
        os.replace(partial, failed)
        raise _failure(error, notebook, failed) from None
    except DeadKernelError:
        raise CellFailure(
            f"The kernel of {notebook.name} died, most likely for want of memory: free some, or take a smaller "
            f"profile or model. What had run is in {partial}.",
            user_error=False,
        ) from None
    except RuntimeError as error:
        if _NOT_STARTED not in str(error):
            raise
        raise CellFailure(
            f"The kernel of {notebook.name} did not start: `{sys.executable} -m ipykernel` says why; `python -m "
            "emotion_utils doctor` whether the environment is whole.",
            user_error=False,
        ) from None
    _record_provenance(partial, notebook.stem, _processor_seconds() - before)
    _replace_durably(partial, output)
    failed.unlink(missing_ok=True)


@contextmanager
def _own_kernel() -> Iterator[str]:
    """Inside, ``python3`` is this interpreter, whatever kernels a machine has; the folder has nobody's settings."""
    from ipykernel.kernelspec import write_kernel_spec

    before = os.environ.get("JUPYTER_PATH")
    with TemporaryDirectory() as folder:
        write_kernel_spec(str(Path(folder) / "kernels" / "python3"))
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (folder, before)))
        try:
            yield folder
        finally:
            os.environ.pop("JUPYTER_PATH")
            if before is not None:
                os.environ["JUPYTER_PATH"] = before


def limit_threads(threads: int) -> None:
    """Cap the threads of the kernel to come, which inherits this process's environment."""
    for name in _THREAD_VARIABLES:
        os.environ[name] = str(threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _failure(error: Any, notebook: Path, failed: Path) -> CellFailure:
    """The one sentence for a failed cell: a user error speaks for itself, others say where they happened."""
    message = _COLOUR.sub("", str(error.evalue)).strip()
    if error.ename == UserError.__name__:
        return CellFailure(message, user_error=True)
    first_line = message.splitlines()[0] if message else "no message"
    return CellFailure(
        f"{notebook.name} stopped in its cell {error.exec_count} with {error.ename}: {first_line.rstrip('.')}. "
        f"The traceback is in {failed}.",
        user_error=False,
    )


def _processor_seconds() -> float:
    """Of all processes that this one has started and seen ending, the kernels of notebooks among them."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _record_provenance(path: Path, chapter: str, seconds: float) -> None:
    """Write into the executed copy what it was run with, so that its page can say so."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    used = _used_parameters(notebook)
    notebook.metadata["provenance"] = {**collect(chapter, used), "processor_seconds": round(seconds, 1)}
    nbformat.write(notebook, path)


def _used_parameters(notebook: Any) -> dict[str, Any]:
    """The defaults of the parameters cell, overridden by what papermill injected."""
    values: dict[str, Any] = {}
    for cell in notebook.cells:
        if {"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])):
            values |= {name: ast.literal_eval(value) for name, value in assignments(cell.source).items()}
    return values


def _replace_durably(source: Path, target: Path) -> None:
    with source.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(source, target)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emotion_utils.runtime.execution", description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--parameters", default="{}", help="a JSON object")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-progress", action="store_true")
    parser.add_argument("--record", type=Path, help="where to keep what the execution took")
    parser.add_argument("--memory-mb", type=int, default=0, help="what was asked for, for the record")
    parser.add_argument("--minutes", type=int, default=0, help="what was asked for, for the record")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    The last line on standard error is the one clear sentence; it also stays beside the output, in
    ``<name>.error``, for whoever started the workflow.
    """
    arguments = _arguments(argv)
    note = arguments.output.with_suffix(".error")
    note.unlink(missing_ok=True)
    recorder = None
    try:
        recorder = _recorder(arguments)
        parameters = _parse_parameters(arguments.parameters)
        execute(
            arguments.notebook, arguments.output, parameters, arguments.threads, not arguments.no_progress
        )
    except (UserError, CellFailure) as error:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{error}\n", encoding="utf-8")
        print(error, file=sys.stderr)
        if recorder:
            recorder.end(str(error))
        return 2 if getattr(error, "user_error", True) else 1
    if recorder:
        recorder.end()
    return 0


def _recorder(arguments: argparse.Namespace) -> Recorder | None:
    if arguments.record is None:
        return None
    return Recorder(arguments.record, arguments.memory_mb, arguments.minutes)


def _parse_parameters(text: str) -> dict[str, Any]:
    try:
        parameters = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--parameters is not JSON ({error}): write for example '{{\"seed\": 1}}'.") from None
    if not isinstance(parameters, dict):
        raise UserError(f'--parameters must be a JSON object such as {{"seed": 1}}, but it is {text}.')
    return parameters


def collect(chapter: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader needs to repeat the execution of `chapter` with `parameters`.

    Returns
    -------
    dict
        JSON-ready: ``chapter``, ``model`` and ``model_label`` ("bundled small model" or "hub model"; None
        where the chapter takes no model), ``weights`` (a sentence for each model whose weights are not the original
        ones), ``revisions`` (of each hub model the commit that was read), ``parameters``, ``date`` (UTC), ``commit``,
        ``python``, ``packages``.
    """
    model = parameters.get("model")
    return {
        "chapter": chapter,
        "model": model,
        "model_label": _model_label(model),
        "weights": _weights_notes(parameters),
        "revisions": _revisions(parameters),
        "parameters": dict(parameters),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "python": python_version(),
        "packages": versions(),
    }


def _model_label(model: str | None) -> str | None:
    if model is None:
        return None
    from emotion_utils.models.registry import resolve_model

    return resolve_model(model).label


def _weights_notes(parameters: Mapping[str, Any]) -> list[str]:
    from emotion_utils.models.registry import weights_note

    return [note for name in model_names(parameters) if (note := weights_note(name))]


def _revisions(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The commit of each hub model, as the execution left it in the cache of Hugging Face."""
    from emotion_utils.models.registry import resolve_model

    found = {}
    for name in model_names(parameters):
        ref = resolve_model(name)
        if ref.source == "hub":
            from emotion_utils.hub.snapshots import cached_commit

            found[name] = cached_commit(ref.location, ref.revision) or "unknown"
    return found


if __name__ == "__main__":
    sys.exit(main())
