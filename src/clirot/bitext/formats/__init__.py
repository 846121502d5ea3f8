"""Formats of bitext on disk, with one reader each, all of them safe for files of strangers.

A file is bytes (``compressed``, ``zip_archive``), then text (``lines``) or XML (``xml_stream``),
then a ``table`` of formats says which one it is and who reads it. ``request`` is what a reader
gets, with the columns of a table, and ``local_file`` is how a user names a file. ``toolkit`` serves
``gettext_catalogue`` and ``xliff``, which are read whole; all others are streamed.
"""

from clirot.bitext.formats.local_file import LocalFile, read_local
from clirot.bitext.formats.request import Fields
from clirot.bitext.formats.table import FORMATS

__all__ = ["FORMATS", "Fields", "LocalFile", "read_local"]
