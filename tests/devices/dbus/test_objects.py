from copy import deepcopy
from typing import Any

import pytest
from dbus_fast import Variant
from hypothesis import example, given
from hypothesis import strategies as st

from deskwire.devices.dbus.objects import Tree, apply, select_interfaces

WANTED = frozenset({"org.example.Lamp"})
LAMP = "/lamp"


def lit() -> Tree:
    return {LAMP: {"org.example.Lamp": {"Lit": True, "Colour": "red"}}}


def test_only_wanted_interfaces_are_stored_without_variants() -> None:
    managed = {
        LAMP: {
            "org.example.Lamp": {"Lit": Variant("b", True)},
            "org.example.Noise": {"Level": Variant("u", 7)},
        },
        "/other": {"org.example.Noise": {}},
    }

    assert select_interfaces(managed, WANTED) == {LAMP: {"org.example.Lamp": {"Lit": True}}}


def test_a_change_brings_the_new_value_and_takes_an_invalidated_one_away() -> None:
    tree = lit()

    body = ["org.example.Lamp", {"Lit": Variant("b", False)}, ["Colour"]]
    assert apply(tree, WANTED, "PropertiesChanged", LAMP, body)
    assert tree == {LAMP: {"org.example.Lamp": {"Lit": False}}}


def test_a_repeated_value_is_no_change() -> None:
    tree = lit()

    assert not apply(
        tree, WANTED, "PropertiesChanged", LAMP, ["org.example.Lamp", {"Lit": True}, ["Shade"]]
    )
    assert tree == lit()


def test_an_object_comes_and_goes_with_its_interfaces() -> None:
    tree: Tree = {}

    assert apply(tree, WANTED, "InterfacesAdded", "/", [LAMP, {"org.example.Lamp": {"Lit": True}}])
    assert tree == {LAMP: {"org.example.Lamp": {"Lit": True}}}
    assert apply(tree, WANTED, "InterfacesRemoved", "/", [LAMP, ["org.example.Lamp"]])
    assert tree == {}
    assert not apply(tree, WANTED, "InterfacesRemoved", "/", [LAMP, ["org.example.Lamp"]])


def test_an_unwanted_interface_is_no_change() -> None:
    tree = lit()

    assert not apply(tree, WANTED, "InterfacesAdded", "/", [LAMP, {"org.example.Noise": {}}])
    assert not apply(tree, WANTED, "PropertiesChanged", LAMP, ["org.example.Noise", {"A": 1}, []])
    assert not apply(tree, WANTED, "InterfacesRemoved", "/", [LAMP, ["org.example.Noise"]])
    assert tree == lit()


JUNK = st.recursive(
    st.none() | st.booleans() | st.text() | st.sampled_from([LAMP, "org.example.Lamp"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([LAMP, "org.example.Lamp"]) | st.text(), inner)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("member", ["PropertiesChanged", "InterfacesAdded", "InterfacesRemoved"])
@given(path=st.none() | st.sampled_from([LAMP, "/"]), body=JUNK | st.lists(JUNK, max_size=3))
@example(path=None, body=[LAMP, [[]]])
@example(path=LAMP, body=["org.example.Lamp", {}, [[]]])
def test_a_malformed_signal_is_passed_by(member: str, path: str | None, body: Any) -> None:
    tree = lit()
    before = deepcopy(tree)

    changed = apply(tree, WANTED, member, path, body)

    assert changed or tree == before
