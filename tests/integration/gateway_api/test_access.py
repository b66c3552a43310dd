"""A gateway that others can reach: keys for programs, one-time links for browsers."""

import asyncio
import itertools
from base64 import urlsafe_b64decode
from collections.abc import AsyncGenerator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.exceptions import TooManyRequestsException
from sqlmodel import col, select

from gateway.__main__ import check_entrance
from gateway.web.app import create_app
from gateway.web.security.access import TRUST_SECONDS, Secret, Verifier
from gateway.web.security.limits import MOST_BUCKETS, Limits, limits_of
from gateway.web.security.rules import rule_of
from gateway.web.security.site import SAFE_METHODS
from rfm_cli.processes import free_port
from rfm_common import keys, logins
from rfm_common.credentials import needs_login, new_secret
from rfm_common.db import Sessions, open_sessions, run_sql
from rfm_common.errors import ConflictError, InvalidInputError, NotFoundError
from rfm_common.keys import NoCredentialError, require_credential
from rfm_common.models import ApiKey, AuditEntry, Scope
from rfm_common.settings import Settings
from tests.conftest import fresh
from tests.integration.gateway_api.conftest import BASE, running, served
from tests.shop import open_shop

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
COOKIE = "rfm_session_8701"
NUMBERS = itertools.count(1)


# One database, one shop and one gateway for all tests; each has a client without credentials.


@pytest_asyncio.fixture(scope="module")
async def settings(template, tmp_path_factory) -> AsyncGenerator[Settings]:
    async with fresh(template, tmp_path_factory.mktemp("access")) as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def sessions(settings: Settings) -> AsyncGenerator[Sessions]:
    async with open_sessions(settings, "test") as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def shop(sessions: Sessions) -> int:
    return await open_shop(sessions)


@pytest.fixture(scope="module")
def reachable(settings: Settings) -> Settings:
    """Settings of a gateway that listens on every address."""
    return settings.model_copy(update={"api_host": "0.0.0.0", "cdn": "off", "logins_per_minute": 0})


@pytest_asyncio.fixture(scope="module")
async def app(reachable: Settings, shop: int) -> AsyncGenerator[Litestar]:
    made = create_app(reachable)
    async with running(made):
        yield made


@pytest_asyncio.fixture
async def outside(app: Litestar) -> AsyncGenerator[httpx.AsyncClient]:
    """A client without any credential."""
    async with client_of(app) as client:
        yield client


def client_of(app: Litestar, url: str = BASE) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=url)


async def make_key(sessions: Sessions, *scopes: Scope, name: str | None = None) -> str:
    name = name or f"program-{next(NUMBERS)}"
    async with sessions() as session, session.begin():
        return await keys.create_key(session, name, scopes, "test")


async def make_link(sessions: Sessions, *scopes: Scope) -> str:
    async with sessions() as session, session.begin():
        return await logins.create_link(session, scopes or [Scope.ADMIN], "test")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


# Without a credential


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/segments"), ("GET", "/customers/C0001"), ("GET", "/export/segments/all"),
        ("GET", "/metrics"), ("GET", "/events"), ("GET", "/docs"), ("GET", "/openapi.json"),
        ("GET", "/dashboard"), ("GET", "/"), ("GET", "/imports/1/rejects.csv"),
        ("POST", "/pipeline/run"), ("POST", "/imports"), ("DELETE", "/demo"),
        ("POST", "/login/links"), ("GET", "/visualization/plot"),
    ],
)  # fmt: skip
async def test_without_a_credential_nothing_is_told(outside, method, path) -> None:
    answer = await outside.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="rfm"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert "rfm key create" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/login", "/static/app.css"])
async def test_health_and_the_way_in_are_open(outside, path) -> None:
    assert (await outside.get(path)).status_code == 200


async def test_a_browser_is_told_how_to_get_in(outside) -> None:
    for path in ("/dashboard", "/", "/docs", "/dashboard/customers/C0001"):
        answer = await outside.get(path, headers=BROWSER)
        assert answer.status_code == 401
        assert answer.headers["content-type"].startswith("text/html")
        assert "rfm login" in answer.text
        assert "C0001" not in answer.text


