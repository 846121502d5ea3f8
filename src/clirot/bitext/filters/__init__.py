"""The filters: which sentence pairs of a source are kept, and why the others are dropped.

``clirot.bitext.config`` has their settings and the reasons, and ``chain`` applies them in their
order. They work on the batches of ``outcomes``, where the report counts what was dropped.
``duplicates`` is about repeated text, and ``clirot.bitext.text`` about characters, scripts and
languages.
"""
