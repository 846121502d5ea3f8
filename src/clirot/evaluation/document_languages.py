"""Which judgements hold, where they differ with the language of the documents.

The same documents in two languages are judged alike, and then nothing here is needed. They are not
where they were cut otherwise: XQuAD's paragraphs have other sentences in Russian than in Greek.
"""

from __future__ import annotations

from collections.abc import Sequence

from clirot.collection import Collection
from clirot.errors import UsageError
from clirot.runs import NamedRun


def as_searched(
    collection: Collection, every: Sequence[Collection], runs: Sequence[NamedRun]
) -> tuple[Collection, tuple[str, ...]]:
    """The collection with the judgements of the documents that runs were found in.

    Runs that the store keeps tell the language of their documents. Where none does and none was
    chosen, the collection is left as it is, and reading its judgements is an error.

    Args:
        collection: as it was opened, with or without a language of its documents.
        every: the same once for each language of its documents.
        runs: that are to be judged.

    Returns:
        The collection, and remarks for the person.

    Raises:
        UsageError: the runs were found in documents of several languages.
    """
    chosen = collection.document_language
    found = _found_in(every, runs)
    if chosen is not None:
        others = {name: one for name, one in found.items() if one != chosen}
        notes = [
            f"{name} was found in documents in {language}, and is judged as if in {chosen}"
            for name, language in others.items()
        ]
        return collection, tuple(notes)
    languages = sorted(set(found.values()))
    if len(languages) > 1:
        listed = ", ".join(f"{name} in {language}" for name, language in found.items())
        raise UsageError(
            "the runs were found in documents of several languages, which have judgements of "
            f"their own: {listed}",
            hint="evaluate the runs of each language by themselves",
        )
    if not languages:
        return collection, ()
    known = ", ".join(found)
    rest = len(runs) - len(found)
    note = f"the judgements are those of documents in {languages[0]}, in which {known} was found"
    if rest:
        note += f"; nothing says it of {rest} other run{'s' * (rest > 1)}"
    return next(one for one in every if one.document_language == languages[0]), (note,)


def _found_in(every: Sequence[Collection], runs: Sequence[NamedRun]) -> dict[str, str]:
    """Name of a kept run -> the language of the documents it was found in."""
    known = [run for run in runs if run.documents is not None]
    if not known:
        return {}
    of_digest = {one.digest: one.document_language for one in every}
    return {
        str(run.name): language
        for run in known
        if (language := of_digest.get(str(run.documents))) is not None
    }
