"""From a node to the plan of a run: pure functions, one flow per file."""
