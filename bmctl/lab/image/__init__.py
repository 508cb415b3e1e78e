"""The test image: a small real system with cloud-init, made of the host distribution's packages.

`build` makes it; `files` says what is in it beside packages; `modules`, `disk` and `gpt` put it together.
"""
