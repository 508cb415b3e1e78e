"""The config drive: what cloud-init will find."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import random

import pytest

from bmctl.errors import InvalidError
from bmctl.media.configdrive import config_drive
from bmctl.model.node import Instance

INSTANCE = Instance(
    hostname="n1.example.org",
    ssh_keys=("ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"),
    user_data="#cloud-config\npackages: [é]\n",
    meta={"rack": "7"},
)


@pytest.fixture
def build(network):
    def build(instance=INSTANCE, instance_id="i-1", timestamp=1_700_000_000):
        return config_drive(instance=instance, network=network, instance_id=instance_id, timestamp=timestamp)

    return build


def test_cloud_init_finds_its_files(build, read_image):
    image = read_image.of(gzip.decompress(base64.b64decode(build(), validate=True)))
    files = image.files()
    assert image.descriptor.volume_identifier.rstrip() == b"config-2"
    meta = json.loads(files["/openstack/latest/meta_data.json"])
    assert meta == {
        "uuid": "i-1",
        "hostname": "n1.example.org",
        "name": "n1",
        "public_keys": {"key-0": "ssh-ed25519 AAAA one", "key-1": "ssh-ed25519 BBBB two"},
        "meta": {"rack": "7"},
    }
    assert files["/openstack/latest/user_data"] == INSTANCE.user_data.encode()
    assert len(json.loads(files["/openstack/latest/network_data.json"])["networks"]) == 3
    assert image.joliet_files() == set(files)


def test_no_user_data_no_file(build, read_image):
    text = build(dataclasses.replace(INSTANCE, user_data=None))
    files = read_image.of(gzip.decompress(base64.b64decode(text))).files()
    assert "/openstack/latest/user_data" not in files


def test_equal_values_give_equal_text(build):
    assert build() == build()
    assert build() != build(instance_id="i-2")


def test_too_much_user_data_is_refused(build):
    large = random.Random(1).randbytes(33 << 20).hex()
    with pytest.raises(InvalidError, match="partition holds 64"):
        build(dataclasses.replace(INSTANCE, user_data=large))
