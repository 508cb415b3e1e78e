"""The one loop that runs plans, and the values it runs: steps, tasks, plans, events.

Nothing here knows what a step does, and nothing prints.
"""
