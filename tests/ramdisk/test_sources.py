"""Which of the host's package sources a build uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmctl.errors import BmctlError
from bmctl.ramdisk.sources import Distribution, read_distribution, read_sources

DEBIAN = Distribution(name="debian", codename="bookworm", version="12")


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_one_line_sources_of_the_distribution_are_kept(apt: Path):
    (apt / "sources.list").write_text(
        "# a comment\n"
        "deb http://mirror.example/debian bookworm main non-free-firmware\n"
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/security "
        "bookworm-security main # x\n"
        "deb-src http://mirror.example/debian bookworm main\n"
        "deb http://mirror.example/debian trixie main\n"
    )
    (apt / "sources.list.d/others.list").write_text(
        "deb https://other.example/linux bookworm stable\n"
        "deb [signed-by=/etc/apt/keyrings/other.gpg] https://other.example/apt bookworm main\n"
        "deb https://other.example/apt bookworm-pgdg main\n"
    )
    lines = read_sources(apt, DEBIAN).one_line.splitlines()
    assert [line.split()[-2:] for line in lines if "security" not in line] == [["main", "non-free-firmware"]]
    assert len(lines) == 2


def test_stanzas_are_narrowed_to_the_distribution(apt: Path):
    (apt / "sources.list.d/debian.sources").write_text(
        "# comment\nTypes: deb deb-src\nURIs: http://mirror.example/debian\n"
        "Suites: bookworm bookworm-updates trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
        "Types: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\nEnabled: no\n\n"
        "Types: deb\nURIs: http://other.example/\nSuites: nodistro\nComponents: main\n"
    )
    stanzas = read_sources(apt, DEBIAN).stanzas
    assert "Suites: bookworm bookworm-updates\n" in stanzas
    assert "Types: deb\n" in stanzas
    assert "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg" in stanzas
    assert "off.example" not in stanzas
    assert "other.example" not in stanzas


def test_a_key_inside_a_stanza_is_kept(apt: Path):
    (apt / "sources.list.d/ubuntu.sources").write_text(
        "Types: deb\nURIs: http://mirror.example/ubuntu\nSuites: noble\n"
        "Components: main universe\nSigned-By:\n"
        " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abcd\n -----END PGP PUBLIC KEY BLOCK-----\n"
    )
    stanzas = read_sources(apt, Distribution(name="ubuntu", codename="noble", version="24.04")).stanzas
    assert "\n -----END PGP PUBLIC KEY BLOCK-----" in stanzas


def test_no_source_is_one_clear_error(apt: Path):
    with pytest.raises(BmctlError, match="no package source for debian bookworm"):
        read_sources(apt, DEBIAN)


def test_the_distribution_is_read(tmp_path: Path):
    (tmp_path / "os-release").write_text('ID=debian\nVERSION_CODENAME=bookworm\nVERSION_ID="12"\n')
    assert read_distribution(tmp_path / "os-release") == DEBIAN


def test_other_systems_are_told_what_to_do(tmp_path: Path):
    (tmp_path / "os-release").write_text('ID=fedora\nPRETTY_NAME="Fedora 43"\n')
    with pytest.raises(BmctlError, match="Fedora 43") as told:
        read_distribution(tmp_path / "os-release")
    assert "bmctl ramdisk use" in (told.value.hint or "")
