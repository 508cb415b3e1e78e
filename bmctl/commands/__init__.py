"""The command line: the only place that knows click, rich, stdin, the environment and the screen.

One verb per file; a verb's module is imported when it is used, never to show help of another.
"""
