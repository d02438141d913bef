import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskwire.auth.logins import Login
from deskwire.auth.tokens import Tokens
from deskwire.model.access import ALL_SCOPES, LoginId, Scope
from deskwire.model.instant import Instant
from deskwire.model.problems import TokenExpired, TokenRefused
from deskwire.model.units import Seconds

KEY = bytes(range(32))
DESK = "64da22cf-144c-439a-843f-4157b3629623"
DAY = 86400.0
LOGIN_LIFETIME = 7 * DAY
WALL, BOOT = 1_760_000_000.25, 5000.125
LOGIN = Login(
    id=LoginId("a1"),
    user="ann",
    scopes=frozenset({Scope.MONITOR}),
    address="192.0.2.7",
    agent="phone",
    created=Seconds(WALL),
    expires=Seconds(WALL + LOGIN_LIFETIME),
)


def at(after: float = 0.0, *, wall_set: float = 0.0) -> Instant:
    """Return the moment `after` seconds, the wall clock having been set by `wall_set`."""
    return Instant(wall=Seconds(WALL + after + wall_set), boot=Seconds(BOOT + after))


def after_reboot(after: float) -> Instant:
    return Instant(wall=Seconds(WALL + after), boot=Seconds(3.0))


def make_tokens(
    *,
    key: bytes = KEY,
    desk: str = DESK,
    boot: str = "boot1",
    websocket_lifetime: float = 1200.0,
    logins: tuple[Login, ...] = (LOGIN,),
) -> Tokens:
    return Tokens(
        key,
        desk=desk,
        boot_id=boot,
        login_lifetime=Seconds(LOGIN_LIFETIME),
        websocket_lifetime=Seconds(websocket_lifetime),
        find_login={login.id: login for login in logins}.get,
    )


TOKENS = make_tokens()
WEBSOCKET = TOKENS.websocket_token(LOGIN, at())
CLAIMS: dict[str, Any] = jwt.decode(WEBSOCKET, options={"verify_signature": False})
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def sign(payload: bytes, key: bytes = KEY) -> str:
    """Return any payload signed as a token is."""
    return jwt.PyJWS().encode(payload, key, algorithm="HS256")


def signed(claims: object) -> str:
    return sign(json.dumps(claims).encode())


def verify(token: str, now: Instant | None = None) -> None:
    TOKENS.verify_websocket(token, DESK, now or at(1.0))


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(header: object, hash_name: str = "sha256") -> str:
    """Return a token with this header, truly signed with the desk's own key."""
    signed = f"{b64(json.dumps(header).encode())}.{WEBSOCKET.split('.')[1]}"
    return f"{signed}.{b64(hmac.digest(KEY, signed.encode(), hash_name))}"


def test_token_is_signed_with_hmac_sha256() -> None:
    header, payload, signature = WEBSOCKET.split(".")

    assert json.loads(base64.urlsafe_b64decode(header + "=")) == {"typ": "JWT", "alg": "HS256"}
    assert signature == b64(hmac.digest(KEY, f"{header}.{payload}".encode(), "sha256"))


def test_token_is_the_one_that_a_library_writes() -> None:
    assert sign(json.dumps(CLAIMS, separators=(",", ":")).encode()) == WEBSOCKET
    verify(signed(CLAIMS))


@pytest.mark.parametrize("size", [0, 1, 31])
def test_short_key_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        make_tokens(key=b"k" * size)


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT", "alg": "none"},
        {"typ": "JWT", "alg": "None"},
        {"typ": "JWT", "alg": "NONE"},
        {"typ": "JWT", "alg": "nOnE"},
        {"typ": "JWT", "alg": ""},
        {"typ": "JWT", "alg": None},
        {"typ": "JWT", "alg": ["HS256"]},
        {"typ": "JWT"},
        {"alg": "HS256"},
        {"typ": "JWT", "alg": "RS256"},
        {"typ": "JWT", "alg": "hs256"},
        {"alg": "HS256", "typ": "JWT", "kid": "../../dev/null"},
        {"alg": "HS256", "typ": "JWT", "kid": 5},
        {"alg": "HS256", "typ": "JWT", "jwk": {"kty": "oct", "k": "AA"}},
        {"alg": "HS256", "typ": "JWT", "jku": "https://attacker.example/keys"},
        {"alg": "HS256", "typ": "JWT", "x5u": "https://attacker.example/chain"},
        {"alg": "HS256", "typ": "JWT", "crit": ["exp"]},
        {"alg": "HS256", "typ": "JWT", "b64": False, "crit": ["b64"]},
        {"alg": "HS256", "typ": "JWT", "anything": 1},
        [],
        "HS256",
        None,
    ],
)
def test_header_other_than_hs256_is_refused_although_the_signature_is_good(header: object) -> None:
    with pytest.raises(TokenRefused):
        verify(with_header(header))


