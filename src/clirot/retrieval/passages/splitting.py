"""Split a text into passages: windows of tokens in whole words, or of sentences.

Words and sentences go through a window that grows until the next one does not fit, is given out,
and keeps what the next passage repeats. A text is read block by block, so that one of a hundred
million characters needs no more memory than one of a hundred thousand.

What a passage has in tokens is counted as the encoder will read it, by itself, with its prompt: at
the cut a tokenizer may read other pieces than within the text.

Sentences are those of ICU (Unicode Standard Annex 29, with the exceptions for abbreviations that
CLDR has for the language). It knows the marks of all scripts (``።``, ``।``, ``۔``, ``؟``, ``。``).
Thai, Lao, Khmer and Burmese write none: there a sentence reaches as far as a passage may, and is
split as a long sentence is, by tokens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from clirot.errors import UsageError
from clirot.retrieval.passages.settings import PassageSettings

if TYPE_CHECKING:
    from clirot.encoding.token_counts import TokenCounter

Span = tuple[int, int]
"""First character of a passage in its document's text and the one after the last, in code points.
"""

_BLOCK = 1 << 14
"""Characters that are tokenized together."""
_LONGEST_WORD = 16
"""Tokens of a word that is never cut. What is longer is no word, but writing without spaces."""
_CHARACTERS = 16
"""Of a token at most, with few exceptions: texts that are longer are not tried whole."""
_SENTENCES = 256
"""Sentences that are tokenized together."""


class Piece(NamedTuple):
    """A word or a sentence, which a passage has whole; or a passage."""

    start: int
    end: int
    tokens: int
    """Counted within its text."""

    @property
    def span(self) -> Span:
        """Where it lies."""
        return self.start, self.end


class _Window:
    """Pieces that follow each other: first those that the passage before had too, then new ones."""

    def __init__(self) -> None:
        self.pieces: deque[Piece] = deque()
        self.tokens = 0
        self.new = 0
        """How many are new."""

    @property
    def span(self) -> Span:
        return self.pieces[0].start, self.pieces[-1].end

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.tokens += piece.tokens
        self.new += 1

    def drop_first(self) -> Piece:
        piece = self.pieces.popleft()
        self.tokens -= piece.tokens
        self.new = min(self.new, len(self.pieces))
        return piece

    def drop_last(self) -> Piece:
        piece = self.pieces.pop()
        self.tokens -= piece.tokens
        self.new -= 1
        return piece

    def repeat(self, overlap: int, *, tokens: bool) -> None:
        """Keep the fewest of the last pieces that are ``overlap`` tokens or pieces together."""
        kept = held = 0
        while kept < len(self.pieces) and held < overlap:
            kept += 1
            held += self.pieces[-kept].tokens if tokens else 1
        while len(self.pieces) > kept:
            self.drop_first()
        self.new = 0


class Splitter:
    """Splits texts in one way.

    Args:
        counter: the tokens of the encoder.
        settings: what a passage is.
        language: of the texts, for the marks and abbreviations of its sentences; None: not known.

    Raises:
        UsageError: passages would have more tokens than the encoder reads, or none beside those
            that it puts around each text.
    """

    def __init__(
        self, counter: TokenCounter, settings: PassageSettings, language: str | None
    ) -> None:
        self._counter, self._language, self.settings = counter, language, settings
        self._most, self._overlap = settings.passage_sentences, settings.passage_overlap
        wanted = settings.passage_tokens
        if wanted is not None and wanted > counter.limit:
            raise UsageError(
                f"`passage_tokens` is {wanted:,}, and {counter.name} reads {counter.limit:,} of a "
                "text at most",
                hint=f"`passage_tokens={counter.limit}` is the longest that it reads whole",
            )
        self.longest = counter.limit if wanted is None else wanted
        """Tokens of a passage at most, as the encoder reads it."""
        self._room = self.longest - counter.around
        if self._room < 1:
            raise UsageError(
                f"`passage_tokens` is {self.longest:,}, and {counter.name} puts {counter.around:,} "
                "around every text: a passage would have no text",
                hint="180 is a usual length",
            )

    def passages(self, text: str) -> Iterator[Span]:
        """The passages of a text in their order, without the white space around them.

        A text that is no longer than a passage is one, as it is, and so is an empty text.
        """
        found = self._found(text)
        first, second = next(found, None), next(found, None)
        if first is None or second is None:
            whole = (0, len(text))
            yield whole if first is None or self._fits(text, whole) else first.span
            return
        for piece in chain((first, second), found):
            yield piece.span

    def _found(self, text: str) -> Iterator[Piece]:
        """The passages; none where the whole text is one."""
        if self._most is not None:
            yield from self._packed(text, self._sentences(text), self._overlap, self._most)
        elif len(text) > self.longest * _CHARACTERS or not self._fits(text, (0, len(text))):
            yield from self._packed(text, self._words(text, 0, len(text)), self._overlap)

    def _excess(self, text: str, span: Span) -> int:
        """Tokens that the encoder would not read of a part of a text; negative: room for more."""
        return self._counter.count(text[slice(*span)]) - self.longest

    def _fits(self, text: str, span: Span) -> bool:
        return self._excess(text, span) <= 0

    def _packed(
        self, text: str, pieces: Iterable[Piece], overlap: int, most: int | None = None
    ) -> Iterator[Piece]:
        """Pieces put together to passages that are as long as they may be.

        Args:
            text: where the pieces are.
            pieces: in their order; none has more tokens than a passage may.
            overlap: what a passage repeats: pieces where ``most`` is given, else tokens.
            most: pieces of a passage; None: any number.
        """
        source = iter(pieces)
        back: list[Piece] = []  # taken from the source and given back, the next one last
        window = _Window()
        while True:
            piece = back.pop() if back else next(source, None)
            if piece is not None:
                roomy = window.tokens + piece.tokens <= self._room
                if not window.pieces or (roomy and len(window.pieces) != most):
                    window.add(piece)
                    continue
                back.append(piece)
            if window.new:
                back.extend(self._shortened(text, window))
                yield from self._given(text, window)
                window.repeat(overlap, tokens=most is None)
            elif piece is not None:  # what is repeated leaves no room for it
                window.drop_first()
            else:
                return

    def _shortened(self, text: str, window: _Window) -> Iterator[Piece]:
        """Make a window as short as it must be; gives back new pieces, the last one first."""
        while len(window.pieces) > 1 and (excess := self._excess(text, window.span)) > 0:
            while len(window.pieces) > 1 and excess > 0:
                if window.new > 1:
                    piece = window.drop_last()
                    yield piece
                else:
                    piece = window.drop_first()
                excess -= piece.tokens

    def _given(self, text: str, window: _Window) -> Iterator[Piece]:
        if len(window.pieces) > 1:
            yield Piece(*window.span, window.tokens)
        else:
            yield from self._halved(text, window.pieces[0])

    def _halved(self, text: str, piece: Piece) -> Iterator[Piece]:
        """A piece; in halves where it has too many tokens by itself, as a rare word may have."""
        start, end, tokens = piece
        if end - start < 2 or self._fits(text, piece.span):
            yield piece
            return
        middle = (start + end) // 2
        yield from self._halved(text, Piece(start, middle, tokens // 2))
        yield from self._halved(text, Piece(middle, end, tokens - tokens // 2))

    def _sentences(self, text: str) -> Iterator[Piece]:
        """The sentences; one that is longer than a passage may be is several."""
        every = _sentence_spans(text, self._language)
        while batch := list(islice(every, _SENTENCES)):
            short = [text[start:end] for start, end in batch if end - start <= _BLOCK]
            lengths = iter(self._counter.lengths(short) if short else ())
            for start, end in batch:
                tokens = next(lengths) if end - start <= _BLOCK else self._room + 1
                if tokens <= self._room:
                    yield Piece(start, end, tokens)
                else:
                    yield from self._packed(text, self._words(text, start, end), 0)

    def _words(self, text: str, start: int, end: int) -> Iterator[Piece]:
        """The words of a part of a text; of writing without spaces, its tokens."""
        longest = min(_LONGEST_WORD, self._room)
        for block in _blocks(text, start, end):
            word: list[Span] = []  # its tokens
            for place in self._tokens(text, block):
                if word and any(map(str.isspace, text[word[-1][1] : place[0]])):
                    yield from _word(text, word, block, longest)
                    word = []
                word.append(place)
            if word:
                yield from _word(text, word, block, longest)

    def _tokens(self, text: str, block: Span) -> Iterator[Span]:
        """The tokens of a block that have characters, without the white space around them."""
        for start, end in self._counter.places(text[slice(*block)]):
            token = text[block[0] + start : block[0] + end]
            if stripped := token.strip():
                first = block[0] + start + len(token) - len(token.lstrip())
                yield first, first + len(stripped)


def _sentence_spans(text: str, language: str | None) -> Iterator[Span]:
    """Where the sentences of a text are, without the white space around them."""
    from icu4py.breakers import SentenceBreaker

    start = 0
    # The breaker's own segments are in units of UTF-16; its strings are not.
    for sentence in SentenceBreaker(text, f"{language or 'root'}@ss=standard"):
        if stripped := sentence.strip():
            first = start + len(sentence) - len(sentence.lstrip())
            yield first, first + len(stripped)
        start += len(sentence)


def _word(text: str, tokens: list[Span], block: Span, longest: int) -> Iterator[Piece]:
    """A word, or its tokens where it has more than ``longest``.

    Characters that the tokenizer leaves out, such as accents, belong to the word that they touch.
    """
    start, end = tokens[0][0], tokens[-1][1]
    while start > block[0] and not text[start - 1].isspace():
        start -= 1
    while end < block[1] and not text[end].isspace():
        end += 1
    if len(tokens) <= longest:
        yield Piece(start, end, len(tokens))
        return
    count, reached = 0, start
    for first, last in tokens:
        if count and first >= reached:  # not within a character that is several tokens
            yield Piece(start, first, count)
            start, count = first, 0
        count, reached = count + 1, max(reached, last)
    yield Piece(start, end, count)


def _blocks(text: str, start: int, end: int) -> Iterator[Span]:
    """A part of a text in blocks that are tokenized one by one, cut at white space where there is
    some.
    """
    while end - start > _BLOCK:
        stop = start + _BLOCK
        for place in range(stop, stop - _BLOCK // 2, -1):
            if text[place - 1].isspace():
                stop = place
                break
        yield start, stop
        start = stop
    yield start, end
