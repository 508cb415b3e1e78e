"""The conversation with the ironic-python-agent in a machine's ramdisk, always started by bmctl.

Nothing here boots a machine or decides what is run; see `bmctl.steps` for that.
"""
