"""The digits under the protocol of params.yaml."""

from pathlib import Path

import pytest

from taet.claims.images import ImageLists
from taet.study.params.load import load_common
from tests.conftest import ROOT


@pytest.fixture(scope="session")
def lists(tmp_path_factory: pytest.TempPathFactory) -> ImageLists:
    cache: Path = tmp_path_factory.mktemp("cache")
    return ImageLists(load_common(ROOT / "params.yaml"), [cache], cache)
