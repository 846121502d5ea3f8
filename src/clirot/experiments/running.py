"""Running cells: one after the other, or several at a time in processes of their own.

A cell that is done is found done by its verb. One that fails does not stop those that do not need
it: what it stopped is named at the end.
"""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.cluster.settings import ClusterSettings
from clirot.errors import ClirotError, PartlyDoneError
from clirot.experiments.making import make
from clirot.records import ProgressSink, Step, silent
from clirot.store import Store

if TYPE_CHECKING:
    from clirot.experiments.cells import Cell

Told = Callable[[str], None]
"""Takes a remark that a person should read."""


@dataclass
class Running:
    """A run over cells."""

    cells: Mapping[str, Cell]
    """Key -> cell, what a cell needs before it."""
    store: Store
    jobs: int
    """Processes."""
    replace: bool
    progress: ProgressSink = silent
    told: Told = field(default=lambda _: None)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    """What makes the cells in place of processes here, where one is named."""
    failed: dict[str, str] = field(default_factory=dict)
    """Key of a cell -> why it could not be made."""
    stopped: set[str] = field(default_factory=set)
    """Keys of cells that need one that could not be made."""

    def run(self) -> None:
        """Make all cells.

        Raises:
            PartlyDoneError: some could not be made; the others are.
        """
        clock = _Clock(self.cells, self.store, self.progress)
        if self.cluster.ray is not None:
            outcomes = self._on_cluster()
        else:
            outcomes = self._alone() if self.jobs == 1 else self._in_processes()
        for key, seconds, notes in outcomes:
            for note in dict.fromkeys(notes):
                self.told(note)
            clock.done(key, seconds)
        if self.failed:
            more = f"\n  and {len(self.stopped)} that need them" if self.stopped else ""
            raise PartlyDoneError(
                f"{len(self.failed)} of {len(self.cells)} cells could not be made:\n"
                + "\n".join(f"  {key}: {why}" for key, why in self.failed.items())
                + more,
                hint="the rest is made; the same command again tries these again",
            )

    def _alone(self) -> Iterator[tuple[str, float, list[str]]]:
        for key, cell in self.cells.items():
            if self._stopped(cell):
                continue
            started = time.monotonic()
            try:
                notes = make(cell, self.store, replace=self.replace, progress=self.progress)
            except ClirotError as error:
                self.failed[key] = str(error)
                continue
            yield key, time.monotonic() - started, notes

    def _in_processes(self) -> Iterator[tuple[str, float, list[str]]]:
        import multiprocessing

        # Not forked: torch and its threads do not survive that.
        context = multiprocessing.get_context("spawn")
        threads = max(1, (os.cpu_count() or 1) // self.jobs)
        with ProcessPoolExecutor(
            self.jobs, mp_context=context, initializer=_begin, initargs=(threads,)
        ) as pool:
            try:
                yield from self._together(pool.submit)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _on_cluster(self) -> Iterator[tuple[str, float, list[str]]]:
        from clirot.cluster.connection import check, connected

        if all(cell.there(self.store) for cell in self.cells.values()):
            yield from self._alone()
            return
        check(self.cluster)
        with connected(self.cluster, self.store.home) as cluster:
            for outcome in self._together(cluster.submit):
                cluster.look()
                yield outcome

    def _together(
        self, submit: Callable[..., Future[tuple[float, list[str]]]]
    ) -> Iterator[tuple[str, float, list[str]]]:
        waiting = dict(self.cells)
        busy: dict[Future[tuple[float, list[str]]], str] = {}
        done: set[str] = set()
        while waiting or busy:
            for key, cell in list(waiting.items()):
                if self._stopped(cell):
                    del waiting[key]
                elif all(one in done or one not in self.cells for one in cell.after):
                    del waiting[key]
                    busy[submit(_work, cell, self.store.home, self.replace)] = key
            finished, _ = wait(busy, return_when=FIRST_COMPLETED)
            for future in finished:
                key = busy.pop(future)
                outcome = self._outcome(key, future)
                if outcome is not None:
                    done.add(key)
                    yield key, *outcome

    def _outcome(
        self, key: str, future: Future[tuple[float, list[str]]]
    ) -> tuple[float, list[str]] | None:
        try:
            return future.result()
        except ClirotError as error:
            self.failed[key] = str(error)
        except BrokenProcessPool:
            raise PartlyDoneError(
                f"a process ended without a word while {key} was made, as when memory is short",
                hint="fewer `jobs`; the same command again goes on",
            ) from None
        return None

    def _stopped(self, cell: Cell) -> bool:
        """Whether something that the cell needs could not be made, so that it cannot either."""
        stopped = any(key in self.failed or key in self.stopped for key in cell.after)
        if stopped:
            self.stopped.add(cell.key)
        return stopped


class _Clock:
    """Progress over cells, with the time that is left as far as it can be told.

    The time is that of the cells of a stage that were made in this run, times those of the stage
    that are left. What was there already costs next to nothing and is not counted.
    """

    def __init__(self, cells: Mapping[str, Cell], store: Store, progress: ProgressSink) -> None:
        self._cells, self._progress = cells, progress
        self._left: dict[str, list[str]] = defaultdict(list)
        for key, cell in cells.items():
            if not cell.there(store):
                self._left[cell.stage].append(key)
        self._took: dict[str, list[float]] = defaultdict(list)
        self._done = 0
        self._tell()

    def done(self, key: str, seconds: float) -> None:
        """A cell is made, in so many seconds."""
        stage = self._cells[key].stage
        self._done += 1
        if key in self._left[stage]:
            self._left[stage].remove(key)
            self._took[stage].append(seconds)
        self._tell()

    def _tell(self) -> None:
        left = [stage for stage, keys in self._left.items() if keys]
        minutes: Sequence[tuple[str, float]] = ()
        if all(self._took[stage] for stage in left):
            seconds = sum(
                len(self._left[stage]) * sum(self._took[stage]) / len(self._took[stage])
                for stage in left
            )
            minutes = (("minutes left", round(seconds / 60, 1)),)
        total = len(self._cells)
        self._progress(Step("cells", self._done, total, figures=tuple(minutes), unit="cells"))


def _begin(threads: int) -> None:
    """Share the processor's cores out, and end when the first process ends, however it does."""
    import multiprocessing
    import threading

    # Of an interrupt only the first process speaks; these end without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    import torch

    first = multiprocessing.parent_process()
    assert first is not None

    def follow() -> None:
        first.join()
        os._exit(1)  # what the store holds is whole or not there at every moment

    # A pool's process does not notice by itself that the first one was killed: it waits for ever.
    threading.Thread(target=follow, daemon=True).start()
    # Who has asked for fewer threads keeps them.
    torch.set_num_threads(min(threads, torch.get_num_threads()))


def _work(cell: Cell, home: Path, replace: bool) -> tuple[float, list[str]]:
    """Make a cell in a process of its own; what clirot warns of comes back as remarks."""
    import warnings

    from clirot.errors import ClirotWarning

    started = time.monotonic()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ClirotWarning)
        notes = make(cell, Store(home), replace=replace)
    told = [str(one.message) for one in caught if issubclass(one.category, ClirotWarning)]
    return time.monotonic() - started, [*told, *notes]
