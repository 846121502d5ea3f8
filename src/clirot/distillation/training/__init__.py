"""Training a student against a frozen teacher, on sentence-transformers' multi-vector trainer.

Start with :mod:`~clirot.distillation.training.trainer`. This package imports nothing by itself:
:mod:`~clirot.distillation.settings` can be read without loading torch.
"""