@pytest.mark.parametrize("hash_name", ["sha384", "sha512", "sha1", "md5"])
def test_signature_by_another_hash_is_refused(hash_name: str) -> None:
    with pytest.raises(TokenRefused):
        verify(with_header({"alg": "HS256", "typ": "JWT"}, hash_name))


def test_forged_or_changed_signature_is_refused() -> None:
    signed, _, signature = WEBSOCKET.rpartition(".")
    public = hashlib.sha256(signed.encode()).digest()
    flipped = bytes([hmac.digest(KEY, signed.encode(), "sha256")[0] ^ 1])
    rest = hmac.digest(KEY, signed.encode(), "sha256")[1:]

    for forged in (
        make_tokens(key=bytes(32)).websocket_token(LOGIN, at()),
        signed,
        f"{signed}.",
        f"{signed}.{b64(public)}",
        f"{signed}.{b64(flipped + rest)}",
        f"{signed}.{signature[:-1]}",
        f"{signed}.{signature}=",
        f"{signed}.{signature}A",
        f"{signed}.{signature}.{signature}",
    ):
        with pytest.raises(TokenRefused):
            verify(forged)


def test_signature_with_unused_bits_set_is_refused() -> None:
    for last in ALPHABET:
        if last != WEBSOCKET[-1]:
            with pytest.raises(TokenRefused):
                verify(WEBSOCKET[:-1] + last)


