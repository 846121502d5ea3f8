"""The documents that another system found, which alone are scored: the second stage of a search."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clirot.counted import counted
from clirot.errors import InputError
from clirot.records import Topic
from clirot.retrieval.counted_ids import CountedIds
from clirot.runs import SAVED_RUN, Run, read_run
from clirot.store import MANIFEST, Input


@dataclass
class Matched(CountedIds):
    """How the candidates fit what is searched; the counts are kept with a saved run."""

    topics_without_candidates: int = 0
    """Topics that the run lacks, or of which no candidate is in the index: they find nothing."""
    candidates_not_in_index: int = 0
    candidate_topics_not_asked: int = 0
    """Topics of the run that are not searched for."""


@dataclass
class Candidates:
    """A run whose documents are scored anew, topic by topic."""

    run: Run
    matched: Matched = field(default_factory=Matched)

    @classmethod
    def read(cls, path: str) -> Candidates:
        """Read them from a run. One that the store keeps is called as it is there.

        Args:
            path: a file, or ``-`` for standard input.

        Raises:
            InputError: it cannot be read.
        """
        file = Path(path)
        kept = file.name == SAVED_RUN and (file.parent / MANIFEST).is_file()
        return cls(read_run(path, name=file.parent.name if kept else None))

    def among(self, topics: Sequence[Topic], documents: Container[str]) -> list[list[str]]:
        """The candidates of each topic, as far as they are in the index. Counts the others.

        Args:
            topics: those that are searched for.
            documents: those of the index.

        Raises:
            InputError: there is no candidate for any of the topics, or none is in the index.
        """
        self.matched = Matched()
        found, listed = [], 0
        for topic in topics:
            docnos = list(self.run.documents(topic.id))
            known = [docno for docno in docnos if docno in documents]
            listed += len(docnos)
            if len(known) < len(docnos):
                for docno in docnos:
                    if docno not in documents:
                        self.matched.count("candidates_not_in_index", docno)
            if not known:
                self.matched.count("topics_without_candidates", topic.id)
            found.append(known)
        asked = {topic.id for topic in topics}
        for one in self.run.topics:
            if one not in asked:
                self.matched.count("candidate_topics_not_asked", one)
        if not listed:
            raise InputError(
                f"run {self.run.name} has candidates for none of the {len(topics)} topics: it has "
                f"topic {self.run.topics[0]!r}, and the first that is asked is {topics[0].id!r}",
                hint="the candidates must be found for the same topics",
            )
        if not any(found):
            raise InputError(
                f"run {self.run.name}: none of its candidates is a document of the index, such as "
                f"{self.matched.ids['candidates_not_in_index'][0]!r}",
                hint="the candidates must be found in the same documents",
            )
        return found

    def remarks(self) -> tuple[str, ...]:
        """What a person should know of how the candidates fit."""
        name, matched = self.run.name, self.matched
        said = []
        if matched.topics_without_candidates:
            what = "topics_without_candidates"
            said.append(
                f"run {name} has no candidates for {matched.topics_without_candidates:,} of the "
                f"topics, which find nothing: {matched.named(what)}"
            )
        if matched.candidates_not_in_index:
            left_out = counted(
                matched.candidates_not_in_index,
                "candidate that is no document",
                "candidates that are no documents",
            )
            said.append(
                f"run {name}: left out {left_out} of the index: "
                f"{matched.named('candidates_not_in_index')}"
            )
        if matched.candidate_topics_not_asked:
            ignored = counted(
                matched.candidate_topics_not_asked, "of its topics is", "of its topics are"
            )
            said.append(
                f"run {name}: {ignored} not searched for: "
                f"{matched.named('candidate_topics_not_asked')}"
            )
        return tuple(said)

    def counts(self) -> dict[str, int]:
        """The counts, for a manifest."""
        return {name: value for name, value in vars(self.matched).items() if name != "ids"}

    def as_input(self) -> Input:
        """What a saved run names; the order and the scores of the candidates change nothing."""
        from clirot.collection.collection import content_digest

        run = self.run
        listed = ((topic, " ".join(sorted(run.documents(topic)))) for topic in sorted(run.topics))
        return Input(kind="candidates", name=run.name, digest=content_digest(listed))
