import pytest

from deskwire.auth.users import BadName, WeakPassword, new_password, normal, require_name


@pytest.mark.parametrize("name", ["a", "Ann", "ann.lee", "ann_lee-2", "ann@home", "7", "a" * 32])
def test_names_people_have(name: str) -> None:
    require_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ann",
        "ann ",
        "ann\n",
        "-ann",
        ".ann",
        "a b",
        "a/b",
        "a" * 33,
        "zoë",
        "a\x1b[2J",
        "\u0430",
    ],
)
def test_names_nobody_can_have(name: str) -> None:
    with pytest.raises(BadName, match=r"letters \(a-z\), digits and \. _ - @"):
        require_name(name)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "shorter than 8 characters"),
        ("seven77", "shorter than 8 characters"),
        ("üüüü", "shorter than 8 characters"),
        ("x" * 1025, "longer than 1024 bytes"),
        ("ü" * 513, "longer than 1024 bytes"),
        ("Ann.Leeson", "is the name"),
        ("half a pair \ud800", "not text"),
    ],
)
def test_passwords_nobody_should_have(password: str, said: str) -> None:
    with pytest.raises(WeakPassword, match=said):
        new_password("ann.leeson", password)


@pytest.mark.parametrize("password", ["eight888", "x" * 1024, "ü" * 512, "  spaces  ", "nul\0nul!"])
def test_any_other_text_is_a_password(password: str) -> None:
    assert new_password("ann", password) == password.encode()


def test_two_keyboards_spell_one_password() -> None:
    assert normal("café-chaise") == normal("cafe\u0301-chaise")
