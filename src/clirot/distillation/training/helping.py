"""What a process does that was not launched first: it helps to train, and writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clirot.errors import ClirotError

if TYPE_CHECKING:
    from clirot.distillation.training.lesson import Lesson
    from clirot.processes import Processes


def help_first(together: Processes) -> bool:
    """Help the first process to train; False where there was nothing to train.

    Raises:
        ClirotError: this process does not see what the first one wrote.
    """
    begin: Path | None = together.agree()
    if begin is None:
        return False
    if not begin.is_dir():
        raise ClirotError(
            f"this process does not see {begin}, which the first process wrote",
            hint="all processes of a training must share CLIROT_HOME",
        )
    from clirot.distillation.training.trainer import train
    from clirot.encoding.encoders import load_model

    task: Lesson = together.agree()
    train(load_model(begin), task, {}, processes=together)
    together.agree()
    return True