async def test_a_part_of_an_open_page_loads_the_page_anew(outside) -> None:
    answer = await outside.get("/dashboard", headers={**BROWSER, "HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-refresh"]) == (401, "true")


# Keys


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer rfm_00000000_wrong"},
        {"Authorization": "Basic cmZtOnJmbQ=="},
        {"Authorization": "Bearer \xe9"},
        {"Cookie": f"{COOKIE}=wrong"},
    ],
)
async def test_a_wrong_credential_is_refused(outside, sessions, headers) -> None:
    await make_key(sessions, Scope.ADMIN)
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = await outside.get("/segments", headers=encoded)
    assert answer.status_code == 401


async def test_a_key_opens_what_its_scopes_say(outside, sessions) -> None:
    """One call of each kind with one key of each kind."""
    calls = {
        Scope.READ: ("GET", "/segments"),
        Scope.EXPORT: ("GET", "/export/segments/all"),
        Scope.RUN: ("POST", "/pipeline/run"),
        Scope.ADMIN: ("DELETE", "/demo"),
    }
    for held in Scope:
        key = await make_key(sessions, held, name=f"only-{held}")
        for needed, (method, path) in calls.items():
            answer = await outside.request(method, path, headers=bearer(key))
            if held in {needed, Scope.ADMIN}:
                assert answer.status_code in {200, 202}, (held, path)
            else:
                assert answer.status_code == 403
                assert answer.json()["detail"] == f"this call needs the scope {needed}"


async def test_a_key_with_two_scopes_has_both_and_no_more(outside, sessions) -> None:
    key = await make_key(sessions, Scope.RUN, Scope.READ)
    assert (await outside.get("/metrics", headers=bearer(key))).status_code == 200
    assert (await outside.post("/pipeline/run", headers=bearer(key))).status_code == 202
    assert (await outside.get("/export/segments/all", headers=bearer(key))).status_code == 403


async def test_a_key_is_stored_as_its_hash_alone(sessions) -> None:
    key = await make_key(sessions, Scope.READ)
    link = await make_link(sessions)
    async with sessions() as session:
        session_secret = await logins.open_session(session, link)
        await session.commit()
        kept = await run_sql(
            session,
            "SELECT coalesce(string_agg(t::text, ' '), '') FROM (SELECT k::text FROM api_keys k"
            " UNION ALL SELECT l::text FROM login_links l UNION ALL SELECT s::text"
            " FROM login_sessions s UNION ALL SELECT a::text FROM audit_log a) t",
        )
    text = kept.scalar_one()
    assert key[:12] in text
    for secret in (key, key[13:], link, session_secret):
        assert secret not in text


async def test_a_key_of_the_settings_opens_everything(reachable, shop) -> None:
    secret = "x" * 40
    made = Settings(**reachable.model_dump() | {"admin_key": secret})
    async with served(made) as client:
        assert (await client.get("/segments", headers=bearer(secret))).status_code == 200
        assert (await client.delete("/demo", headers=bearer(secret))).status_code == 200
        assert (await client.get("/segments", headers=bearer(secret[1:]))).status_code == 401


async def test_who_asked_is_written_down(outside, sessions) -> None:
    key = await make_key(sessions, Scope.ADMIN, name="nightly")
    await outside.post("/login/links", headers=bearer(key))
    async with sessions() as session:
        entries = select(AuditEntry).where(AuditEntry.actor == "key:nightly")
        entry = (await session.exec(entries)).one()
        used = (await session.exec(select(ApiKey).where(ApiKey.name == "nightly"))).one()
    assert entry.action == "login.link"
    assert used.last_used_at is not None


async def test_keys_and_logins_are_in_the_audit_log(outside, sessions) -> None:
    await make_key(sessions, Scope.READ, name="audited")
    async with sessions() as session, session.begin():
        await keys.revoke_key(session, "audited", "test")
    await outside.post("/login", data={"link": await make_link(sessions)})
    async with sessions() as session:
        newest = select(AuditEntry).order_by(col(AuditEntry.audit_id).desc()).limit(4)
        found = [(one.action, one.actor, one.subject) for one in (await session.exec(newest)).all()]
        number = (await run_sql(session, "SELECT max(session_id) FROM login_sessions")).scalar()
    assert found == [
        ("login.open", f"login:{number}", None), ("login.link", "test", None),
        ("key.revoke", "test", "audited"), ("key.create", "test", "audited"),
    ]  # fmt: skip


