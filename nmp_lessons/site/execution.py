"""Chapters run before Sphinx reads them: two at a time, and only when their result may have changed.

MyST-NB keeps the outputs of a chapter under its code. That alone would hide that the code it *calls* has
changed, so the cache's folder is named after a fingerprint of everything a chapter may call: the package
(without this extension), the exercises' code, the checkpoints and the lock file.
"""

import hashlib
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from nmp_lessons.answers import expanded

from ..answers.source import expanded

logger = logging.getLogger(__name__)

CALLED = [
    "nmp_lessons/**/*.py",
    "nmp_lessons/**/*.csv",
    "nmp_lessons/**/*.mplstyle",
    "nmp_lessons/checkpoints/*",
    "exercises/**/*.py",
]
AT_ONCE = 2
QUIET = ["--IPKernelApp.log_level=ERROR"]  # a kernel on a TCP port warns that it can be overheard


def fingerprint(root: Path) -> str:
    """Sixteen hexadecimal digits that change when anything changes that a chapter may call.

    Parameters
    ----------
    root : the folder that holds ``nmp_lessons``, ``exercises`` and ``requirements.lock``
    """
    found = {path for pattern in CALLED for path in root.glob(pattern) if path.is_file()}
    found = {path for path in found if "site" not in path.relative_to(root).parts}
    found.add(root / "requirements.lock")
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def setup(app: Sphinx) -> None:
    os.environ["NMP_LESSONS_STATIC"] = "1"  # chapters' kernels inherit it: explorables then need no kernel
    app.connect("config-inited", _name_the_cache)
    app.connect("env-before-read-docs", _execute_ahead)


def _name_the_cache(app: Sphinx, config) -> None:
    kept = Path(app.outdir).parent / ".executed"
    current = kept / fingerprint(Path(app.srcdir).parent)
    for old in kept.glob("*"):
        if old != current:
            shutil.rmtree(old)
    config.nb_execution_cache_path = str(current)


def _execute_ahead(app: Sphinx, env, docnames: list[str]) -> None:
    """Fill the cache from which MyST-NB then takes every chapter; say all that failed at once."""
    cache = get_cache(app.config.nb_execution_cache_path)
    timeout = app.config.nb_execution_timeout
    waiting = [path for path in map(Path, map(env.doc2path, docnames)) if _must_run(path, cache)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda path: _execute(path, timeout=timeout), waiting))
    for path, result in zip(waiting, results):
        if result.err is None:
            bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            logger.info("executed %s in %.1f s", path.stem, result.time)
    failed = [f"{path}: {result.err}" for path, result in zip(waiting, results) if result.err]
    if failed:
        raise ExtensionError("\n".join(failed))


def _text(path: Path) -> str:
    """The chapter with its exercises, as MyST-NB will read it."""
    return expanded(path.read_text("utf8"))


def _must_run(path: Path, cache) -> bool:
    text = expanded(path.read_text("utf8"))
    if not is_myst_markdown_notebook(text):
        return False
    try:
        cache.match_cache_notebook(read_myst_markdown_notebook(text, path=path))
    except KeyError:
        return True
    return False


def _execute(path: Path, *, timeout: int) -> ExecutionResult:
    notebook = read_myst_markdown_notebook(expanded(path.read_text("utf8")), path=path)
    with tempfile.TemporaryDirectory() as folder:
        return single_nb_execution(notebook, cwd=folder, timeout=timeout, allow_errors=False, extra_arguments=QUIET)
