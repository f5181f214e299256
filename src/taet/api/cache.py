"""Data sets by name in any folder: each is downloaded once, into a cache that all folders share."""

import contextlib
import os
from pathlib import Path

from taet.api import arguments
from taet.errors import UserError
from taet.study.plan.study import Study
from taet.study.run.runner import is_current, run_job

VARIABLE = "TAET_CACHE"


def cache_folder(folder: str | Path | None) -> Path:
    """The folder of the cache: the given one, or ``TAET_CACHE``, or ``taet`` in the user's cache folder."""
    user = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    given = None if folder is None else arguments.path("cache", folder, "a folder")
    return Path(given or os.environ.get(VARIABLE) or Path(user, "taet")).expanduser().absolute()


def cache_images(study: Study, dataset: str, folder: Path) -> None:
    """Put the images of a data set under ``folder``, as the stage ``download`` does, unless they are there.

    Raises:
        UserError: the download fails, or the folder cannot be written to; paths in it are below the folder.
    """
    job = Study(study.params, folder=folder).job("download", dataset=dataset)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.chdir(folder):
            if not is_current(job):
                run_job(job)
    except UserError as error:
        raise UserError(f"{folder}: {error}") from None
    except OSError as error:
        raise UserError(
            f"{error.filename}: {error.strerror}; name another folder: cache=..., or {VARIABLE}"
        ) from None
