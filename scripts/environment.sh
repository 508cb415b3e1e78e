# What the scripts here share: the system's packages, a Python, and the environment in .venv.
# Sourced by POSIX shells in the repository's directory, with LOGS naming a directory for logs.
# shellcheck shell=sh

# Builds libvirt's Python module, for which there are no wheels.
BUILD_PACKAGES="gcc libc6-dev libvirt-dev pkgconf"
# What `bmctl lab up` and `bmctl ramdisk build` name when they lack it, and the ssh client of the proof.
LAB_PACKAGES="ca-certificates dosfstools dpkg e2fsprogs grub-efi-amd64-signed iproute2 libvirt-clients
    libvirt-daemon-system mmdebstrap mount mtools openssh-client ovmf qemu-system-x86 qemu-utils
    shim-signed util-linux zstd"
# A normal user's lab maps a range of user ids.
USER_PACKAGES="uidmap"
# Programs that others wrote, which the tests hold against bmctl.
TEST_PACKAGES="cpio curl dmidecode ethtool fdisk gnupg isolinux lshw minisign nftables pciutils procps
    signify-openbsd syslinux-common udev xorriso"

BMCTL_CACHE=$PWD/.cache/bmctl
export BMCTL_CACHE
unset BMCTL_INVENTORY BMCTL_STATE

say() {
    printf '%s\n' "$*" >&2
}

# fail MESSAGE HINT
fail() {
    say "error: $1"
    [ -z "${2:-}" ] || say "hint: $2"
    exit 1
}

# as_root COMMAND...: with sudo where we are not root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# quietly NAME COMMAND...: the command's words go to LOGS/NAME.log, and are shown where it fails.
quietly() {
    log=$LOGS/$1.log
    shift
    "$@" </dev/null >"$log" 2>&1 && return
    say "----- the last lines of $log"
    tail -n 20 "$log" >&2
    say "-----"
    fail "this failed: $*" "the whole story is in $log"
}

# need_packages PACKAGE...: installs what is missing, and says so.
need_packages() {
    command -v apt-get >/dev/null || fail "there is no apt-get here" "use Debian 12, Ubuntu 24.04 or newer"
    missing=
    for package; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
        [ "$status" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        fail "packages are missing, and there is no sudo to install them" "as root: apt-get install$missing"
    fi
    say "installing packages:$missing"
    # One source that cannot be reached need not matter to these packages.
    as_root apt-get update -q </dev/null >"$LOGS/package-lists.log" 2>&1 || say "apt-get update had trouble"
    # shellcheck disable=SC2086 # the names are words
    quietly packages as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends $missing
}

# A Python of 3.11 or newer that can make environments and compile modules.
find_python() {
    for python in ${BMCTL_PYTHON:-python3 python3.13 python3.12 python3.11}; do
        "$python" - <<'PYTHON' 2>/dev/null && return
import ensurepip, pathlib, sys, sysconfig, venv
header = pathlib.Path(sysconfig.get_path("include"), "Python.h")
if sys.version_info < (3, 11) or not header.exists():
    sys.exit(1)
print(getattr(sys, "_base_executable", sys.executable))
PYTHON
    done
    return 1
}

need_python() {
    PYTHON=$(find_python) && return
    need_packages python3 python3-venv python3-dev
    PYTHON=$(find_python) ||
        fail "there is no Python 3.11 or newer" "name one with BMCTL_PYTHON, its headers and venv installed"
}

# Makes .venv what requirements.lock says; takes no time where it is so already.
need_environment() {
    need_python
    wanted=$("$PYTHON" -VV && cat requirements.lock pyproject.toml && pwd) || return
    wanted=$(printf '%s' "$wanted" | sha256sum)
    stamp=.venv/made-from
    if [ -e $stamp ] && [ "$(cat $stamp)" = "$wanted" ] && .venv/bin/bmctl --version >/dev/null 2>&1; then
        return
    fi
    say "making the environment in .venv with $("$PYTHON" -V)"
    rm -f $stamp
    if [ "$(.venv/bin/python -VV 2>/dev/null)" != "$("$PYTHON" -VV)" ] || ! .venv/bin/python -m pip -V >/dev/null 2>&1; then
        quietly environment "$PYTHON" -m venv --clear .venv
    fi
    # The lock is whole: resolving it again can only find something to quarrel with.
    quietly requirements .venv/bin/python -m pip install --disable-pip-version-check \
        --no-deps --require-hashes -r requirements.lock
    quietly consistency .venv/bin/python -m pip --disable-pip-version-check check
    quietly bmctl .venv/bin/python -m pip install --disable-pip-version-check --no-deps -e .
    printf '%s\n' "$wanted" >$stamp
}
