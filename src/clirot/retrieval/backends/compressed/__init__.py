"""The ``compressed`` backend: codes of some bits a dimension find the documents that are settled.

:mod:`.codec` turns a token vector into a code, :mod:`.screening` scores codes, and :mod:`.lists`
finds documents of a large collection without reading all codes. :mod:`.calibration` measures how
many documents have to be settled for a recall; :mod:`clirot.retrieval.promise` is what it found.
:mod:`.index` puts these together, and :mod:`.writer` writes them.
"""
