"""What runs inside the deploy ramdisk: find the boot medium, apply its network, become the agent.

Copied into the ramdisk as the package `bmctl_ramdisk`; imports the standard library and the agent only.
"""
