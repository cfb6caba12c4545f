"""Rules of the settings of webhooks."""

import pytest

from tracklog.settings.store_uris import SettingRefused
from tracklog.settings.webhooks import WebhookSettings, schemes_of, timeout_of


def test_only_https_and_public_addresses_are_called_unless_an_operator_says_so() -> None:
    assert WebhookSettings().schemes == {"https"}
    assert not WebhookSettings().private


def test_schemes_are_taken_in_any_spelling() -> None:
    assert schemes_of(" HTTPS, http,") == {"https", "http"}


@pytest.mark.parametrize("value", ["", ",", "ftp", "https,file", "https://"])
def test_a_scheme_that_cannot_be_called_is_refused(value: str) -> None:
    with pytest.raises(SettingRefused, match="--webhook-allowed-schemes"):
        schemes_of(value)


@pytest.mark.parametrize("value", [0.0, -1.0, 601.0, float("nan"), float("inf")])
def test_a_call_takes_some_time_and_not_for_ever(value: float) -> None:
    assert timeout_of(2.5) == 2.5
    with pytest.raises(SettingRefused, match="--webhook-request-timeout"):
        timeout_of(value)


def test_keys_are_not_shown() -> None:
    assert "kept-secret" not in repr(WebhookSettings(keys="kept-secret"))
