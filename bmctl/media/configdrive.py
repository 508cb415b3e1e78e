"""The config drive of a deployed system: what cloud-init reads on its first boot."""

from __future__ import annotations

import base64
import gzip

from bmctl.errors import InvalidError
from bmctl.media.agent_files import META_DATA, NETWORK_DATA, to_json
from bmctl.media.extents import ExtentFile, Inline
from bmctl.media.iso import LABEL, new_iso
from bmctl.media.mastering import master
from bmctl.media.network_data import network_data
from bmctl.media.tree import Tree
from bmctl.model.network import NetworkConfig
from bmctl.model.node import Instance

USER_DATA = "openstack/latest/user_data"
# The agent makes a partition of at most this size for it.
LARGEST_MIB = 64


def config_drive(*, instance: Instance, network: NetworkConfig, instance_id: str, timestamp: int) -> str:
    """The config drive as the agent takes it: an ISO image, gzipped, in base64; equal for equal values.

    cloud-init runs its first-boot work again when `instance_id` changes. InvalidError where it is
    larger than the agent's partition for it.
    """
    image = config_drive_iso(instance=instance, network=network, instance_id=instance_id, timestamp=timestamp)
    if image.size > LARGEST_MIB << 20:
        raise InvalidError(
            f"the config drive has {image.size >> 20} MiB, and its partition holds {LARGEST_MIB}",
            hint="let user data fetch what is large",
        )
    packed = gzip.compress(image.read(0, image.size), compresslevel=6, mtime=0)
    return base64.b64encode(packed).decode("ascii")


def config_drive_iso(
    *, instance: Instance, network: NetworkConfig, instance_id: str, timestamp: int
) -> ExtentFile:
    """The config drive as an image labelled config-2."""
    iso = new_iso(label=LABEL, joliet=True)
    try:
        tree = Tree(iso, joliet=True)
        for path, data in sorted(_files(instance, network, instance_id).items()):
            tree.add(path, Inline(data=data))
        return master(iso, timestamp=timestamp, label="config drive")
    finally:
        iso.close()


def _files(instance: Instance, network: NetworkConfig, instance_id: str) -> dict[str, bytes]:
    meta = {
        "uuid": instance_id,
        "hostname": instance.hostname,
        "name": instance.hostname.partition(".")[0],
        "public_keys": {f"key-{number}": key for number, key in enumerate(instance.ssh_keys)},
        "meta": dict(instance.meta),
    }
    files = {META_DATA: to_json(meta), NETWORK_DATA: to_json(network_data(network))}
    if instance.user_data is not None:
        files[USER_DATA] = instance.user_data.encode()
    return files