def test_a_secret_has_256_random_bits() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(urlsafe_b64decode(f"{one}=")) for one in made} == {32}


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_revoked_key_works_for_seconds_at_most(settings: Settings, sessions) -> None:
    clock = Clock()
    verifier = Verifier(settings, limits_of(settings), clock)
    key = Secret(await make_key(sessions, Scope.READ, name="short"), is_key=True)
    known = await verifier.identify(sessions, key, "192.0.2.1")
    assert known is not None
    assert known.actor == "key:short"

    async with sessions() as session, session.begin():
        await keys.revoke_key(session, "short", "test")
    assert await verifier.identify(sessions, key, "192.0.2.1") == known
    clock.now += TRUST_SECONDS + 0.1
    assert await verifier.identify(sessions, key, "192.0.2.1") is None


async def test_a_known_key_costs_no_query(settings: Settings, sessions) -> None:
    verifier = Verifier(settings, limits_of(settings))
    key = Secret(await make_key(sessions, Scope.READ), is_key=True)
    assert await verifier.identify(sessions, key, "192.0.2.1")

    def no_sessions() -> None:
        raise AssertionError("it asked the database")

    assert await verifier.identify(no_sessions, key, "192.0.2.1")  # type: ignore[arg-type]


async def test_guesses_do_not_lock_out_who_has_a_key(settings: Settings, sessions) -> None:
    """Behind a proxy everybody may have one address."""
    few = settings.model_copy(update={"logins_per_minute": 3})
    verifier = Verifier(few, limits_of(few))
    for number in range(3):
        guess = Secret(f"rfm_{number}", is_key=True)
        assert await verifier.identify(sessions, guess, "192.0.2.1") is None
    with pytest.raises(TooManyRequestsException, match="more than 3 logins a minute"):
        await verifier.identify(sessions, Secret("rfm_4", is_key=True), "192.0.2.1")
    assert await verifier.identify(sessions, Secret("rfm_5", is_key=True), "192.0.2.2") is None
    key = Secret(await make_key(sessions, Scope.READ), is_key=True)
    assert await verifier.identify(sessions, key, "192.0.2.1")


def test_a_bucket_fills_again(settings: Settings) -> None:
    clock = Clock()
    limits = Limits({"logins": 6, "runs": 0, "exports": 1}, clock)
    for _ in range(6):
        limits.take("logins", "one")
    with pytest.raises(TooManyRequestsException) as refused:
        limits.take("logins", "one")
    assert refused.value.headers == {"Retry-After": "10"}
    limits.take("logins", "another")
    clock.now += 10
    limits.take("logins", "one")
    with pytest.raises(TooManyRequestsException):
        limits.take("logins", "one")
    for _ in range(1000):
        limits.take("runs", "one")  # 0 is no limit


def test_callers_who_are_silent_are_forgotten() -> None:
    clock = Clock()
    limits = Limits({"logins": 1, "runs": 1, "exports": 1}, clock)
    for number in range(MOST_BUCKETS):
        limits.take("logins", f"{number}")
    clock.now += 61
    limits.take("logins", "last")
    assert list(limits.buckets) == [("logins", "last")]


async def test_names_of_keys_are_plain_and_taken_once(sessions) -> None:
    await make_key(sessions, Scope.READ, name="taken")
    with pytest.raises(ConflictError, match="there is a key named taken"):
        await make_key(sessions, Scope.READ, name="taken")
    async with sessions() as session, session.begin():
        await keys.revoke_key(session, "taken", "test")
    await make_key(sessions, Scope.READ, name="taken")
    with pytest.raises(InvalidInputError):
        await make_key(sessions, Scope.READ, name="a\nb")
    async with sessions() as session:
        with pytest.raises(NotFoundError, match="no key named other"):
            await keys.revoke_key(session, "other", "test")


# Browsers


async def test_a_link_logs_one_browser_in_once(outside, sessions) -> None:
    link = await make_link(sessions)
    page = await outside.get("/login")
    assert 'action="/login"' in page.text
    answer = await outside.post("/login", data={"link": link})
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE)
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie  # plain http here
    assert f"max-age={7 * 86_400}" in cookie
    assert link not in str(answer.headers)
    assert (await outside.get("/dashboard", headers=BROWSER)).status_code == 200

    again = await outside.post("/login", data={"link": link})
    assert again.status_code == 401
    assert "used already" in again.text


