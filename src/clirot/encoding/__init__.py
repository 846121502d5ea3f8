"""From text to token vectors (:mod:`clirot.encoding.encoders`), and from token vectors to scores
(:mod:`clirot.encoding.maxsim`).
"""
