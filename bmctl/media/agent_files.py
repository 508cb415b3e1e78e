"""The files on a boot medium that the stock ironic-python-agent and glean read.

The agent copies `etc/ironic-python-agent/` and `etc/ironic-python-agent.d/` from the medium before it
starts, and stops where it finds a directory inside them. No API address is given to it: it opens its
port and waits to be asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from bmctl.errors import InvalidError
from bmctl.media.credentials import RunCredentials
from bmctl.media.network_data import Json, network_data
from bmctl.model.network import NetworkConfig

AGENT_PORT = 9999
CONFIGURATION = "etc/ironic-python-agent.d/50-bmctl.conf"
CERTIFICATE = "etc/ironic-python-agent/agent.crt"
KEY = "etc/ironic-python-agent/agent.key"
CERTIFICATE_AUTHORITY = "etc/ironic-python-agent/bmctl-ca.crt"
NETWORK_DATA = "openstack/latest/network_data.json"
META_DATA = "openstack/latest/meta_data.json"

_NOTHING: Mapping[str, str] = MappingProxyType({})


def agent_files(
    *,
    network: NetworkConfig,
    credentials: RunCredentials,
    node_uuid: str,
    hostname: str,
    port: int = AGENT_PORT,
    certificate_authority: str | None = None,
    options: Mapping[str, str] = _NOTHING,
) -> dict[str, bytes]:
    """Paths on the medium and their content.

    `certificate_authority` (PEM) is what the agent trusts when it fetches an image over HTTPS.
    `options` are further settings of the agent's own section; InvalidError where one would break
    the file.
    """
    settings = {
        "agent_token": credentials.token,
        "listen_port": str(port),
        "listen_tls": "true",
        "tls_cert_file": f"/{CERTIFICATE}",
        "tls_key_file": f"/{KEY}",
    }
    files = {
        CERTIFICATE: credentials.certificate_pem.encode("ascii"),
        KEY: credentials.key_pem.encode("ascii"),
        NETWORK_DATA: to_json(network_data(network)),
        META_DATA: to_json({"uuid": node_uuid, "hostname": hostname, "name": hostname}),
    }
    if certificate_authority is not None:
        settings["cafile"] = f"/{CERTIFICATE_AUTHORITY}"
        files[CERTIFICATE_AUTHORITY] = certificate_authority.encode("ascii")
    files[CONFIGURATION] = _configuration({**settings, **options})
    return files


def to_json(value: Json) -> bytes:
    """JSON text as it stands on media: readable, and the same for equal values."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _configuration(settings: Mapping[str, str]) -> bytes:
    for name, value in settings.items():
        if not name.isidentifier() or not value.isprintable():
            raise InvalidError(f"the agent setting {name!r} does not fit on one line of its configuration")
    # oslo.config expands $name; a doubled dollar is a dollar.
    lines = (f"{name} = {value.replace('$', '$$')}" for name, value in settings.items())
    return "\n".join(("[DEFAULT]", *lines, "")).encode()
