"""One image in the drive, whatever the controller does."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redfish_controller import HASTY, MEDIA, Answer, Controller, Drive, Service

from bmctl.drivers import open_driver
from bmctl.drivers.abilities import Access
from bmctl.errors import BmctlError, RefusedError
from bmctl.model.secret import Secret

URL = "http://10.0.0.1:8080/k3y/n1.iso"
INSERT = f"{MEDIA}/Cd/Actions/VirtualMedia.InsertMedia"
EJECT = f"{MEDIA}/Cd/Actions/VirtualMedia.EjectMedia"


async def test_the_image_ends_in_the_cd_drive(controller, driver):
    await driver.media.insert(URL)
    assert controller.drives["Cd"].image == URL
    assert controller.drives["Usb"].image is None
    assert await driver.media.inserted() == (URL,)


@pytest.mark.parametrize("old", ["http://10.0.0.9/old.iso", URL])
async def test_an_old_image_is_replaced_even_if_it_is_the_same(controller, driver, old):
    controller.drives["Cd"].image = controller.drives["Usb"].image = old
    await driver.media.insert(URL)
    assert controller.drives["Cd"].image == URL
    assert controller.drives["Usb"].image is None
    assert controller.count("POST", EJECT) == 1


async def test_an_eject_that_is_answered_and_not_done_is_done_again(controller, driver):
    controller.drives["Cd"] = Drive(image="http://10.0.0.9/old.iso", lies=1)
    await driver.media.insert(URL)
    assert controller.drives["Cd"].image == URL


@pytest.mark.parametrize("status", [409, 500, 503])
async def test_an_eject_that_fails_is_not_taken_for_done(controller, driver, status):
    controller.drives["Cd"].image = URL
    controller.will("POST", EJECT, Answer(status=status))
    await driver.media.eject()
    assert controller.drives["Cd"].image is None
    assert await driver.media.inserted() == ()


async def test_a_drive_that_stays_full_is_an_error(controller, driver):
    controller.drives["Cd"] = Drive(image=URL, lies=99)
    with pytest.raises(BmctlError, match=r"keeps an image in its virtual drive \(Cd\) after it was ejected"):
        await driver.media.eject()


async def test_nothing_is_sent_to_empty_drives(controller, driver):
    await driver.media.eject()
    assert not [path for method, path in controller.log if method == "POST" and "Media" in path]


async def test_an_insertion_that_takes_its_time_is_waited_for(controller, driver):
    controller.drives["Cd"].late = 4
    await driver.media.insert(URL)
    assert await driver.media.inserted() == (URL,)


async def test_an_image_that_never_shows_up_is_an_error(controller, driver):
    controller.drives["Cd"].late = 10_000
    with pytest.raises(BmctlError, match="took the image for virtual drive Cd, but does not show it there"):
        await driver.media.insert(URL)
    await driver.media.eject()
    assert controller.drives["Cd"].image is None


async def test_a_controller_may_keep_the_url_to_itself(controller, driver):
    controller.drives["Cd"].blank = True
    await driver.media.insert(URL)
    assert await driver.media.inserted() == ("",)


@pytest.mark.parametrize("status", [400, 405])
async def test_the_next_drive_is_tried_when_one_refuses(controller, driver, status):
    controller.drives = {"Internal": Drive(refuses=status), "Cd": Drive(types=("DVD",))}
    await driver.media.insert(URL)
    assert controller.drives["Cd"].image == URL


async def test_an_image_that_the_drive_does_not_show_is_ejected_when_it_refuses(controller, driver):
    controller.drives["Cd"].hidden = "http://10.0.0.9/old.iso"
    await driver.media.insert(URL)
    assert controller.drives["Cd"].image == URL


async def test_drives_that_all_refuse_are_an_error_with_the_controllers_words(controller, driver):
    body = {"error": {"message": "Licence missing."}}
    controller.will("POST", INSERT, *(Answer(status=400, body=body) for _ in range(9)))
    with pytest.raises(RefusedError, match=r"could not insert .* \(HTTP 400: Licence missing\)"):
        await driver.media.insert(URL)
    assert controller.count("POST", INSERT) <= 3


async def test_an_insertion_is_tried_again_when_the_controller_fails_within(controller, driver):
    controller.will("POST", INSERT, Answer(status=500), Answer(status=503))
    await driver.media.insert(URL)
    assert controller.drives["Cd"].image == URL


async def test_an_insertion_whose_answer_is_lost_is_not_sent_again(controller, driver):
    controller.will("POST", INSERT, Answer(status=0, effect=True))
    await driver.media.insert(URL)
    assert controller.drives["Cd"].image == URL
    assert controller.count("POST", INSERT) == 1


async def test_a_machine_without_a_cd_drive_is_refused(controller, driver):
    controller.drives = {"Usb": Drive(types=("USBStick",))}
    with pytest.raises(RefusedError, match="no virtual drive for an ISO image"):
        await driver.media.insert(URL)


async def test_a_machine_without_virtual_media_has_no_such_ability(controller, access_to):
    controller.system["VirtualMedia"] = None
    async with open_driver("redfish", access_to(controller)) as driver:
        assert driver.media is None


def answers() -> st.SearchStrategy[list[Answer]]:
    """Answers that do or do not do what they say; only a refusal is taken at its word, but see below."""
    doing = st.builds(Answer, status=st.sampled_from([0, 202, 204, 409, 500, 503]), effect=st.booleans())
    return st.lists(st.one_of(doing, st.just(Answer(status=400))), max_size=3)


def drives() -> st.SearchStrategy[Drive]:
    old = st.sampled_from([None, "http://10.0.0.9/old.iso", URL])
    return st.builds(
        Drive, image=old, refuses=st.sampled_from([0, 0, 400]), lies=st.integers(0, 2), late=st.integers(0, 3)
    )


@given(first=drives(), second=drives(), inserts=answers(), ejects=answers())
@settings(max_examples=10, deadline=None)
def test_whatever_the_controller_does_success_means_that_it_is_so(first, second, inserts, ejects):
    controller = Controller(drives={"Cd": first, "Dvd": second})
    controller.will("POST", INSERT, *inserts)
    controller.will("POST", EJECT, *ejects)

    def images() -> list[str]:
        return [drive.image for drive in controller.drives.values() if drive.image]

    async def main() -> None:
        access = Access(
            address=controller.url, username="admin", password=Secret(controller.password), pace=HASTY
        )
        async with open_driver("redfish", access) as driver:
            try:
                await driver.media.insert(URL)
            except BmctlError:
                pass
            else:
                assert images() == [URL]
            try:
                await driver.media.eject()
            except BmctlError:
                pass
            else:
                assert images() == []

    with Service(controller):
        asyncio.run(main())
    assert not controller.tokens


async def test_a_drive_that_refuses_and_takes_it_all_the_same_is_the_one(controller, access_to):
    controller.drives["Dvd"] = Drive()
    controller.will("POST", INSERT, Answer(status=400, effect=True))
    async with open_driver("redfish", access_to(controller)) as driver:
        await driver.media.insert(URL)
        assert await driver.media.inserted() == (URL,)
    assert [drive.image for drive in controller.drives.values() if drive.image] == [URL]


async def test_drives_of_the_manager_are_used_where_the_system_has_none(controller, access_to):
    controller.system |= {
        "VirtualMedia": None,
        "Links": {"ManagedBy": [{"@odata.id": "/redfish/v1/Managers/1"}]},
    }
    controller.pages["/redfish/v1/Managers/1"] = {"VirtualMedia": {"@odata.id": MEDIA}}
    async with open_driver("redfish", access_to(controller)) as driver:
        await driver.media.insert(URL)
        assert await driver.media.inserted() == (URL,)
    assert controller.drives["Cd"].image == URL
