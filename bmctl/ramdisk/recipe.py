"""What goes into the deploy ramdisk, as data: packages, what is left out of them, kernel modules, udev rules.

Programs are those that the agent calls; the rest serves the init script.
"""

from __future__ import annotations

import re
from typing import Final

TIMESTAMP: Final = 1_700_000_000
"""Modification time of every file, in seconds since 1970, so that equal inputs give equal bytes."""

KERNELS: Final = {"debian": "linux-image-{architecture}", "ubuntu": "linux-image-generic"}

PACKAGES: Final = (
    "bsdextrautils",  # hexdump
    "busybox",
    "coreutils",  # shred, and a dd with oflag=direct
    "dmidecode",
    "dosfstools",
    "dropbear-bin",  # the rescue's SSH server
    "e2fsprogs",
    "efibootmgr",
    "ethtool",
    "gdisk",
    "hdparm",
    "iproute2",
    "ipmitool",
    "kmod",
    "lshw",
    "mdadm",
    "mount",
    "nvme-cli",
    "openssh-sftp-server",  # scp and sftp to a rescue
    "parted",
    "psmisc",  # fuser: erase_devices_metadata fails without it
    "python3",
    "qemu-utils",
    "smartmontools",
    "udev",
    "util-linux",
    "xfsprogs",
)

OPTIONAL_PACKAGES: Final = (
    "firmware-bnx2x",
    "firmware-qlogic",
    "util-linux-extra",  # hwclock, where the distribution moved it out of util-linux
)
"""Taken where the host's package sources have them."""

LEFT_OUT_PACKAGES: Final = re.compile(
    r"""(?x)
    adduser | cpio | debconf | debianutils | dpkg | tar | passwd | sensible-utils | logsave | uuid-runtime
    | gcc-\d+-base | init-system-helpers | initramfs-tools.* | dracut.* | klibc-utils | libklibc
    | linux-base.* | linux-image-(amd64|arm64|generic) | linux-firmware | wireless-regdb | .*-microcode
    | lsb-base | media-types | mime-support | netbase | readline-common | sysvinit-utils | usrmerge
        | usr-is-merged
    | perl.* | libperl.* | lib.*-perl | libgdbm.* | libdb5.* | libicu.* | libsemanage.* | libsepol.*
    | libpam-modules.* | libpam-runtime | libaudit-common | libtirpc.* | libnsl.* | ucf | tzdata | netcat.*
    | ca-certificates | openssh-client | openssl | python3-distutils | python3-lib2to3 | python3\.\d+
        | libc-bin | libc-l10n | systemd
    """
)
"""Dependencies whose work is done by others here (maintainer scripts never run) or by nothing at all."""

