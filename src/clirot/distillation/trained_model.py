"""What every training gives: a model in the registry, and the epoch that was kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clirot.store import Artefact


@dataclass(frozen=True)
class TrainedModel:
    """A model that was trained here, whatever it learnt from."""

    artefact: Artefact
    fresh: bool
    """False where it was there already."""
    tensorboard: Path | None = None
    """Directory of the reports for TensorBoard, where there are any."""

    @property
    def name(self) -> str:
        """Its name in the model registry."""
        return self.artefact.name

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights were kept; 0 is the model before training."""
        return int(self.artefact.manifest.results["best_epoch"])