async def test_the_cookie_of_https_stays_on_https(app, sessions) -> None:
    async with client_of(app, "https://127.0.0.1:8701") as client:
        answer = await client.post("/login", data={"link": await make_link(sessions)})
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_of_two_who_send_a_link_at_once_one_gets_in(outside, sessions) -> None:
    link = await make_link(sessions)
    answers = await asyncio.gather(
        *(outside.post("/login", data={"link": f"http://x/login#{link}"}) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [303, 401, 401, 401]


async def test_a_link_is_soon_too_old(outside, sessions) -> None:
    link = await make_link(sessions)
    assert timedelta(minutes=15) == logins.LINK_LIFE
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE login_links SET expires_at = now() - interval '1 second'")
    answer = await outside.post("/login", data={"link": link})
    assert (answer.status_code, "too old" in answer.text) == (401, True)


async def test_a_session_ends_by_itself_and_by_logging_out(app, sessions) -> None:
    async with client_of(app) as client:
        await client.post("/login", data={"link": await make_link(sessions)})
        secret = client.cookies[COOKIE]
        assert (await client.get("/segments")).status_code == 200
        assert "Log out" in (await client.get("/login")).text
        left = await client.post("/logout")
        assert (left.status_code, left.headers["location"]) == (303, "/login")
        assert COOKIE not in client.cookies
        again = {"Cookie": f"{COOKIE}={secret}"}
        assert (await client.get("/segments", headers=again)).status_code == 401  # at once
    async with sessions() as session:
        assert await logins.find_session(session, secret) is None
        other = await logins.open_session(session, await make_link(sessions))
        assert other is not None
        assert await logins.find_session(session, other) is not None
        await run_sql(session, "UPDATE login_sessions SET expires_at = now()")
        assert await logins.find_session(session, other) is None


async def test_a_browser_has_the_scopes_of_its_link(outside, sessions) -> None:
    await outside.post("/login", data={"link": await make_link(sessions, Scope.READ)})
    assert (await outside.get("/dashboard", headers=BROWSER)).status_code == 200
    assert (await outside.get("/export/segments/all")).status_code == 403
    assert (await outside.post("/pipeline/run")).status_code == 403


async def test_another_site_cannot_use_the_cookie(outside, sessions) -> None:
    await outside.post("/login", data={"link": await make_link(sessions)})
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://192.168.1.9"}):
        assert (await outside.post("/pipeline/run", headers=headers)).status_code == 403
    own = {"Sec-Fetch-Site": "same-origin"}
    assert (await outside.post("/pipeline/run", headers=own)).status_code == 202


async def test_an_administrator_makes_links_by_the_api(outside, sessions) -> None:
    key = await make_key(sessions, Scope.ADMIN)
    made = (await outside.post("/login/links", headers=bearer(key))).json()
    assert made["expires_in_seconds"] == 900
    address, _, link = made["url"].partition("#")
    assert address == "http://127.0.0.1:8701/login"
    assert (await outside.post("/login", data={"link": link})).status_code == 303


async def test_without_the_database_nobody_gets_in_and_is_told_so(reachable) -> None:
    away = reachable.model_copy(update={"db_port": free_port()})
    async with served(away) as client:
        for answer in (
            await client.get("/segments", headers=bearer("rfm_00000000_any")),
            await client.post("/login", data={"link": "any"}),
        ):
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "2"
        assert (await client.get("/login")).status_code == 200


# Rates


@pytest.mark.parametrize(
    ("setting", "method", "path"),
    [
        ("logins_per_minute", "POST", "/login"),
        ("runs_per_minute", "POST", "/pipeline/run"),
        ("exports_per_minute", "GET", "/export/segments/all"),
    ],
)
async def test_too_many_calls_are_put_off(settings, shop, setting, method, path) -> None:
    async with served(settings.model_copy(update={setting: 2})) as client:
        first = [(await client.request(method, path)).status_code for _ in range(2)]
        assert 429 not in first
        answer = await client.request(method, path)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 30
        assert "a minute" in answer.json()["detail"]
        assert (await client.get("/segments")).status_code == 200


async def test_wrong_keys_are_counted(reachable, shop) -> None:
    async with served(reachable.model_copy(update={"logins_per_minute": 2})) as client:
        codes = [
            (await client.get("/segments", headers=bearer(f"rfm_{n}"))).status_code
            for n in range(3)
        ]
    assert codes == [401, 401, 429]


# What a key of each scope sees of people


async def test_a_key_that_reads_sees_no_rows_of_files(outside, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, """
            INSERT INTO import_rejects (import_id, line, outcome, column_name, value, reason,
                message, raw)
            VALUES (2, 2, 'rejected', 'email', 'eva@secret.example', 'bad', 'eva@secret.example is',
                'X,eva@secret.example,DE')
            """)  # fmt: skip
    paths = ("/imports/2", "/dashboard/imports/2", "/dashboard/imports/2/preview")
    for scope, sees in ((Scope.READ, False), (Scope.RUN, False), (Scope.EXPORT, True)):
        key = bearer(await make_key(sessions, Scope.READ, scope))
        texts = [(await outside.get(path, headers=key)).text for path in paths]
        assert ["secret.example" in text for text in texts] == [sees, sees, False]
        assert ("scope <code>export</code>" in texts[1]) is not sees
        csv = await outside.get("/imports/2/rejects.csv", headers=key)
        assert csv.status_code == (200 if sees else 403)


@pytest.mark.parametrize(
    "path", ["/customers", "/customers.csv", "/segments/champions/customers", "/going-quiet"]
)
async def test_whoever_lists_many_customers_is_limited(reachable, sessions, shop, path) -> None:
    few = reachable.model_copy(update={"customers_per_minute": 12})
    key = bearer(await make_key(sessions, Scope.READ))
    other = bearer(await make_key(sessions, Scope.READ))
    async with served(few) as client:
        codes = [
            (await client.get(path, headers=key, params={"page_size": 5})).status_code
            for _ in range(4)
        ]
        assert codes[:2] == [200, 200]
        late = await client.get("/customers", headers=key, params={"page_size": 100})
        assert late.status_code == 429
        assert 1 <= int(late.headers["retry-after"]) <= 60
        assert "customers a minute" in late.json()["detail"]
        assert "@" not in late.text
        assert (await client.get("/segments", headers=key)).status_code == 200
        assert (await client.get("/customers", headers=other)).status_code == 200, "a page at least"


async def test_pages_of_customers_count_as_well(reachable, sessions, shop) -> None:
    key = bearer(await make_key(sessions, Scope.READ)) | BROWSER
    async with served(reachable.model_copy(update={"customers_per_minute": 60})) as client:
        codes = [
            (await client.get("/dashboard/customers", headers=key)).status_code for _ in range(2)
        ]
    assert codes == [200, 429]


async def test_each_thousand_customers_that_are_listed_is_in_the_audit_log(
    outside, sessions
) -> None:
    key = await make_key(sessions, Scope.READ, name="crawler")
    for _ in range(9):  # of 120 each
        answer = await outside.get("/customers?page_size=1000", headers=bearer(key))
        assert len(answer.json()["customers"]) == 120
    async with sessions() as session:
        found = await session.exec(select(AuditEntry).where(AuditEntry.action == "list.customers"))
        assert [(one.actor, one.rows, one.subject) for one in found.all()] == [
            ("key:crawler", 1080, None)
        ]


async def test_who_needs_no_key_lists_without_limit(settings, shop) -> None:
    async with served(settings.model_copy(update={"customers_per_minute": 1})) as client:
        for _ in range(3):
            assert (await client.get("/customers?page_size=1000")).status_code == 200


# Where a login is needed


@pytest.mark.parametrize(
    ("host", "auth", "needed"),
    [
        ("127.0.0.1", "on", False), ("::1", "on", False), ("localhost", "on", False),
        ("0.0.0.0", "on", True), ("::", "on", True), ("192.0.2.7", "on", True),
        ("127.0.0.1", "required", True), ("0.0.0.0", "off", False),
    ],
)  # fmt: skip
def test_who_must_log_in(settings, host, auth, needed) -> None:
    assert needs_login(settings.model_copy(update={"api_host": host, "auth": auth})) is needed


async def test_a_reachable_gateway_answers_to_addresses_but_not_to_names(outside) -> None:
    """Rebinding needs a name."""
    assert (await outside.get("/health", headers={"Host": "192.0.2.7:8701"})).status_code == 200
    assert (await outside.get("/health", headers={"Host": "evil.example"})).status_code == 400


async def test_nobody_starts_a_gateway_that_nobody_can_enter(reachable, settings, sessions) -> None:
    required = settings.model_copy(update={"auth": "required"})
    async with sessions() as session:
        await run_sql(session, "UPDATE api_keys SET revoked_at = now() WHERE revoked_at IS NULL")
        await require_credential(settings, session)
        await require_credential(reachable.model_copy(update={"auth": "off"}), session)
        with pytest.raises(NoCredentialError, match="rfm key create") as refused:
            await require_credential(reachable, session)
        assert "API_HOST=0.0.0.0 is reachable" in str(refused.value)
        with pytest.raises(NoCredentialError, match="RFM_AUTH=required"):
            await require_credential(required, session)
        await keys.create_key(session, "first", [Scope.READ], "test")
        await require_credential(reachable, session)
        await keys.revoke_key(session, "first", "test")
        with pytest.raises(NoCredentialError):
            await require_credential(reachable, session)


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False)])
async def test_an_open_gateway_on_a_reachable_address_is_warned_of(
    settings, caplog, host: str, warned: bool
) -> None:
    await check_entrance(settings.model_copy(update={"auth": "off", "api_host": host}))
    assert ("whoever reaches 0.0.0.0 can read everything" in caplog.text) == warned


