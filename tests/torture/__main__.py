"""``python -m torture``: the campaign, and its table; exit code 1 where something went wrong."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Protocol

from torture import warm
from torture.broken_drafts import BrokenDrafts
from torture.disk_faults import DiskFaults
from torture.fuzzing import Fuzzing
from torture.hostile_models import HostileModels
from torture.kills import Kills
from torture.mutations import Mutations
from torture.odd_names import OddNames
from torture.place import Place
from torture.races import Races
from torture.tally import Tally, header
from torture.tampering import Tampering

SHARES = {
    "kills": 0.30,
    "disk": 0.14,
    "tampering": 0.16,
    "drafts": 0.06,
    "manifests": 0.05,
    "races": 0.06,
    "models": 0.06,
    "names": 0.06,
    "inputs": 0.11,
}
"""Part -> its share of the time."""
SHORT = {
    "kills": 8,
    "disk": 4,
    "tampering": 8,
    "drafts": 1,
    "manifests": 4,
    "races": 2,
    "models": 7,
    "names": 14,
    "inputs": 20,
}
"""Part -> how many cases the short form tries."""

_SHOWN = 40  # findings


class Part(Protocol):
    """Tries one case after another."""

    def case(self, draw: Random, tally: Tally) -> None: ...


def parts(place: Place, *, short: bool) -> dict[str, Part]:
    """The parts of a campaign."""
    kills = Kills(place, short=short)
    return {
        "kills": kills,
        "disk": DiskFaults(kills),
        "tampering": Tampering(place),
        "drafts": BrokenDrafts(kills, short=short),
        "manifests": Mutations(place, short=short),
        "races": Races(place, short=short),
        "models": HostileModels(place),
        "names": OddNames(place),
        "inputs": Fuzzing(place, short=short),
    }


def campaign(options: argparse.Namespace, folder: Path) -> Iterator[Tally]:
    """Run the parts that are wanted; gives the tally of each."""
    place = Place(folder)
    for name, part in parts(place, short=options.short).items():
        if options.part not in (None, name):
            continue
        tally = Tally(name, options.seed)
        share = 1.0 if options.part else SHARES[name]
        until = time.monotonic() + options.minutes * 60 * share
        number = options.case or 0
        while True:
            tally.number = number
            part.case(Random(f"{options.seed} {name} {number}"), tally)
            number += 1
            if options.case is not None:
                break
            if number >= SHORT[name] if options.short else time.monotonic() >= until:
                break
        yield tally


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of all parts together (10)")
    parser.add_argument("--seed", type=int, default=0, help="decides every case (0)")
    parser.add_argument("--part", choices=SHARES, help="this part only, for all the time")
    parser.add_argument("--case", type=int, help="this case of the part only")
    parser.add_argument("--short", action="store_true", help="some cases of each part")
    options = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "CLIROT_OFFLINE": "1"}
    warm.load()
    print(f"seed {options.seed}, Python {platform.python_version()}, {platform.platform()}")
    print(header(), flush=True)
    findings = []
    with TemporaryDirectory(prefix="torture-") as folder:
        for tally in campaign(options, Path(folder)):
            print(tally.row(), flush=True)
            findings += tally.findings
    for one in findings[:_SHOWN]:
        print(one)
    if len(findings) > _SHOWN:
        print(f"and {len(findings) - _SHOWN:,} more")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