@pytest.mark.parametrize("size", [4097, 7_000, 200_000, 2_000_000])
def test_long_token_is_refused(size: int) -> None:
    long = sign(b"[" * (size * 3 // 4))

    with pytest.raises(TokenRefused):
        verify(long)


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")))
def test_random_text_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        verify(text)


@given(
    at=st.integers(0, len(WEBSOCKET) - 1),
    length=st.integers(0, 40),
    put=st.text(st.sampled_from(ALPHABET + ".= \n\x00é\ud800"), max_size=8),
)
def test_changed_token_is_refused(at: int, length: int, put: str) -> None:
    mutated = WEBSOCKET[:at] + put + WEBSOCKET[at + length :]
    if mutated == WEBSOCKET:
        return

    with pytest.raises(TokenRefused):
        verify(mutated)


def test_login_token_names_its_login_until_the_expiry() -> None:
    token, expires = TOKENS.login_token(LOGIN, at())

    assert expires == pytest.approx(int(WALL + LOGIN_LIFETIME), abs=0)
    assert TOKENS.verify_login(token, at(LOGIN_LIFETIME - 1.0)) == "a1"
    with pytest.raises(TokenRefused, match="expired"):
        TOKENS.verify_login(token, at(LOGIN_LIFETIME))


def test_websocket_token_grants_the_scopes_of_its_login_for_20_minutes() -> None:
    grant = TOKENS.verify_websocket(WEBSOCKET, DESK, at(60.0))

    assert (grant.user, grant.login, grant.scopes) == ("ann", "a1", frozenset({Scope.MONITOR}))
    assert grant.token == CLAIMS["jti"]
    assert grant.deadline == BOOT + 1200.0


def test_websocket_token_used_again_expires_at_the_same_time() -> None:
    first = TOKENS.verify_websocket(WEBSOCKET, DESK, at(1.0))
    again = TOKENS.verify_websocket(WEBSOCKET, DESK, at(1199.0))

    assert again.deadline == pytest.approx(first.deadline, abs=0.001)
    with pytest.raises(TokenExpired):
        TOKENS.verify_websocket(WEBSOCKET, DESK, at(1200.0))


@pytest.mark.parametrize("lifetime", [0.05, 0.5, 1.0004, 1.9996, 3.0, 1199.999])
def test_lifetime_with_a_fraction_of_a_second_is_exact(lifetime: float) -> None:
    tokens = make_tokens(websocket_lifetime=lifetime)
    grant = tokens.verify_websocket(tokens.websocket_token(LOGIN, at()), DESK, at())

    assert grant.deadline == pytest.approx(BOOT + lifetime, abs=0.002)


def test_tokens_of_one_login_differ() -> None:
    minted = {TOKENS.websocket_token(LOGIN, at()) for _ in range(50)}

    assert len(minted) == 50


def test_clock_set_back_does_not_extend_a_token() -> None:
    for wall_set in (-3600.0, -400 * DAY):
        verify(WEBSOCKET, at(1199.0, wall_set=wall_set))
        with pytest.raises(TokenExpired):
            verify(WEBSOCKET, at(1200.0, wall_set=wall_set))


def test_clock_set_ahead_does_not_shorten_a_token() -> None:
    token, _ = TOKENS.login_token(LOGIN, at())

    for wall_set in (3600.0, 400 * DAY):
        verify(WEBSOCKET, at(1199.0, wall_set=wall_set))
        assert TOKENS.verify_login(token, at(60.0, wall_set=wall_set)) == "a1"


def test_token_of_an_earlier_process_is_checked_on_the_wall_clock_too() -> None:
    restarted = make_tokens()

    restarted.verify_websocket(WEBSOCKET, DESK, at(1198.0, wall_set=1.0))
    restarted.verify_websocket(WEBSOCKET, DESK, at(60.0, wall_set=-64.0))
    with pytest.raises(TokenExpired):
        restarted.verify_websocket(WEBSOCKET, DESK, at(60.0, wall_set=3600.0))
    with pytest.raises(TokenRefused):
        restarted.verify_websocket(WEBSOCKET, DESK, at(60.0, wall_set=-3600.0))
    with pytest.raises(TokenExpired):
        restarted.verify_websocket(WEBSOCKET, DESK, at(1200.0, wall_set=-5.0))


@pytest.mark.parametrize(("issued", "expires"), [(-1300, -100), (-3600, -10), (-10, -1)])
def test_token_past_its_exp_claim_has_expired(issued: int, expires: int) -> None:
    now = int(WALL)

    with pytest.raises(TokenExpired):
        verify(signed(CLAIMS | {"iat": now + issued, "exp": now + expires}))


def test_token_with_an_iat_claim_in_the_future_is_refused() -> None:
    now = int(WALL)

    with pytest.raises(TokenRefused):
        verify(signed(CLAIMS | {"iat": now + 60, "exp": now + 1260}))


def test_after_a_reboot_the_wall_clock_decides() -> None:
    rebooted = make_tokens(boot="boot2")

    grant = rebooted.verify_websocket(WEBSOCKET, DESK, after_reboot(600.0))

    assert grant.deadline == pytest.approx(3.0 + 600.0, abs=1.0)
    with pytest.raises(TokenExpired):
        rebooted.verify_websocket(WEBSOCKET, DESK, after_reboot(1200.0))


def test_after_a_reboot_with_the_clock_set_back_a_token_is_refused() -> None:
    rebooted = make_tokens(boot="boot2")

    rebooted.verify_websocket(WEBSOCKET, DESK, after_reboot(-4.0))
    with pytest.raises(TokenRefused):
        rebooted.verify_websocket(WEBSOCKET, DESK, after_reboot(-6.0))


def test_token_of_the_other_kind_is_refused() -> None:
    login_token, _ = TOKENS.login_token(LOGIN, at())

    with pytest.raises(TokenRefused):
        TOKENS.verify_websocket(login_token, DESK, at())
    with pytest.raises(TokenRefused):
        TOKENS.verify_login(WEBSOCKET, at())


def test_token_of_another_desk_is_refused() -> None:
    other = "11111111-2222-4333-8444-555555555555"

    with pytest.raises(TokenRefused):
        verify(make_tokens(key=bytes(32)).websocket_token(LOGIN, at()))
    with pytest.raises(TokenRefused):
        verify(make_tokens(desk=other).websocket_token(LOGIN, at()))
    with pytest.raises(TokenRefused):
        TOKENS.verify_websocket(WEBSOCKET, other, at())
    with pytest.raises(TokenRefused):
        TOKENS.verify_websocket(make_tokens(desk=other).websocket_token(LOGIN, at()), other, at())


def test_token_of_an_ended_login_is_refused() -> None:
    token, _ = TOKENS.login_token(LOGIN, at())
    ended = make_tokens(logins=())

    with pytest.raises(TokenRefused, match="has ended"):
        ended.verify_websocket(WEBSOCKET, DESK, at(1.0))
    with pytest.raises(TokenRefused, match="has ended"):
        ended.verify_websocket(WEBSOCKET, DESK, at(5000.0))
    with pytest.raises(TokenRefused, match="has ended"):
        ended.verify_login(token, at(1.0))


def test_grant_has_the_current_scopes_of_the_login() -> None:
    promoted = Login(LOGIN.id, "ann", ALL_SCOPES, "", "", LOGIN.created, LOGIN.expires)

    grant = make_tokens(logins=(promoted,)).verify_websocket(WEBSOCKET, DESK, at(1.0))

    assert grant.scopes == ALL_SCOPES


def test_signature_is_checked_before_the_time() -> None:
    forged = make_tokens(key=bytes(32)).websocket_token(LOGIN, at())

    for wrong in (forged, WEBSOCKET[:-6] + "AAAAAA"):
        with pytest.raises(TokenRefused):
            verify(wrong, at(5000.0))


def test_claims_and_desk_are_checked_before_the_time() -> None:
    late = at(5000.0)

    for changes in ({"aud": "deskwire:login"}, {"iss": "x"}, {"sub": "bob"}, {"desk": "x"}):
        with pytest.raises(TokenRefused):
            verify(signed(CLAIMS | changes), late)
    with pytest.raises(TokenExpired):
        verify(signed(CLAIMS), late)


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_token_without_one_claim_is_refused(claim: str) -> None:
    without = {name: value for name, value in CLAIMS.items() if name != claim}

    with pytest.raises(TokenRefused):
        verify(signed(without))


@pytest.mark.parametrize("claim", ["iat", "exp", "bia", "bex"])
@pytest.mark.parametrize(
    "value",
    [
        True, None, "1760000000", 1e300, 1.5, float("inf"), float("nan"), -1, 2**53 + 1, 10**30,
        [], {}, [1760000000],
    ],
)  # fmt: skip
def test_time_claim_that_is_not_a_whole_number_is_refused(claim: str, value: object) -> None:
    with pytest.raises(TokenRefused):
        verify(signed(CLAIMS | {claim: value}))


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "jti", "desk", "boot"])
@pytest.mark.parametrize("wrap", [lambda value: [value], lambda _: None, lambda _: 1])
def test_text_claim_that_is_not_a_string_is_refused(claim: str, wrap: Any) -> None:
    with pytest.raises(TokenRefused):
        verify(signed(CLAIMS | {claim: wrap(CLAIMS[claim])}))


