"""The virtual lab: real firmware and a real Redfish emulator in one process that leaves nothing behind.

`bmctl.lab.lifecycle` brings a lab up and takes it down, `bmctl.lab.record` says what one is made of,
`bmctl.lab.image` makes the test image. The lab imports no part of bmctl that deploys.
"""
