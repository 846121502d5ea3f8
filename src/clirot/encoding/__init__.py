"""Text to token vectors (:mod:`~clirot.encoding.encoders`) to scores (``maxsim``)."""
