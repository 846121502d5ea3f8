"""The version of clirot, said once: the package, its documents and the build read it here."""

__version__ = "0.1.0"
