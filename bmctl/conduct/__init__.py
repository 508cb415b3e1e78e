"""Conducts runs: takes nodes' locks, makes plans, runs them side by side, and keeps what became of them.

The commands say which nodes and show the events; what a run does is in its plan (`flows`).
"""