def test_unknown_claim_is_refused() -> None:
    for more in ({"nbf": int(WALL) + 3600}, {"nbf": 0}, {"scopes": ["control"]}):
        with pytest.raises(TokenRefused):
            verify(signed(CLAIMS | more))


def test_inconsistent_times_are_refused() -> None:
    for changes in (
        {"exp": CLAIMS["exp"] + 3600},
        {"bex": CLAIMS["bex"] + 3_600_000},
        {"iat": CLAIMS["iat"] + 60},
        {"iat": CLAIMS["iat"] - 60},
        {"bia": CLAIMS["bia"] + 60_000, "bex": CLAIMS["bex"] + 60_000},
    ):
        with pytest.raises(TokenRefused):
            verify(signed(CLAIMS | changes))
    for changes in ({"exp": CLAIMS["iat"]}, {"bex": CLAIMS["bia"]}):
        with pytest.raises(TokenExpired):
            verify(signed(CLAIMS | changes))


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"{", b"[" * 3000, b'{"iss":"\xff"}'])
def test_payload_that_is_no_json_object_is_refused(payload: bytes) -> None:
    with pytest.raises(TokenRefused):
        verify(sign(payload))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@settings(max_examples=60)
@given(
    claims=st.dictionaries(st.sampled_from(sorted(CLAIMS)) | st.text(max_size=4), ANYTHING),
    after=st.floats(-1e6, 1e6),
)
def test_random_claims_are_refused_without_another_exception(
    claims: dict[str, object], after: float
) -> None:
    if {**CLAIMS, **claims} == CLAIMS:
        return

    for token in (signed(claims), signed(CLAIMS | claims)):
        try:
            granted = TOKENS.verify_websocket(token, DESK, at(after))
        except (TokenRefused, TokenExpired):
            continue
        # only the claims that identify a token may differ
        assert claims.keys() <= {"jti", "boot"}, claims
        assert granted.user == "ann"


@settings(max_examples=60)
@given(
    lifetime=st.floats(0.05, 1e6),
    minted=st.floats(0.0, 1e9),
    after=st.floats(0.0, 2e6),
    wall_set=st.floats(-1e8, 1e8),
)
def test_token_lives_exactly_its_lifetime_within_a_boot(
    lifetime: float, minted: float, after: float, wall_set: float
) -> None:
    tokens = make_tokens(websocket_lifetime=lifetime)
    token = tokens.websocket_token(LOGIN, Instant(Seconds(WALL), Seconds(minted)))
    now = Instant(Seconds(WALL + after + wall_set), Seconds(minted + after))

    try:
        tokens.verify_websocket(token, DESK, now)
        lives = True
    except TokenExpired:
        lives = False

    if abs(after - lifetime) > 0.005:  # milliseconds are what the token can say
        assert lives == (after < lifetime)
