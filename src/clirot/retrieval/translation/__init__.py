"""Translation of topics and documents, by a model or by another program.

:mod:`~clirot.retrieval.translation.translating` has the verb and
:mod:`~clirot.retrieval.translation.translators` the table of what can translate.
"""
