"""What a store must bear: kills, faults of the disk, tampering, races, hostile models and inputs.

``python -m torture`` (``make torture``) tries them on a throw-away store with tiny models, and
prints what was tried and what went wrong. A case is decided by the seed and its number alone, so
each finding comes with the line that tries it again.
"""
