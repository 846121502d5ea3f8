"""Long documents: they are split into passages, and ranked by their best one (MaxP).

`settings.py` says what a passage is, `splitting.py` splits a text, `rows.py` gives passages to an
index as if they were documents, `table.py` keeps where each lies, and `index.py` makes a ranking of
documents of a ranking of passages.
"""
