"""How a student starts: by vocabulary transplant from its teacher, or from another encoder.

Start with :mod:`~clirot.distillation.students.start`. This package imports nothing by itself:
:mod:`~clirot.distillation.students.settings` can be read without loading torch.
"""
