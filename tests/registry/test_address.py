from __future__ import annotations

import pytest

from sracl.registry.address import objection


@pytest.mark.parametrize("address", ["https://api.example.org/v1", "http://localhost:8000", "http://[::1]:8000/v1"])
def test_an_address_is_one(address: str) -> None:
    assert objection(address) == ""


@pytest.mark.parametrize("address", [1, None, "", "canary", "https://", "https://[canary", "ftp://example.org", "//example.org/canary"])
def test_what_is_none_is_told_what_it_should_be(address: object) -> None:
    assert objection(address) == "should be an address that begins with https:// or http://"


@pytest.mark.parametrize("address", ["https://canary@example.org", "https://:canary@example.org", "https://example.org/v1?key=canary"])
def test_a_key_has_no_place_in_one(address: str) -> None:
    assert objection(address) == "should hold no user, password or query; a key stands in the environment alone"
