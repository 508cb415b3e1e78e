from __future__ import annotations

import lzma

import zstandard

from bmctl.lab.image.modules import chosen_names, closure, module_files


def test_modules_come_after_those_they_need_whatever_their_compression(tmp_path):
    kernel = tmp_path / "kernel"
    virtio, block = kernel / "drivers/virtio", kernel / "drivers/block"
    virtio.mkdir(parents=True)
    block.mkdir()
    (virtio / "virtio.ko").write_bytes(b"ELF\0depends=\0")
    (virtio / "virtio-ring.ko.xz").write_bytes(lzma.compress(b"ELF\0depends=virtio\0"))
    packed = zstandard.ZstdCompressor().compress(b"ELF\0depends=virtio-ring,virtio,built_in\0")
    (block / "virtio_blk.ko.zst").write_bytes(packed)
    known = module_files(tmp_path)
    assert closure(known, ("virtio_blk", "ext4")) == ("virtio", "virtio_ring", "virtio_blk")
    assert chosen_names(tmp_path, ("drivers/virtio",)) == ("virtio", "virtio_ring")