LEFT_OUT_FILES: Final = re.compile(
    r"""(?x)
    etc/(?!mke2fs\.conf|udev|mdadm|protocols|services).*
    | (boot/(?!vmlinuz) | var | srv | media | run | usr/share/(?!mdadm|smartmontools) | usr/(include|games
        |src|libexec)/).*
    | usr/lib/(systemd/system|tmpfiles\.d|sysusers\.d|modprobe\.d|init|initramfs-tools|dracut|pkgconfig|lsb
        |dropbear|kernel
        |binfmt\.d|environment\.d|apt|dpkg|valgrind|mime|pm-utils|hdparm|xfsprogs|udev/hwdb\.d
        |udev/hwdb\.bin)/.*
    | usr/lib/python3/dist-packages/.*
    | usr/lib/python3\.\d+/(idlelib|lib2to3|ensurepip|pydoc_data|test|tkinter|turtledemo|sqlite3|curses|dbm
        |venv|wsgiref
        |distutils|config-3[^/]*|__phello__|turtle\.py|pydoc\.py|doctest\.py|pdb\.py|LICENSE\.txt)(/.*)?
    | usr/lib/python3\.\d+/lib-dynload/_?(sqlite3|curses|curses_panel|dbm|gdbm|nis|test[a-z]*|xxtestfuzz
        |crypt|tkinter
        |xxlimited.*|readline|ossaudiodev)\..*
    | usr/lib/[^/]*/(gconv|audit|security|krb5|perl.*|e2fsprogs|pkgconfig|cmake|bfd-plugins|glib-2\.0
        |engines-3|ossl-modules
        |tc|xtables|gio)/.*
    | usr/bin/(qemu-(io|nbd|storage-daemon)|pzstd|pdb3.*|py3.*|pydoc.*|pygettext.*|newgrp|chfn|chsh|su
        |setarch|i386|x86_64
        |linux(32|64)|script.*|hd|ul|col.*|look|ncal|cal|write|wall|last|lastb|lslogins|lsns|nsenter|lsirq
        |irqtop|lsipc
        |ipcs|ipcmk|ipcrm|peekfd|prtstat|uclampset|chrt|choom|rtstat|ctstat|lnstat|nstat|ss|routel?|rdma
        |devlink|dir|vdir|ptx
        |csplit|factor|pinky|stdbuf|tsort|chcon|runcon|pslog|utmpdump|mcookie|lslocks|lsfd|setpriv|unshare
        |mesg|namei|dbclient|dropbearconvert)
    | usr/sbin/(tc|rtmon|rtacct|arpd|bridge|genl|dcb|vdpa|tipc|devlink|smartd|ipmievd|mdmon|xfs_(?!repair
        |growfs).*|debugfs
        |e4crypt|e2scrub.*|e4defrag|e2freefrag|filefrag|update-smart-drivedb|systemd-hwdb|biosdecode
        |vpddecode|ownership
        |ctrlaltdel|fsfreeze|ldattach|rtcwake|agetty|getty|sulogin|runuser|tunelp|swaplabel|fdformat|cfdisk
        |cgdisk|fixparts
        |mkfs\.(minix|cramfs|bfs)|fsck\.(minix|cramfs)|capsh|getcap|setcap|getpcaps|readprofile|zramctl
        |e2undo|chcpu|chmem)
    """
)
"""Paths (without leading slash, with /bin, /sbin and /lib already under /usr) that do not go in."""

UDEV_RULES: Final = frozenset(
    {
        "40-vm-hotadd.rules",
        "50-firmware.rules",
        "50-udev-default.rules",
        "55-dm.rules",
        "60-block.rules",
        "60-cdrom_id.rules",
        "60-persistent-storage-dm.rules",
        "60-persistent-storage.rules",
        "63-md-raid-arrays.rules",
        "64-md-raid-assembly.rules",
        "75-net-description.rules",
        "80-drivers.rules",
        "80-net-setup-link.rules",
    }
)
"""Rules that make disks, networks and drivers appear; sound, input, cameras and the like only cost time."""

MODULES: Final = (
    "arch/*/crypto/crc",
    "crypto/crc",
    "drivers/acpi/nfit/",
    "drivers/ata/a",
    "drivers/ata/libahci",
    "drivers/ata/libata",
    "drivers/ata/pata_acpi",
    "drivers/ata/sata_",
    "drivers/block/loop",
    "drivers/block/virtio_blk",
    "drivers/block/xen-blkfront",
    "drivers/cdrom/",
    "drivers/char/hw_random/",
    "drivers/char/ipmi/",
    "drivers/firmware/",
    "drivers/hid/hid-generic",
    "drivers/hid/hid-hyperv",
    "drivers/hid/usbhid/usbhid",
    "drivers/hv/",
    "drivers/md/dm-mod",
    "drivers/md/linear",
    "drivers/md/md-mod",
    "drivers/md/raid",
    "drivers/message/fusion/",
    "drivers/mmc/core/",
    "drivers/mmc/host/sdhci",
    "drivers/net/bonding/",
    "drivers/net/ethernet/",
    "drivers/net/hyperv/",
    "drivers/net/phy/",
    "drivers/net/usb/cdc_",
    "drivers/net/usb/rndis_host",
    "drivers/net/virtio_net",
    "drivers/net/vmxnet3/",
    "drivers/net/xen-netfront",
    "drivers/nvdimm/",
    "drivers/nvme/host/nvme-core",
    "drivers/nvme/host/nvme.",
    "drivers/pci/",
    "drivers/scsi/",
    "drivers/ufs/",
    "drivers/usb/common/",
    "drivers/usb/core/",
    "drivers/usb/host/[eoux]hci",
    "drivers/usb/storage/uas",
    "drivers/usb/storage/usb-storage",
    "drivers/virtio/",
    "fs/efivarfs/",
    "fs/ext4/",
    "fs/fat/",
    "fs/isofs/",
    "fs/nls/nls_ascii",
    "fs/nls/nls_cp437",
    "fs/nls/nls_iso8859-1",
    "fs/nls/nls_utf8",
    "fs/xfs/",
    "lib/crc",
    "lib/libcrc",
    "net/8021q/",
)
"""Modules by how their path below `kernel/` begins; what they depend on comes with them."""

