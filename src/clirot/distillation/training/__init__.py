"""Training a student against a frozen teacher, on sentence-transformers' multi-vector trainer.

One concept a file: the development split and retrieval on it (``development``), the teacher's token
vectors on disk (``teacher_tokens``), batches of like length (``batching``), what arithmetic the
machine is good at (``precision``), several processes at once (``processes``), reports to other
programs (``reporting``), and the trainer with its checkpoints (``trainer``).
"""
