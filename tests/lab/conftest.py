from __future__ import annotations

from pathlib import Path

import pytest

from bmctl.lab.network import choose_network
from bmctl.lab.record import Acceleration, Lab, LabOptions, LabState, plan_nodes


@pytest.fixture
def make_lab(tmp_path: Path):
    """Makes the record of a lab that does not run."""

    def make(**wanted) -> Lab:
        options = LabOptions(**wanted)
        network = choose_network(number=7, inside=False, routes=(), with_ipv6=True)
        return Lab(
            name=options.name,
            directory=str(tmp_path),
            state=LabState.RUNNING,
            pid=1,
            start_time=0,
            holder_pid=1,
            holder_start_time=0,
            options=options,
            network=network,
            nodes=plan_nodes(options, network, tmp_path),
            acceleration=Acceleration.TCG,
            controller_url="https://10.213.7.2",
            username="lab",
            user_namespace=False,
        )

    return make
