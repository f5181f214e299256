"""The parameters of a call, and where its data sets are: a project's own, or the package's and a cache."""

import re
from pathlib import Path

from taet.api import arguments
from taet.api.cache import cache_folder
from taet.source_code import PACKAGE
from taet.study.params.blocks import Params
from taet.study.params.load import PARAMS_FILE, load_common, load_params
from taet.study.params.selection import Selection
from taet.study.plan.study import Study, load_study

OWN_PARAMETERS = PACKAGE / "params.yaml"  # a copy in a wheel, in the repository a link
OURS = re.compile(r"""^["']?(studies|datasets)["']?\s*:""", re.MULTILINE)  # keys at the top


def study_of_images(study: str | None, parameters: str | Path | None) -> Study:
    """The parameters for a user's own images: those of a file, or the package's own.

    Args:
        study: its name; None for the common values, of a given file for its own ``study``.
        parameters: the file; None for the package's own.
    """
    file = _path(parameters)
    if study is None and file is None:
        return Study(load_common(OWN_PARAMETERS))
    return Study(load_params(file or OWN_PARAMETERS, study))


def study_of_data_set(
    study: Selection | str | None, parameters: str | Path | None, cache: str | Path | None
) -> tuple[Study, Path | None, list[Path]]:
    """The parameters for a data set by name, the cache if it is used, and the folders to search.

    Args:
        study: its name, or how a command asks for it; None for the file's own ``study``.
        parameters: the file; None for ``params.yaml`` in the working folder, if it is one of this package,
            otherwise the package's own.
        cache: the folder; None for the usual one, if neither the working folder nor the call has parameters.
    """
    file, cached, folders = _sources(parameters, cache)
    return load_study(file, study), cached, folders


def common_of_data_set(
    parameters: str | Path | None, cache: str | Path | None
) -> tuple[Params, Path | None, list[Path]]:
    """The same with the common values of the parameters, of no study."""
    file, cached, folders = _sources(parameters, cache)
    return load_common(file), cached, folders


def _sources(
    parameters: str | Path | None, cache: str | Path | None
) -> tuple[Path, Path | None, list[Path]]:
    """The parameter file, the cache if it is used, and the folders to search for data sets."""
    file = _path(parameters)
    own = file or (PARAMS_FILE if _is_project() else None)
    if cache is not None or own is None:
        folder = cache_folder(cache)
        return own or OWN_PARAMETERS, folder, [folder]
    return own, None, [own.parent, Path()]


def _path(parameters: str | Path | None) -> Path | None:
    return None if parameters is None else arguments.path("parameters", parameters)


def _is_project() -> bool:
    """Whether the working folder has parameters of this package; other programs call theirs so too."""
    if not PARAMS_FILE.is_file():
        return PARAMS_FILE.exists()
    try:
        text = PARAMS_FILE.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return True  # who reads the parameters says why they cannot be read
    return OURS.search(text) is not None
