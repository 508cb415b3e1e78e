"""What the machine boots next, in every vendor's way."""

from __future__ import annotations

import pytest
from redfish_controller import SYSTEM, Answer

from bmctl.drivers import open_driver
from bmctl.errors import BmctlError, RefusedError
from bmctl.model.firmware import BootMode, BootTarget, SecureBootState


def patches(controller) -> list[dict]:
    return [body["Boot"] for body in controller.bodies if "Boot" in body]


async def test_the_cd_is_next_and_once(controller, driver):
    await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
    assert patches(controller) == [
        {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"},
    ]


async def test_a_mode_that_differs_is_sent_as_well(controller, driver):
    await driver.boot.set_next(BootTarget.DISK, BootMode.BIOS)
    assert controller.boot["BootSourceOverrideMode"] == "Legacy"
    assert controller.boot["BootSourceOverrideTarget"] == "Hdd"


async def test_what_is_so_already_is_not_sent_again(controller, driver):
    controller.boot["BootSourceOverrideEnabled"] = "Once"
    controller.etag += 1
    await driver.power.state()
    await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
    assert patches(controller) == [{"BootSourceOverrideTarget": "Cd"}]


@pytest.mark.parametrize(
    ("vendor", "sent"),
    [
        ("Supermicro", {"BootSourceOverrideTarget": "UsbCd", "BootSourceOverrideEnabled": "Once"}),
        (
            "American Megatrends International, LLC.",
            {
                "BootSourceOverrideTarget": "Cd",
                "BootSourceOverrideEnabled": "Once",
                "BootSourceOverrideMode": "UEFI",
            },
        ),
        ("Dynamite", {"BootSourceOverrideTarget": "Cd"}),
    ],
)
async def test_vendors_get_what_they_need(controller, access_to, vendor, sent):
    controller.manufacturer = vendor
    controller.boot["BootSourceOverrideEnabled"] = "Once"
    controller.boot["BootSourceOverrideTarget@Redfish.AllowableValues"].append("UsbCd")
    async with open_driver("redfish", access_to(controller)) as driver:
        await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
    assert patches(controller) == [sent]


async def test_a_supermicro_that_lists_no_targets_boots_from_the_usb_cd(controller, access_to):
    controller.manufacturer = "Supermicro"
    del controller.boot["BootSourceOverrideTarget@Redfish.AllowableValues"]
    async with open_driver("redfish", access_to(controller)) as driver:
        await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
    assert controller.boot["BootSourceOverrideTarget"] == "UsbCd"


async def test_an_old_idrac_is_refused_before_anything_is_sent(controller, access_to):
    manager = "/redfish/v1/Managers/1"
    controller.manufacturer = "Dell Inc."
    controller.system["Links"] = {"ManagedBy": [{"@odata.id": manager}]}
    controller.pages[manager] = {"Model": "14G Monolithic", "FirmwareVersion": "4.22.00.00"}
    async with open_driver("redfish", access_to(controller)) as driver:
        with pytest.raises(RefusedError, match=r"iDRAC \(14G Monolithic, firmware 4.22.00.00\)"):
            await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
    assert patches(controller) == []


async def test_a_target_the_controller_lacks_is_refused_with_those_it_has(driver):
    with pytest.raises(RefusedError, match=r"cannot boot the machine from http \(it offers BiosSetup, Cd, "):
        await driver.boot.set_next(BootTarget.HTTP, BootMode.UEFI)


async def test_an_override_that_is_answered_and_not_taken_is_an_error(controller, driver):
    controller.will("PATCH", SYSTEM, *(Answer(status=204) for _ in range(9)))
    with pytest.raises(BmctlError, match=r"did not take the next boot from cd \(it shows None\)"):
        await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)


async def test_a_machine_in_its_self_test_is_asked_again(controller, driver):
    code = "iLO.2.14.UnableToModifyDuringSystemPOST"
    refusal = {"error": {"code": code, "message": "See @Message.ExtendedInfo"}}
    controller.will("PATCH", SYSTEM, Answer(status=400, body=refusal, headers={"Retry-After": "0"}))
    await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
    assert controller.boot["BootSourceOverrideTarget"] == "Cd"


async def test_clearing_leaves_no_override(controller, driver):
    await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
    await driver.boot.clear()
    assert controller.boot["BootSourceOverrideEnabled"] == "Disabled"


async def test_clearing_what_is_clear_sends_nothing(controller, driver):
    await driver.boot.clear()
    assert patches(controller) == []


async def test_where_disabled_is_not_known_the_disk_is_next(controller, driver):
    await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
    controller.will("PATCH", SYSTEM, Answer(status=400))
    await driver.boot.clear()
    assert controller.boot["BootSourceOverrideTarget"] == "Hdd"


async def test_an_override_in_the_settings_resource_counts_as_taken(controller, access_to):
    settings = f"{SYSTEM}/Settings"
    controller.system["@Redfish.Settings"] = {"SettingsObject": {"@odata.id": settings}}
    controller.pages[settings] = {"Boot": dict(controller.boot)}
    async with open_driver("redfish", access_to(controller)) as driver:
        await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
    assert controller.pages[settings]["Boot"]["BootSourceOverrideTarget"] == "Cd"
    assert controller.boot["BootSourceOverrideTarget"] == "None"


async def test_secure_boot_that_does_not_take_shows_it(controller, access_to):
    controller.system["SecureBoot"] = {"@odata.id": f"{SYSTEM}/SecureBoot"}
    controller.pages[f"{SYSTEM}/SecureBoot"] = {"SecureBootEnable": False}
    async with open_driver("redfish", access_to(controller)) as driver:
        await driver.secure_boot.set(True)
        controller.will("PATCH", f"{SYSTEM}/SecureBoot", Answer(status=204))
        await driver.secure_boot.set(False)
        assert await driver.secure_boot.state() is SecureBootState.ENABLED


async def test_secure_boot_behind_a_licence_is_unknown(controller, access_to):
    controller.system["SecureBoot"] = {"@odata.id": f"{SYSTEM}/SecureBoot"}
    controller.will("GET", f"{SYSTEM}/SecureBoot", Answer(status=403))
    async with open_driver("redfish", access_to(controller)) as driver:
        assert await driver.secure_boot.state() is SecureBootState.UNKNOWN


async def test_a_mode_the_controller_keeps_is_an_error(controller, driver):
    controller.will("PATCH", SYSTEM, *(Answer(status=204) for _ in range(9)))
    controller.boot["BootSourceOverrideMode"] = "Legacy"
    await driver.power.state()
    with pytest.raises(BmctlError, match=r"does not change the boot mode to uefi \(it shows Legacy\)"):
        await driver.boot.set_next(BootTarget.CD, BootMode.UEFI)
