"""The sources of bitext, one file each; the table of them is :mod:`clirot.bitext.catalogue`."""
