"""Settings and firmware of a real machine by steps of its controller, cut off in the middle."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.e2e
NODE = "n1"
SETTING = "bios.apply_configuration settings=[{name: ProcTurboMode, value: %s}]"
FIRMWARE = 'firmware.update settings=[{component: bios, url: "http://10.213.0.1/bios.bin"}]'


@pytest.fixture(scope="module")
def site(make_site, lab):
    site = make_site(lab)
    assert site.run("enroll", NODE, "--no-dns").code == 0
    assert site.run("node", "manage", NODE).code == 0
    return site


def version(site) -> str:
    return site.controller(NODE)["BiosVersion"]


def test_an_update_that_was_cut_off_is_waited_for_and_not_begun_again(site):
    before = version(site)
    with site.start("clean", NODE, "--step", SETTING % "Disabled", "--step", FIRMWARE) as running:
        running.wait_for(
            lambda: any(fact and fact["state"] == "started" for fact in site.learnt("firmware update 1"))
        )
        running.kill()
    assert version(site) != before
    begun = version(site)
    ended = site.run("resume", NODE)
    assert ended.code == 0, ended.err
    assert version(site) == begun
    assert site.controller(NODE)["PowerState"] == "Off"
    assert site.node(NODE)["provision_state"] == "manageable"


def test_a_setting_that_the_bios_does_not_know_is_named(site):
    ended = site.run("clean", NODE, "--step", SETTING % "Disable")
    assert ended.code != 0
    assert "ProcTurboMode cannot be Disable, did you mean Disabled" in ended.err
    assert site.controller(NODE)["PowerState"] == "Off"
