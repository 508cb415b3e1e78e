"""What became of a run, told afterwards: its story as a value, a timeline as a page, one archive of it all.

Everything is read from the run's folder; no machine is asked, and nothing here changes a run.
"""
