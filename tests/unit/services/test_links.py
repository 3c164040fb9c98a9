"""Links in mails: what verifies, what does not, and how ids come about."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.links import BadLink, Links, ReviewLink
from services.settings import Settings
from tests.unit.services.trails import an_id

OLD, NEW = "old-key-old-key-old-key-old-key-old", "new-key-new-key-new-key-new-key-new"
BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def links(*keys: str) -> Links:
    """Links with these keys, oldest first."""
    return Links(Settings(signing_keys=[SecretStr(key) for key in keys], public_base_url="https://gl.example.com/x/"))


def test_a_review_link_says_whom_it_is_for() -> None:
    """The token alone carries proposal and slot, and fits a mail's line."""
    token = links(NEW).review_token(an_id(), "r1s1p1")
    assert links(NEW).read_review(token) == ReviewLink(an_id(), "r1s1p1")
    assert len(token) <= 85
    assert links(NEW).review_url(an_id(), "r1s1p1") == f"https://gl.example.com/x/api/review/{token}"


def test_a_mail_sent_again_holds_the_same_link() -> None:
    """Which of two mails somebody opens must not matter."""
    assert links(NEW).review_token(an_id(), "r1s1p1") == links(NEW).review_token(an_id(), "r1s1p1")


def test_keys_rotate() -> None:
    """The newest key signs, older ones still verify, and one that was taken away does not."""
    old = links(OLD).review_token(an_id(), "r1s1p1")
    assert links(OLD, NEW).read_review(old).slot == "r1s1p1"
    assert links(OLD, NEW).review_token(an_id(), "r1s1p1") == links(NEW).review_token(an_id(), "r1s1p1")
    with pytest.raises(BadLink):
        links(NEW).read_review(old)


def test_a_submitter_s_link_opens_no_review_nor_the_other_way_round() -> None:
    """Each kind of link has a salt of its own."""
    with pytest.raises(BadLink):
        links(NEW).read_review(links(NEW).submission_token(an_id()))
    with pytest.raises(BadLink):
        links(NEW).read_submission(links(NEW).review_token(an_id(), "r1s1p1"))
    assert links(NEW).read_submission(links(NEW).submission_token(an_id())) == an_id()


def test_only_the_canonical_spelling_of_a_token_verifies() -> None:
    """The last character of unpadded base64 holds unused bits: four spellings, one token. One address, one page."""
    token = links(NEW).review_token(an_id(), "r1s1p1")
    last = BASE64.index(token[-1])
    assert last % 4 == 0
    for bits in (1, 2, 3):
        with pytest.raises(BadLink):
            links(NEW).read_review(token[:-1] + BASE64[last + bits])


@given(position=st.integers(0, 200), character=st.sampled_from(BASE64 + ".=é \n"))
def test_a_changed_token_is_none(position: int, character: str) -> None:
    """Whatever one character is changed to, the link is forged."""
    made = links(NEW)
    token = made.review_token(an_id(), "r1s1p1")
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    if changed != token:
        with pytest.raises(BadLink):
            made.read_review(changed)


@given(st.text(max_size=120))
def test_any_text_is_a_bad_link_and_nothing_worse(text: str) -> None:
    """Scanners send everything."""
    with pytest.raises(BadLink):
        links(NEW).read_review(text)
    with pytest.raises(BadLink):
        links(NEW).read_submission(text)


def test_the_same_key_of_the_same_caller_names_the_same_proposal() -> None:
    """A request that is sent again, after a crash or a rotation of keys, finds its proposal; another caller's does not."""
    made = links(OLD, NEW)
    assert made.proposal_id("erp", "order-7") == links(OLD).proposal_id("erp", "order-7")
    others = {made.proposal_id(*each) for each in [("erp", "order-7"), ("erp", "order-8"), ("crm", "order-7"), ("erpo", "rder-7")]}
    assert len(others) == 4
    assert all(len(each) == 30 and set(each[4:]) <= set(string.ascii_lowercase + "234567") for each in others)


def test_without_a_key_each_proposal_is_its_own() -> None:
    """Two posts without an Idempotency-Key are two proposals."""
    assert links(NEW).proposal_id("erp", None) != links(NEW).proposal_id("erp", None)
