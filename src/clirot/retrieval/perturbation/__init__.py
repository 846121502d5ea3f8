"""Perturbation: topics or bitext with the errors of people who type, or as speech is recognised.

:mod:`clirot.retrieval.perturbation.perturbing` is the verb,
:mod:`clirot.retrieval.perturbation.kinds` the table of what can be done to a text. A text is
changed by grapheme clusters, what a reader takes for one character, so that vowel signs and marks
stay with their letters.
"""
