from __future__ import annotations

from bmctl.inventory.loading import load
from bmctl.lab.credentials import write_certificates, write_password, write_ssh_key
from bmctl.lab.inventory import write_inventory


def test_the_written_inventory_is_one(make_lab, tmp_path):
    image = tmp_path / "lab.raw"
    image.touch()
    lab = make_lab(nodes=2, image=str(image), image_checksum=f"sha256:{'0' * 64}")
    password = write_password(tmp_path)
    write_certificates(tmp_path, ("10.213.7.2",))
    public = write_ssh_key(tmp_path)
    write_inventory(lab)
    nodes = load(lab.inventory).nodes
    assert [node.name for node in nodes] == ["n1", "n2"]
    first = nodes[0]
    assert str(first.network.address) == "10.213.7.11"
    assert [str(address) for address in first.network.addresses][1] == "fd62:6d63:746c:7::b/64"
    assert first.network.macs == lab.nodes[0].macs[:1]
    assert first.bmc.verify == str(lab.ca_file)
    assert first.instance.ssh_keys == (public,)
    assert first.image.source == str(image)
    assert password not in lab.inventory.read_text()


def test_secrets_are_their_owners_alone(tmp_path):
    write_password(tmp_path)
    write_certificates(tmp_path, ("127.0.0.1",))
    write_ssh_key(tmp_path)
    for name in ("controller.password", "htpasswd", "controller.key", "id_ed25519"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
