"""Boot interfaces: the ways a ramdisk reaches a machine, a module for each member of `BootInterface`."""
