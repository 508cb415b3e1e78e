"""Imports that the agent will want, done while the kernel is still finding devices.

The agent's own modules stay out: its configuration looks at the boot medium as soon as it is imported.
"""

from __future__ import annotations

import importlib
from typing import Final

MODULES: Final = """
oslo_config.cfg oslo_config.types oslo_log.log oslo_utils.strutils oslo_utils.excutils
oslo_utils.units oslo_utils.netutils oslo_utils.uuidutils oslo_utils.specs_matcher
oslo_utils.imageutils.format_inspector oslo_utils.secretutils oslo_utils.fileutils
importlib.metadata ipaddress random socket threading urllib.parse requests
oslo_concurrency.processutils oslo_concurrency.lockutils json ssl cheroot.ssl.builtin cheroot.wsgi
werkzeug.exceptions werkzeug.routing werkzeug.serving uuid functools contextlib logging base64 copy
glob io re shlex shutil stat subprocess tarfile tempfile warnings tenacity ctypes fcntl select
struct psutil inspect stevedore.extension binascii multiprocessing.pool string typing pint pyudev
yaml tooz.coordination gzip math datetime cryptography.hazmat.primitives.asymmetric.ec
cryptography.hazmat.primitives.serialization cryptography.x509 http.client zeroconf hashlib
urllib.request
"""
"""In the order in which the agent imports them: another order can meet a circle."""


def preload() -> list[str]:
    """Import them all; returns the names of those that could not be, which the agent will report itself."""
    failed = []
    for name in MODULES.split():
        try:
            importlib.import_module(name)
        except ImportError:
            failed.append(name)
    return failed
