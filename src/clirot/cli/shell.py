"""The cells of an experiment as plain shell commands, one a line.

Options are written from the settings of a configuration, those that have their default left out, so
that a command makes what the cell makes: a test reads every line back.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clirot.bitext.table_config import TableConfig
from clirot.cli.wording import Find
from clirot.distillation.configuration import DistillConfig
from clirot.experiments.cells import Cell
from clirot.experiments.derived_bitext import DerivedBitext
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.perturbation.configuration import PerturbConfig
from clirot.retrieval.searching import SearchConfig
from clirot.retrieval.translation.configuration import TranslateConfig
from clirot.settings import leaves, values
from clirot.store import Store
from clirot.supervision.configuration import TrainConfig

_COMMANDS = {
    DistillConfig: "distill",
    TrainConfig: "train",
    TableConfig: "table",
    IndexConfig: "index",
    PerturbConfig: "perturb",
    TranslateConfig: "translate",
    SearchConfig: "search",
}
"""Configuration -> command."""
_NOWHERE = " > /dev/null"


def command_line(cell: Cell, store: Store, find: Find) -> str:
    """What to type for a cell.

    Args:
        cell: the cell.
        store: where its bitext would be.
        find: from the name of a command to the command.
    """
    if isinstance(cell.configuration, DerivedBitext):
        assert cell.out is not None
        return " && ".join(_of_bitext(cell.configuration, cell.out, store, find))
    words = _words(_COMMANDS[type(cell.configuration)], cell.configuration, find)
    if cell.out is not None:
        return f"mkdir -p {_quoted(cell.out.parent)} && {words} --out {_quoted(cell.out)}"
    if cell.stage == "runs":
        return f"{words} --save {shlex.quote(cell.name)}{_NOWHERE}"
    return words + _NOWHERE


def _of_bitext(made: DerivedBitext, out: Path, store: Store, find: Find) -> Iterator[str]:
    """Fetched, exported, perturbed."""
    home = f"CLIROT_HOME={_quoted(made.apart)} " if made.apart is not None else ""
    yield f"mkdir -p {_quoted(out.parent)}"
    yield f"{home}{_words('fetch-bitext', made.fetch, find)}{_NOWHERE}"
    every = f" --every {made.every}" if made.every > 1 else ""
    plain = made.plain(out)
    yield f"{home}clirot bitext export {shlex.quote(made.artefact)}{every} --out {_quoted(plain)}"
    if made.perturb is not None:
        words = _words("perturb", made.perturbation(plain), find)
        yield f"{words} --out {_quoted(out)}"


def _words(command: str, configuration: Any, find: Find) -> str:
    return shlex.join(["clirot", command, *_options(find(command), configuration)])


def _options(command: Any, configuration: Any) -> Iterator[str]:
    options = {one.name: one for one in command.params}
    pair = getattr(configuration, "pair", None)
    if pair is not None:
        yield from ("--src", pair.src, "--tgt", ",".join(one.tgt for one in pair.pairs))
    chosen = values(configuration)
    for leaf in leaves(type(configuration)):
        value, option = chosen[leaf.name], options.get(leaf.name)
        if option is None or value is None or value == leaf.default:
            continue
        spelled = max(option.opts, key=len)
        if isinstance(value, bool):
            yield spelled if value else max(option.secondary_opts, key=len)
        elif isinstance(value, tuple):
            for one in value:
                yield from (spelled, str(one))
        else:
            yield from (spelled, str(value))


def _quoted(path: Path | None) -> str:
    return shlex.quote(str(path))
