"""What the test image holds beside its packages: configuration, the early init, the boot menu."""

from __future__ import annotations

PACKAGES = (
    "cloud-init",
    "dbus",
    "iproute2",
    "iputils-ping",
    "kmod",
    "less",
    "openssh-server",
    "sudo",
    "systemd-sysv",
    "udev",
)
# The kernels that know virtual machines only: small, and quick to start.
KERNELS = {"debian": "linux-image-cloud-amd64", "ubuntu": "linux-image-virtual"}
BOOT_PACKAGES = ("busybox-static", "grub-efi-amd64-signed", "shim-signed")
ROOT_UUID = "6c616200-726f-4f74-8000-626d63746c00"
ESP_SERIAL = "6C616245"
LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/i18n/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/lintian/*",
    "/usr/share/bash-completion/*",
)
# Services that cost a small machine seconds and give a test nothing.
MASKED = (
    "cloud-config.service",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "systemd-networkd-wait-online.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-timesyncd.service",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
)
ENABLED = ("systemd-networkd.service", "serial-getty@ttyS0.service", "ssh.service")
MODULE_DIRECTORIES = (
    "drivers/acpi/button",  # with evdev, for a power button that shuts down
    "drivers/ata/ahci",
    "drivers/block/virtio_blk",
    "drivers/cdrom",
    "drivers/char/hw_random",
    "drivers/input/evdev",
    "drivers/net/bonding",
    "drivers/net/virtio_net",
    "drivers/net/net_failover",
    "drivers/scsi/sr_mod",
    "drivers/virtio",
    "fs/fat",
    "fs/isofs",
    "fs/nls",
    "net/8021q",
    "net/802",
    "net/core/failover",
    "net/ipv6/ipv6",
)
EARLY_MODULES = ("virtio_pci", "virtio_blk", "ext4")

CLOUD_CONFIG = """\
# The network and the names come from the config drive alone; nothing else is asked for.
datasource_list: [ConfigDrive]
disable_root: false
ssh_genkeytypes: [ed25519]
ssh_pwauth: false
preserve_hostname: false
users: [default]
# All in the fewest stages: each is a Python start of its own, which costs seconds on a slow machine.
cloud_init_modules: [bootcmd, write-files, set_hostname, update_etc_hosts, users-groups, ssh, runcmd]
cloud_config_modules: []
cloud_final_modules: [scripts-user, final-message]
system_info:
  distro: {distribution}
  default_user:
    name: {distribution}
    lock_passwd: true
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
    shell: /bin/bash
  network:
    renderers: [networkd]
    activators: [networkd]
  paths: {{cloud_dir: /var/lib/cloud, templates_dir: /etc/cloud/templates}}
  ssh_svcname: ssh
"""
INIT = """\
#!/bin/sh
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in {modules}; do insmod /modules/$module.ko; done
tries=0
until disk=$(findfs UUID={root}) || [ $tries -ge 100 ]; do sleep 0.1; tries=$((tries + 1)); done
mount -t ext4 -o rw,noatime "$disk" /root || exec sh
umount /proc /sys
mount -o move /dev /root/dev
exec switch_root /root /sbin/init
"""
KERNEL_LINE = (
    "root=UUID={root} rw console=tty0 console=ttyS0,115200 fsck.mode=skip mitigations=off quiet loglevel=4"
)
GRUB = """\
set timeout=0
search --no-floppy --file --set=root /lab/vmlinuz
linux /lab/vmlinuz {line}
initrd /lab/initrd
boot
"""


def overlay_files(distribution: str) -> dict[str, str]:
    """Text files of the root file system by path."""
    return {
        "etc/cloud/cloud.cfg": CLOUD_CONFIG.format(distribution=distribution),
        "etc/fstab": f"UUID={ROOT_UUID} / ext4 rw,noatime 0 0\n",
        "etc/hostname": "lab\n",
        "etc/machine-id": "",
        "etc/ssh/sshd_config.d/lab.conf": "HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\n",
        "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=volatile\n",
    }


def init_script(modules: tuple[str, ...]) -> str:
    """The early init: load the disk's drivers, find the root file system by its UUID, go there."""
    return INIT.format(modules=" ".join(modules), root=ROOT_UUID)


def grub_configuration() -> str:
    """The boot menu that is none: the one kernel, at once."""
    return GRUB.format(line=KERNEL_LINE.format(root=ROOT_UUID))
