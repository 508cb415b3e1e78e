"""What the agent finds on its medium."""

from __future__ import annotations

import configparser
import json
from pathlib import PurePosixPath

import pytest

from bmctl.errors import InvalidError
from bmctl.media.agent_files import CONFIGURATION, agent_files
from bmctl.media.credentials import RunCredentials

CREDENTIALS = RunCredentials(token="tok$en", certificate_pem="CERT\n", key_pem="KEY\n", fingerprint="ab")


@pytest.fixture
def build(network):
    def build(**options):
        return agent_files(
            network=network, credentials=CREDENTIALS, node_uuid="u-1", hostname="n1", **options
        )

    return build


def settings_of(files):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(files[CONFIGURATION].decode())
    return dict(parser["DEFAULT"])


def test_agent_listens_with_its_own_certificate_and_calls_nobody(build):
    files = build()
    settings = settings_of(files)
    assert settings["agent_token"] == "tok$$en"
    assert files[settings["tls_cert_file"].lstrip("/")] == b"CERT\n"
    assert files[settings["tls_key_file"].lstrip("/")] == b"KEY\n"
    assert settings["listen_port"] == "9999"
    assert "api_url" not in settings


def test_directories_that_the_agent_copies_are_flat(build):
    for path in build(certificate_authority="CA\n"):
        parts = PurePosixPath(path).parts
        assert len(parts) == 3, path
        assert parts[:2] in {
            ("etc", "ironic-python-agent"),
            ("etc", "ironic-python-agent.d"),
            ("openstack", "latest"),
        }


def test_network_and_meta_data_are_json(build):
    files = build()
    assert len(json.loads(files["openstack/latest/network_data.json"])["links"]) == 4
    assert json.loads(files["openstack/latest/meta_data.json"]) == {
        "uuid": "u-1",
        "hostname": "n1",
        "name": "n1",
    }


def test_own_authority_and_options(build):
    files = build(certificate_authority="CA\n", options={"ntp_server": "192.0.2.5"}, port=8443)
    settings = settings_of(files)
    assert files[settings["cafile"].lstrip("/")] == b"CA\n"
    assert settings["ntp_server"] == "192.0.2.5"
    assert settings["listen_port"] == "8443"


@pytest.mark.parametrize("options", [{"a b": "x"}, {"a": "x\n[evil]"}])
def test_options_that_would_break_the_file_are_refused(build, options):
    with pytest.raises(InvalidError):
        build(options=options)
