"""What bmctl costs, each number beside a peer's from the same run.

Run all with `python -m benchmarks.run`, or some by name: `python -m benchmarks.run state startup`.
"""