async def test_what_a_call_needs_is_described(outside, settings, sessions, shop) -> None:
    key = bearer(await make_key(sessions, Scope.READ))
    paths = (await outside.get("/openapi.json", headers=key)).json()["paths"]
    run = paths["/pipeline/run"]["post"]
    assert run["security"] == [{"key": []}]
    assert {"401", "403", "408", "413", "429"} <= run["responses"].keys()
    assert "Scope: `run`" in run["description"]
    assert "security" not in paths["/health"]["get"]
    async with served(settings) as local:
        described = (await local.get("/openapi.json")).json()
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "security" not in described["paths"]["/segments"]["get"]
    assert "401" not in described["paths"]["/segments"]["get"]["responses"]


def test_no_call_that_changes_something_is_open_by_accident(app) -> None:
    """A new route without a rule is for administrators."""
    changing = {
        (method, route.path_format): rule_of(method, route.path_format).scope
        for route in app.routes
        for method in route.methods - SAFE_METHODS
    }
    open_to_all = {call for call, scope in changing.items() if scope is None}
    assert open_to_all == {("POST", "/login"), ("POST", "/logout")}
    assert changing["POST", "/pipeline/run"] == Scope.RUN
    assert changing["DELETE", "/demo"] == Scope.ADMIN
    assert changing["POST", "/imports/{import_id}/decision"] == Scope.RUN
    assert changing["POST", "/dashboard/imports/{import_id}/decision"] == Scope.RUN
    assert changing["DELETE", "/profiles/{profile_id}"] == Scope.RUN
    assert rule_of("GET", "/imports/{import_id}/preview").scope == Scope.EXPORT
    assert rule_of("PUT", "/anything/new").scope == Scope.ADMIN
    work = {path for (_, path), scope in changing.items() if scope == Scope.RUN}
    assert {path.split("/")[1] for path in work} == {
        "pipeline", "runs", "models", "imports", "profiles", "customers", "dashboard"
    }  # fmt: skip
    customers = {path for path in work if path.startswith("/customers/")}
    assert customers == {"/customers/{customer_id}/exclusion"}


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_strangers_hear_that_it_is_alive_and_no_more(outside, sessions, path) -> None:
    key = await make_key(sessions, Scope.READ)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE data_state SET data_version = 3")
    for headers in ({}, bearer("wrong"), bearer(key)):
        answer = await outside.get(path, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")
        figures = {name: value for name, value in answer.json().items()
                   if name not in ("status", "database", "redis")}  # fmt: skip
        is_told = any(figures.values())
        assert is_told is (key in str(headers)), headers
