"""What is masked, what is not, and that nothing of a secret is left."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dreamgym.training.traces.secrets import Mask

LETTERS = string.ascii_letters + string.digits
SECRETS = {
    "Anthropic key": "sk-ant-api03-" + "aB3-" * 8,
    "OpenAI key": "sk-proj-" + "aB3_" * 10,
    "AWS key": "AKIAIOSFODNN7EXAMPLE",
    "GitHub token": "ghp_" + "a1B2" * 9,
    "GitLab token": "glpat-" + "a1B2" * 5,
    "Slack token": "xoxb-123456789012-abcdefABCDEF",
    "Hugging Face token": "hf_" + "aBcD" * 8,
    "Google key": "AIza" + "Sy0_" * 9,
    "Stripe key": "sk_live_" + "a1B2" * 6,
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----",
}
NAMED = {
    "https://me:{}@example.org/x": "password in a URL",
    "postgres://app:{}@db:5432/main": "password in a URL",
    "Authorization: Bearer {}": "bearer token",
    "Authorization: Basic {}": "basic credentials",
    "https://hooks.slack.com/services/{}": "Slack webhook",
    "password: {}": "password",
    '{{"user": "me", "password": "{}"}}': "password",
    '{{\\"api_key\\": \\"{}\\"}}': "password",
    "AWS_SECRET_ACCESS_KEY={}": "password",
    "export DB_PASSWORD='{}'": "password",
    "client_secret = {}": "password",
}
HARMLESS = (
    "You can call: get_password_policy, find_user. The token limit is 4096: see api keys.",
    '{"email": "yusuf.rossi@example.com", "zip": "19122", "user_id": "yusuf_rossi_9620"}',
    "https://example.org:8080/path?x=1 and mailto:me@example.org",
    "go to desk 1, take the risk-free sk-8 bus, basic rules apply",
    'W6067464, credit_card_4421486, "secret_santa": true',
)


@pytest.mark.parametrize("kind", SECRETS)
def test_a_key_is_masked_wherever_it_stands(kind: str) -> None:
    secret = SECRETS[kind]
    for frame in ("{}", "my key is {}, use it", '{{"k": "{}"}}', "x={}"):
        mask = Mask()
        assert mask(frame.format(secret)) == frame.format(f"<{kind} 1>")
        assert mask.found == {kind: 1}


@pytest.mark.parametrize("frame", NAMED)
def test_what_is_called_a_secret_is_masked(frame: str) -> None:
    kind = NAMED[frame]
    assert Mask()(frame.format("hunter2hunter2")) == frame.format(f"<{kind} 1>")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_none_stays(text: str) -> None:
    mask = Mask()
    assert mask(text) == text
    assert not mask.found


def test_the_same_secret_has_the_same_name_within_a_trace() -> None:
    mask = Mask()
    assert mask("password: alpha1 password: beta22") == "password: <password 1> password: <password 2>"
    assert mask("password: beta22") == "password: <password 2>"
    assert Mask()("password: beta22") == "password: <password 1>"


@given(
    before=st.text(max_size=30),
    after=st.text(max_size=30),
    kind=st.sampled_from(sorted(NAMED)),
    secret=st.text(LETTERS, min_size=12, max_size=60),
)
def test_no_named_secret_survives_in_any_surroundings(
    before: str, after: str, kind: str, secret: str
) -> None:
    assume(secret not in f"{before}\n{after}")
    assert secret not in Mask()(f"{before}\n{kind.format(secret)}\n{after}")


@given(text=st.text(max_size=200))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = Mask()(text)
    assert Mask()(once) == once