LEFT_OUT_MODULES: Final = re.compile(
    r"""(?x) kernel/(
    drivers/net/ethernet/(3com|8390|adaptec|agere|alteon|altera|asix|atheros|brocade|cadence|chelsio/(cxgb
        |cxgb3)|cirrus
        |dec|dlink|ezchip|fealnx|fujitsu|hisilicon|i825xx|litex|micrel|microchip|natsemi|neterion|nvidia
        |oki-semi
        |packetengines|pasemi|qlogic/(netxen|qla3xxx|qlcnic)|rdc|samsung|sfc/falcon|silan|sis|smsc|sun
        |synopsys|tehuti|ti
        |via|vertexcom|wiznet|xilinx|xircom)/.*
    | drivers/net/ethernet/(cavium/liquidio|intel/e100\b|jme|ethoc|fealnx|ec_bhf|lantiq|korina|davicom).*
    | drivers/net/ethernet/broadcom/b44.*
    | drivers/scsi/(a100u2w|advansys|aha.*|aic7xxx|aic94xx|am53c974|arcmsr|atp870u|bfa|be2iscsi|bnx2fc
        |bnx2i|ch|csiostor|cxgbi|cxlflash
        |dc395x|dmx3191d|elx|esas2r|esp_scsi|fdomain.*|imm|initio|ips|iscsi_tcp|mvumi|myr.|nsp32|osst
        |pcmcia|pmcraid|ppa|qedf
        |qedi|qla1280|qla2xxx/tcm_.*|qla4xxx|scsi_debug|snic|st|stex|wd719x)(/.*|\.ko)
    | drivers/firmware/(arm_scmi|tegra|xilinx|google|cirrus|broadcom)/.*
    )"""
)
"""Drivers of hardware that no server of the last fifteen years boots from."""

LEFT_OUT_WHEELS: Final = frozenset({"pbr", "pycparser", "setuptools", "tzdata"})
"""Required by the agent's libraries for building, or for time zones; nothing the agent runs imports them."""

LEFT_OUT_WHEEL_FILES: Final = re.compile(
    r"""(?x)
    .*\.(pyi|pyx|pxd|c|h|po|pot|rst|exe)
    | (.*/)?(tests?|testing|locale)/.*(?<!\.mo) | (.*/)?py\.typed
    | bin/.* | share/.* | include/.* | cffi/.* | wrapt-stubs/.*
    | netaddr/eui/(oui|iab)\.(txt|idx) | netaddr/ip/.*\.xml
    | [^/]*\.dist-info/(RECORD|INSTALLER|REQUESTED|WHEEL|direct_url\.json|licenses/.*|LICENSE.*|AUTHORS.*
        |sboms/.*)
    """
)

BUSYBOX_APPLETS: Final = """
awk cat clear cp cut dmesg env find free grep gzip head hostname kill less ln ls mkdir more mv ping
ping6 ps readlink rm sed sh sleep sort tail tar tee test top touch tr true uniq vi wc which xargs
zcat
"""
"""Linked to busybox where no package brought the program itself."""
