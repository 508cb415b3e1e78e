"""From keys to model values: what can be known only of several keys together is checked here.

Every function notes what is wrong and goes on, so that all mistakes are found in one pass; it
returns None where a value cannot be made.
"""
