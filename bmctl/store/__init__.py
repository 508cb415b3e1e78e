"""bmctl's own memory: node records, locks and run journals in one directory.

`interface` says what any store promises, `filestore` keeps it in files. The inventory is not here:
that is the operator's.
"""
