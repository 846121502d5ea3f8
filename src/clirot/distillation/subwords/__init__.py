"""Subwords for a multilingual encoder that breaks a language to pieces.

Learnt from the bitext and added after the encoder's own (:mod:`~clirot.distillation.subwords.
extension`), where figures say that they are needed (:mod:`~clirot.distillation.subwords.coverage`).
"""
