"""Vocabulary transplant: how a student starts from its teacher. See also
:mod:`clirot.distillation.start`.

This package imports nothing by itself:
:mod:`~clirot.distillation.students.settings` can be read without loading torch.
"""
