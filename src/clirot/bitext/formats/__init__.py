"""Formats of bitext on disk: one reader each, all streamed, all safe to point at anyone's file.

One concept a file: bytes (``compressed``, ``part``), text (``lines``), XML
(``xml_stream``), the columns of tables (``fields``), the formats (``tsv``, ``csv_table``,
``jsonl``, ``parquet_table``, ``aligned_text``, ``tmx``, and, by ``toolkit``, ``xliff`` and
``gettext_catalogue``) and their ``table``, which format a file has (``detection``), and how a user
names one (``local_file``).
"""

from clirot.bitext.formats.fields import Fields
from clirot.bitext.formats.local_file import LocalFile, local_name, read_local
from clirot.bitext.formats.table import FORMATS, Format

__all__ = ["FORMATS", "Fields", "Format", "LocalFile", "local_name", "read_local"]
