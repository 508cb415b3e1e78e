"""Deploy ramdisks: `build.build` makes one, `shelf` keeps them by name, `record.Ramdisk` is one.

`inside/` and `rootfs/` are what runs in the ramdisk itself; nothing here imports them.
"""
