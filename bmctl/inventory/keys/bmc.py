"""Keys of a machine's controller."""

from __future__ import annotations

from functools import partial
from typing import Annotated, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema

from bmctl.inventory import text_values
from bmctl.inventory.keys.base import Keys, Line, Text, described, reads
from bmctl.model.node import DriverName, RedfishAuth


def _verify(value: object) -> bool | str:
    text = text_values.one_line(value)
    try:
        return text_values.switch(text)
    except ValueError:
        return text


Verify: TypeAlias = Annotated[
    bool | str, PlainValidator(_verify), WithJsonSchema({"type": ["boolean", "string"]})
]
Driver: TypeAlias = Annotated[
    DriverName,
    reads(partial(text_values.choice, kind=DriverName)),
    described(enum=[member.value for member in DriverName]),
]
Auth: TypeAlias = Annotated[
    RedfishAuth,
    reads(partial(text_values.choice, kind=RedfishAuth)),
    described(enum=[member.value for member in RedfishAuth]),
]


class BmcKeys(Keys):
    """A machine's controller (BMC) and how to log in to it."""

    driver: Driver = Field(DriverName.REDFISH, description="The controller's protocol")
    address: Line | None = Field(
        None, description="URL such as https://10.0.0.11, or a host name or address alone"
    )
    username: Line = Field("", description="User name of the account")
    password: Text | None = Field(
        None, description="env:NAME, file:PATH or cmd:COMMAND; the password itself works, with a warning"
    )
    system: Line | None = Field(None, description="Which system of the service: path, id, name or UUID")
    auth: Auth = Field(RedfishAuth.AUTO, description="How to log in")
    verify: Verify = Field(
        default=True, description="Whether the certificate is checked, or the file of the CA that signed it"
    )
