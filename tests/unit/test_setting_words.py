"""Wrong settings: one sentence, which one, what to do."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from rfm_cli.main import main
from rfm_common.setting_words import UnknownSettingError, doubtful
from rfm_common.settings import Settings, env_file_doubts, settings_problem, variables


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RFM_WINDOW_DAY", "Did you mean RFM_WINDOW_DAYS?"),
        ("RFM_TIME_ZONE", "Did you mean RFM_TIMEZONE?"),
        ("DB_PASWORD", "Did you mean DB_PASSWORD?"),
        ("rfm_loglevel", "Did you mean RFM_LOG_LEVEL?"),
        ("RFM_XYZZY", "docs/configuration.md lists all settings."),
    ],
)
def test_a_name_that_is_no_setting_stops_the_start(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    assert str(refusal()).startswith(f"There is no setting {name.upper()}. ")
    assert meant in str(refusal())


def refusal() -> UnknownSettingError:
    with pytest.raises(UnknownSettingError) as refused:
        Settings()
    return refused.value


def test_a_name_in_the_file_stops_it_too(folder: Path) -> None:
    (folder / ".env").write_text("RFM_CURENCY=EUR\nRFM_TIMEZON=UTC\n")
    assert "RFM_CURENCY. Did you mean RFM_CURRENCY? There is no setting RFM_TIMEZON" in str(
        refusal()
    )
    done = CliRunner().invoke(main, ["up", "--port", "0"])
    assert (done.exit_code, "RFM_CURRENCY" in done.output) == (1, True)


def test_names_of_containers_and_orchestrators_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("RFM_UID", "RFM_DATA", "RFM_GATEWAY_SERVICE_HOST", "DB_PORT_5432_TCP_ADDR"):
        monkeypatch.setenv(name, "1000")
    Settings()


def test_a_setting_without_its_beginning_is_doubted_in_the_file(folder: Path) -> None:
    (folder / ".env").write_text("WINDOW_DAYS=90\nAPI_PROT=8702\nTZ=UTC\nREDIS_PASSWORD=x\n")
    assert env_file_doubts() == [
        "API_PROT in .env is no setting. Did you mean API_PORT?",
        "WINDOW_DAYS in .env is no setting. Did you mean RFM_WINDOW_DAYS?",
    ]
    assert doubtful(["HOME", "COMPOSE_PROJECT_NAME", "AWS_REGION"], variables()) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RFM_TIMEZONE", "Europe/Berln", "RFM_TIMEZONE=Europe/Berln: there is no time zone"
         " 'Europe/Berln'. Did you mean Europe/Berlin?"),
        ("RFM_LOG_LEVEL", "loud", "RFM_LOG_LEVEL=LOUD: should be 'DEBUG', 'INFO', 'WARNING' or"
         " 'ERROR'"),
        ("DEFAULT_K", "many", "DEFAULT_K=many: should be a whole number from 1 to 50, or auto"),
        ("RFM_WINDOW_DAYS", "0", "RFM_WINDOW_DAYS=0: should be a whole number of days from 1 to"),
        ("API_PORT", "70000", "API_PORT=70000: should be less than or equal to 65535"),
        ("DB_PORT", "five", "DB_PORT=five: should be a valid integer"),
        ("REDIS_URL", "secret@host", "REDIS_URL: should be like redis://:password@host:6379/0"),
        ("RFM_ADMIN_KEY", "short-secret", "RFM_ADMIN_KEY: Value should have at least 32 items"),
        ("RFM_ENGINE", "spark", "RFM_ENGINE=spark needs RFM_SPARK_REMOTE=sc://host:15002"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_one_sentence(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    told = settings_problem(refused.value)
    assert told.startswith(f"Settings do not fit. {words}")
    assert "\n" not in told
    assert "secret" not in told


def test_levels_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFM_LOG_LEVEL", " debug ")
    assert Settings().log_level == "DEBUG"


@pytest.mark.parametrize(
    ("name", "value"), [("RFM_WINDOW_DAY", "90"), ("RFM_TIMEZONE", "Mars"), ("DB_PORT", "x")]
)
def test_the_doctor_finds_each(name: str, value: str) -> None:
    done = CliRunner().invoke(main, ["doctor"], env={name: value})
    assert done.exit_code == 1
    assert done.output.startswith("fail  settings: ")
    assert name in done.output


def test_the_doctor_warns_of_names_that_are_not_used(folder: Path) -> None:
    (folder / ".env").write_text("DB_PASSWORD=x\nTIMEZONE=UTC\nAPI_PORT=1\n")
    said = " ".join(CliRunner().invoke(main, ["doctor"]).output.split())
    assert "TIMEZONE in .env is no setting. Did you mean RFM_TIMEZONE?" in said
    assert "DB_PASSWORD: not used without DB_HOST" in said
