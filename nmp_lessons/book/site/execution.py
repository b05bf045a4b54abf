"""Runs chapters before Sphinx reads them: two at a time, and only if their results may have changed.

MyST-NB caches the outputs of a chapter by its code. That alone would miss a change in the code that it *calls*. So
the build records for each chapter what its run reached (`nmp_lessons.book.reach`): modules, checkpoints, tables, the
exercises' code. The chapter runs again if one of these or the lock file has changed; changes of comments, docstrings
and layout don't count.
"""

import ast
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from .. import reach
from ..answers.source import INCLUDE, exercises, expanded

logger = logging.getLogger(__name__)

LOCK = "requirements.lock"
AT_ONCE = 2
SEED = re.compile(r"-\d+\.json$")  # at the end of the name of a run's record
QUIET = ["--IPKernelApp.log_level=ERROR"]  # a kernel on a TCP port warns that it can be overheard


def setup(app: Sphinx) -> None:
    os.environ["NMP_LESSONS_STATIC"] = "1"  # chapters' kernels inherit it: explorables then need no kernel
    app.connect("config-inited", _place_the_cache)
    app.connect("env-get-outdated", _outdated)
    app.connect("env-before-read-docs", _execute_ahead)


def _place_the_cache(app: Sphinx, config) -> None:
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".executed")


def _outdated(app: Sphinx, env, added, changed, removed) -> list[str]:
    """The pages that Sphinx must read again although their source hasn't changed."""
    folder = Path(app.config.nb_execution_cache_path)
    return [page for page in env.found_docs if _must_run(Path(env.doc2path(page)), folder)]


def _execute_ahead(app: Sphinx, env, docnames: list[str]) -> None:
    """Fill the cache from which MyST-NB then takes every chapter; report all failures together."""
    folder, timeout = Path(app.config.nb_execution_cache_path), app.config.nb_execution_timeout
    waiting = [path for path in map(Path, map(env.doc2path, docnames)) if _must_run(path, folder)]
    waiting.sort(key=lambda path: path.stat().st_size, reverse=True)  # long ones first, so that all cores end together
    failed = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {pool.submit(_execute, path, timeout=timeout): path for path in waiting}
        for run in as_completed(runs):
            path, result = runs[run], run.result()
            if result.err is None:
                _keep(path, result, folder)
            else:
                failed.append(f"{path}: {result.err}")
    if failed:
        raise ExtensionError("\n".join(sorted(failed)))


def notebook(path: Path) -> nbformat.NotebookNode | None:
    """A page with its exercises as MyST-NB will read it; None for a page without code."""
    text = path.read_text("utf8")
    return read_myst_markdown_notebook(expanded(text), path=path) if is_myst_markdown_notebook(text) else None


def _must_run(path: Path, folder: Path) -> bool:
    if not is_myst_markdown_notebook(path.read_text("utf8")):
        return False
    try:
        kept = json.loads(_record(path, folder).read_text("utf8"))
        source, before, reached = kept["source"], kept["fingerprint"], kept["reached"]
    except (OSError, ValueError, KeyError, TypeError):  # none yet, cut off, or written by another version
        return True
    if fingerprint(reached) != before:
        return True
    if _source(path) == source:  # else perhaps only words have changed
        return False
    chapter = notebook(path)
    try:
        if chapter is not None:
            get_cache(str(folder)).match_cache_notebook(chapter)
    except KeyError:
        return True
    _write_record(path, reached, folder)
    return False


def _source(path: Path) -> str:
    """A hash of what a page is made of: its file, the exercises that it takes in, and whose numbers they have."""
    text = path.read_text("utf8")
    parts = [text, *(exercises(slug).read_text("utf8") for _, slug in INCLUDE.findall(text))]
    parts += [os.environ.get(name, "") for name in ("NMP_LESSONS_SEED", "NMP_LESSONS_STUDENT")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _execute(path: Path, *, timeout: int) -> ExecutionResult:
    """The outputs of a chapter's cells, and of a last cell that says what they reached."""
    chapter = notebook(path)
    if chapter is None:
        raise ExtensionError(f"{path}: contains no code to run.")
    first, last = (nbformat.v4.new_code_cell(code) for code in (reach.BEGIN, reach.END))
    chapter.cells = [first, *chapter.cells, last]
    with tempfile.TemporaryDirectory() as scratch:
        return single_nb_execution(chapter, cwd=scratch, timeout=timeout, allow_errors=False, extra_arguments=QUIET)


def _keep(path: Path, result: ExecutionResult, folder: Path) -> None:
    """Remove the two extra cells, and store the outputs in the cache, beside the list of what was reached."""
    *result.nb.cells, last = result.nb.cells[1:]
    reached = json.loads("".join(output["text"] for output in last["outputs"]))
    bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
    get_cache(str(folder)).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    _write_record(path, reached, folder)
    logger.info("executed %s in %.1f s", path.stem, result.time)


def _write_record(path: Path, reached: list[str], folder: Path) -> None:
    kept = {"source": _source(path), "fingerprint": fingerprint(reached), "reached": reached}
    _record(path, folder).parent.mkdir(exist_ok=True)
    _record(path, folder).write_text(json.dumps(kept, indent=0), "utf8")


def _record(path: Path, folder: Path) -> Path:
    return folder / "reached" / f"{path.stem}.json"


def fingerprint(paths: Collection[str], *, root: Path = reach.ROOT) -> str:
    """Sixteen hexadecimal digits that change when the meaning of a file does.

    Parameters
    ----------
    paths
        Relative to `root`; the lock file counts as one of them.
    root
        The folder that contains ``nmp_lessons``, ``exercises`` and ``requirements.lock``.
    """
    digest = hashlib.sha256()
    for path in sorted({*paths, *_other_seeds(paths, root), LOCK}):
        digest.update(f"{path}\0{_meaning(root / path)}\0".encode())
    return digest.hexdigest()[:16]


def _other_seeds(paths: Collection[str], root: Path) -> set[str]:
    """The records of all seeds of the runs of which one was reached: a chapter takes in whichever are there."""
    runs = {SEED.sub("-[0-9]*.json", path) for path in paths if SEED.search(path)}
    return {found.relative_to(root).as_posix() for run in runs for found in root.glob(run)}


@cache
def _meaning(path: Path) -> str:
    """A hash of a file's bytes; for Python, of its syntax tree without docstrings."""
    if not path.exists():
        return "missing"
    content = path.read_bytes()
    if path.suffix in (".py", ".pyi"):
        content = ast.dump(_without_docstrings(ast.parse(content))).encode()
    return hashlib.sha256(content).hexdigest()


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body[0] = ast.Pass()
    return tree
