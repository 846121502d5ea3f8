"""Fixtures for every test: a store of its own, and the real data where present."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from killing import Attempt, nursery
from tiny_hub import Hub
from tiny_model import save_bitext, save_tiny_model
from warm_commands import warm_commands

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a test that reaches for a model hub is a defect
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CLIROT_HOME of the test's own; no mirror, no models or ir_datasets home of the user's."""
    path = tmp_path / "home"
    monkeypatch.setenv("CLIROT_HOME", str(path))
    from huggingface_hub import constants

    # What a student starts from depends on the models in the cache.
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "irds"))
    monkeypatch.delenv("CLIROT_MIRROR", raising=False)
    monkeypatch.setenv("CLIROT_OFFLINE", "0")  # whatever the environment of the tests says
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real corpora and collections, which CI has and a user's checkout has not."""
    if not _SHARED.is_dir():
        pytest.skip("the real corpora of ../shared/data are not here")
    return _SHARED


@pytest.fixture
def mirror(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``CLIROT_MIRROR`` set to the real upstream files."""
    path = shared_data / "upstream"
    monkeypatch.setenv("CLIROT_MIRROR", str(path))
    return path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """An empty Hub."""
    import huggingface_hub

    hub = Hub()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    return hub


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a tiny English teacher."""
    return save_tiny_model(tmp_path_factory.mktemp("teacher") / "tiny", seed=4)


@pytest.fixture
def bitext(tmp_path: Path) -> Path:
    """A bitext file from which a tiny student can learn."""
    return save_bitext(tmp_path / "pairs.tsv")


@pytest.fixture(scope="session")
def commands() -> Iterator[Path]:
    """A directory with a ``clirot`` that is this interpreter's."""
    # A socket's path may have some hundred characters only, and pytest's directories have more.
    with TemporaryDirectory(prefix="clirot-") as folder, warm_commands(Path(folder)):
        yield Path(folder)


@pytest.fixture(scope="session")
def attempt() -> Iterator[Attempt]:
    """Runs a command and kills it where that is wanted."""
    with nursery() as run:
        yield run


@pytest.fixture
def shell(commands: Path) -> dict[str, str]:
    """An environment with that command."""
    return os.environ | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
