"""Training objectives: what a student's tokens are pulled towards.

An objective is a frozen configuration with a method that turns a batch of student and teacher
tokens into one scalar. It owns no parameters and sees no text, so it is tested as mathematics.

Start with :mod:`~clirot.distillation.objectives.objective` (the objectives by name, and sums of
them) and :mod:`~clirot.distillation.objectives.transport` (the loss of the paper). This package
imports nothing by itself: :mod:`~clirot.distillation.settings` can be read without
loading torch.
"""
