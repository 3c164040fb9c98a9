"""The pages of instances: found, read and acted on by hand, whatever their ids and contents are."""

import html
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from standalone.contracts import InstanceQuery
from standalone.host import Host
from standalone.instance_pages import ROWS_SHOWN, SHOWN, address
from tests.host.edgehost import BEGINNING

APP = Path(__file__).parent / "standing_app"
NASTY = "<script>alert(1)</script>"
IDS = [
    NASTY, "a b+c&d=é%41", "漢字 ☃ \U0001f600", "\"quotes\" 'single'", "x" * 100, "semi;colon:at@sign", "a/b/c", "trailing/", "//", "q?x#y",
    "back\\slash", "%2F", "%252f", "\u202ertl", ".hidden", "a..b", "{{ 7 * 7 }}", "@x", "@counter@y",
]  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """A page as it came."""

    status: int
    body: str
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """What it says: without tags, blanks made one."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.body)).split())

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return [html.unescape(link) for link in re.findall(r'<a [^>]*href="([^"]*)"', self.body)]


class Browser:
    """Somebody without JavaScript."""

    def __init__(self, host: Host, session: aiohttp.ClientSession) -> None:
        self.host, self.session = host, session

    async def get(self, path: str) -> Answer:
        """Open a page."""
        async with self.session.get(URL(self.host.url + path, encoded=True)) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)

    async def press(self, instance: str, verb: str, **form: str) -> Answer:
        """Send a form of an instance's page, and follow where it leads."""
        url = URL(f"{self.host.url}{address(instance)}/{verb}", encoded=True)
        async with self.session.post(url, data=form) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)

    async def start(self, name: str, instance: str | None = None, given: Any = None) -> str:
        """Start an instance and let it come to rest."""
        made = await self.host.engine.start_instance(name, None if given is None else json.dumps(json.dumps(given)), instance)
        await self.host.engine.settle()
        return made

    async def status(self, instance: str) -> str | None:
        """An instance's status."""
        found = await self.host.engine.get(instance)
        return found.runtime_status if found else None


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """A host with instances to look at, and somebody who does."""
    async with (
        Host(APP, tmp_path / "state", virtual=True, start=BEGINNING) as host,
        aiohttp.ClientSession(headers={"Accept": "text/html"}) as session,
    ):
        yield Browser(host, session)


@pytest.mark.parametrize("instance", IDS)
async def test_an_instance_with_an_odd_id_is_found_shown_and_acted_on(browser: Browser, instance: str) -> None:
    """An id is any text, and reaches markup, links and forms."""
    await browser.start("waits", instance)
    listing = await browser.get("/standalone/instances")
    assert instance in html.unescape(listing.body)
    page = await browser.get(next(link for link in listing.links if link == address(instance)))
    assert page.status == 200
    assert f"<bdi>{html.escape(instance, quote=False)}</bdi>" in page.body.replace("&#34;", '"').replace("&#39;", "'")
    assert NASTY not in page.body + listing.body
    assert "{{" in instance or "49" not in page.text
    done = await browser.press(instance, "event", name="decision", value='"yes"')
    assert "The event was handed over." in done.text
    assert await browser.status(instance) == "Completed"


async def test_what_the_app_says_is_text_on_every_page(browser: Browser) -> None:
    """Inputs, results, failures, reasons, event names: each may hold markup."""
    await browser.start("waits", "it", {"who": NASTY})
    await browser.press("it", "event", name=NASTY, value=json.dumps(NASTY))
    await browser.press("it", "suspend", reason=NASTY)
    await browser.start("fails", "failed")
    pages = [
        await browser.get(f"/standalone/{path}") for path in ("instances", "instances/it", "instances/failed", f"instances?prefix={NASTY}")
    ]
    for page in pages:
        assert page.status == 200
        assert "<script" not in page.body
        assert "<b>luck" not in page.body
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert NASTY in pages[1].text.replace("&lt;", "<") or NASTY in html.unescape(pages[1].body)


async def test_the_list_shows_the_newest_first_a_hundred_to_a_page(browser: Browser) -> None:
    """Who looks has just started something."""
    for number in range(230):
        await browser.host.engine.start_instance("waits", None, f"many-{number:03}")
        await browser.host.advance(timedelta(seconds=1))
    seen: list[str] = []
    page = await browser.get("/standalone/instances")
    while True:
        seen += [link.rpartition("/")[2] for link in page.links if "/many-" in link]
        following = re.search(r'<a href="([^"]*)">Next page</a>', page.body)
        if following is None:
            break
        page = await browser.get(html.unescape(following[1]))
    assert seen == [f"many-{number:03}" for number in reversed(range(230))]
    assert "First page" in page.text


async def test_status_and_prefix_choose_together_and_stay_in_the_address(browser: Browser) -> None:
    """A list to be sent to somebody, and to be come back to."""
    for name, instance in (("waits", "a-1"), ("waits", "a-2"), ("fails", "a-3"), ("waits", "b-1")):
        await browser.start(name, instance)
    page = await browser.get("/standalone/instances?status=Running&prefix=a-")
    assert [link for link in page.links if re.search("/[ab]-", link)] == [address("a-1"), address("a-2")]
    assert 'value="a-"' in page.body
    assert "<option selected>Running</option>" in page.body
    everything = await browser.get("/standalone/instances")
    assert "all Failed 1 Running 3 Status" in everything.text.replace("Running 3 Failed 1", "Failed 1 Running 3")
    assert "None is Failed whose id begins with zzz" in (await browser.get("/standalone/instances?status=Failed&prefix=zzz")).text


async def test_the_list_tells_where_each_stands_and_what_failed_it(browser: Browser) -> None:
    """Nobody opens three hundred pages to find the one that hangs."""
    for name in ("waits", "returns_early", "goes_on_early", "fails", "spells_it_otherwise", "forgets_a_timer"):
        await browser.start(name, name)
    for name, event in (("spells_it_otherwise", "decision"), ("forgets_a_timer", "go")):
        await browser.press(name, "event", name=event, value="1")
    text = (await browser.get("/standalone/instances")).text
    assert "the event decision" in text
    assert "Python is done; the engine waits for the event never" in text
    assert "Python has gone on; the engine waits for the event never" in text
    assert "Python is done; the engine waits for the open timer until 2026-12-03 08:00:00 UTC" in text
    assert "Orchestrator function 'fails' failed: Activity function 'fail' failed" in text
    assert "nothing: all that was asked for has come, but Python has not seen it" in text


async def test_parents_and_children_lead_to_each_other(browser: Browser) -> None:
    """Where a fan-out hangs is found by walking it."""
    await browser.start("has_children", "top")
    page = await browser.get(address("top"))
    assert {address("top-bad"), *(address(f"top-{number}") for number in range(3))} <= set(page.links)
    child = await browser.get(address("top-1"))
    assert address("top") in child.links
    assert "Started by top" in child.text


async def test_a_large_input_is_cut_on_the_page_and_whole_behind_its_link(browser: Browser) -> None:
    """A megabyte in a page is a browser that hangs."""
    given = {"text": "Zoë € 漢字 " * 90_000}
    await browser.start("waits", "big", given)
    page = await browser.get(address("big"))
    assert f"The first {SHOWN:,} of" in page.text
    assert len(page.body) < 4 * SHOWN
    whole = await browser.get(f"{address('big')}/input")
    assert json.loads(json.loads(whole.body)) == given
    assert whole.headers["Content-Type"].startswith("application/json")
    assert whole.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_long_history_shows_its_end_and_the_rest_on_asking(browser: Browser) -> None:
    """What happened last is why somebody looks."""
    await browser.start("counts", "long", 330)
    page = await browser.get(address("long"))
    assert f"The last {ROWS_SHOWN} of 661 events." in page.text
    assert "more, which the table below has" in page.text
    assert "TaskScheduled 0 echo" not in page.text
    assert "TaskScheduled 0 echo" in (await browser.get(f"{address('long')}?all=1")).text
    assert len(json.loads((await browser.get(f"{address('long')}/history")).body)) > 661


async def test_the_history_tells_inputs_results_and_the_line_of_each_task(browser: Browser) -> None:
    """The real engine's history leaves the inputs of activities out; here they are known."""
    await browser.start("waits", "it")
    text = (await browser.get(address("it"))).text
    line = next(n for n, each in enumerate((APP / "function_app.py").read_text().splitlines(), 1) if '"echo", "first"' in each)
    assert f'TaskScheduled 0 echo "first" function_app.py:{line}' in text
    assert f'TaskCompleted 0 echo "first" function_app.py:{line}' in text


async def test_each_button_does_what_it_says_and_says_that_it_did(browser: Browser) -> None:
    """Suspend, resume, terminate, start again, purge, rewind: with the reason in the history."""
    await browser.start("waits", "it")
    assert "It was told to pause." in (await browser.press("it", "suspend", reason="for lunch")).text
    assert await browser.status("it") == "Suspended"
    page = await browser.press("it", "resume")
    assert "It was told to go on." in page.text
    assert "ExecutionSuspended for lunch" in page.text
    page = await browser.press("it", "terminate", reason="no longer wanted")
    assert "It was told to end." in page.text
    assert "It was terminated after 0 ms: no longer wanted." in page.text
    page = await browser.press("it", "restart")
    assert "This is a new instance, started with the same input." in page.text
    assert "It waits for the event “decision”." in page.text
    page = await browser.press("it", "purge")
    assert "The instance was purged." in page.text
    assert await browser.status("it") is None
    await browser.start("fails", "failed")
    assert "Its failures were struck out" in (await browser.press("failed", "rewind", reason="again")).text


async def test_an_instance_is_started_by_hand_with_what_a_client_function_would_give_it(browser: Browser) -> None:
    """The input reaches `get_input` whatever JSON it is. What is refused is refused with the reason, and what was typed is kept."""
    url = f"{browser.host.url}/standalone/instances"
    async with browser.session.post(url, data={"name": "counts", "id": "by hand", "input": "3"}) as answer:
        page = Answer(answer.status, await answer.text(), answer.headers)
    assert "It was started." in page.text
    assert "TaskScheduled 2 echo 2" in page.text
    for form, status, said in (
        ({"name": "counts", "id": "by hand", "input": "4"}, 409, "An Orchestration instance with the status Running already exists."),
        ({"name": "counts", "id": "other", "input": "{4"}, 422, "The input is no JSON:"),
        ({"name": "nobody", "id": "other", "input": "4"}, 422, "There is no such orchestrator in the app."),
    ):
        async with browser.session.post(url, data=form) as answer:
            page = Answer(answer.status, await answer.text(), answer.headers)
        assert page.status == status
        assert f"Nothing was started. {said}" in page.text
        assert f'value="{form["id"]}"' in page.body
        assert f">{form['input']}</textarea>" in page.body
    assert await browser.status("other") is None


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "decision", "value": "{yes"}, "The value is no JSON:"),
        ({"name": "decision", "value": "yes"}, 'A text needs its quotes: "yes".'),
        ({"name": "  ", "value": "1"}, "An event needs a name."),
        ({"value": "1"}, "An event needs a name."),
        ({"name": "decision", "value": "null"}, "An event's value cannot be null"),
    ],
)
async def test_an_event_that_cannot_be_taken_is_refused_with_the_reason_and_keeps_what_was_typed(
    browser: Browser, form: dict[str, str], said: str
) -> None:
    """422, on the page itself: nobody types a document twice."""
    await browser.start("waits", "it")
    page = await browser.press("it", "event", **form)
    assert page.status == 422
    assert f"Nothing was done. {said}" in page.text or said in page.text
    assert html.escape(form["value"]) in page.body
    assert 'aria-invalid="true"' in page.body
    assert await browser.status("it") == "Running"


async def test_an_event_without_a_value_carries_an_empty_text(browser: Browser) -> None:
    """Most events only say that something has happened."""
    await browser.start("waits", "it")
    await browser.press("it", "event", name="decision", value="")
    found = await browser.host.engine.get("it")
    assert found is not None
    assert (found.runtime_status, found.output_json) == ("Completed", '""')


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("event", "The orchestration it has ended: Terminated."),
        ("terminate", "The orchestration it has ended: Terminated."),
        ("suspend", "The orchestration it has ended: Terminated."),
        ("rewind", "This orchestration has status Terminated, but only orchestrations in the"),
    ],
)
async def test_what_no_longer_fits_the_instance_is_refused_in_words(browser: Browser, verb: str, said: str) -> None:
    """The page was open when somebody else ended it: 409, and the page as it is now."""
    await browser.start("waits", "it")
    await browser.press("it", "terminate")
    page = await browser.press("it", verb, name="decision", value="1")
    assert page.status == 409
    assert f"Nothing was done. {said}" in page.text
    assert "Purge" in page.text


async def test_what_is_not_there_is_a_404_page(browser: Browser) -> None:
    """Purged meanwhile, mistyped, or no verb."""
    await browser.start("waits", "it")
    for path in ("nowhere", "it/nothing", "it/input/more", "it/input"):
        assert (await browser.get(f"/standalone/instances/{path}")).status == 404
    for instance, verb in (("nowhere", "terminate"), ("it", "explode")):
        assert (await browser.press(instance, verb)).status == 404
    assert await browser.status("it") == "Running"


async def test_an_entity_shows_its_state(browser: Browser) -> None:
    """It stands in the list as the real engine has it there, and has no history."""
    await browser.start("asks", "it")
    page = await browser.get(address("it"))
    [entity] = {link for link in page.links if "counter" in link}
    shown = await browser.get(entity)
    assert "The entity counter with the key a/b ." in shown.text
    assert "State 5" in shown.text
    assert entity in (await browser.get("/standalone/instances?prefix=@")).links
    assert "The instance was purged." in (await browser.press("@counter@a/b", "purge")).text
    assert (await browser.get(entity)).status == 404


async def test_a_page_looks_again_only_where_it_was_asked_to(browser: Browser) -> None:
    """A page that moves while it is read is a nuisance; one that is watched need not be reloaded by hand."""
    await browser.start("waits", "it")
    still = await browser.get(address("it"))
    assert "http-equiv" not in still.body
    moving = await browser.get(f"{address('it')}?refresh=2")
    assert '<meta http-equiv="refresh" content="2">' in moving.body
    assert "Looks again every 2 s. Stop" in moving.text
    assert "http-equiv" not in (await browser.get(f"{address('it')}?refresh=0.0001")).body


async def test_no_page_of_an_instance_tells_a_secret(browser: Browser) -> None:
    """Values of local.settings.json are the app's own business; what call_http sends in its headers and its query is a key, as a rule."""
    await browser.start("calls_out", "calls")
    await browser.start("waits", "it")
    for path in ("", "instances", "instances/it", "instances/calls", "instances/calls?all=1", "clock", "mail"):
        assert "hunter2" not in (await browser.get(f"/standalone/{path}")).body
    assert "BuiltIn::HttpActivity GET http://127.0.0.1:9/nothing" in (await browser.get(address("calls"))).text


async def test_another_site_can_press_no_button(browser: Browser) -> None:
    """By whatever a browser tells of where a form came from."""
    await browser.start("waits", "it")
    url = f"{browser.host.url}{address('it')}/terminate"
    for headers in (
        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"},
        {"Host": "elsewhere.example"},
    ):  # fmt: skip
        async with browser.session.post(url, headers=headers) as answer:
            assert answer.status == 403, headers
    assert await browser.status("it") == "Running"
    async with browser.session.post(url, headers={"Origin": browser.host.url, "Sec-Fetch-Site": "same-origin"}) as answer:
        assert answer.status == 200


async def test_newest_first_is_a_page_by_index(browser: Browser) -> None:
    """A hundred of a hundred thousand must not cost the hundred thousand: nothing is sorted, nothing scanned."""
    reader = browser.host.engine._store._reader
    for status in ((), ("Running",)):
        found = await browser.host.engine.query(InstanceQuery(statuses=frozenset(status), newest_first=True))
        assert found.instances == []
    plan = "EXPLAIN QUERY PLAN SELECT n FROM instances WHERE created >= 0 AND created <= 9 {} ORDER BY created DESC, n DESC LIMIT 101"
    for condition in ("", "AND status = 'Running'"):
        told = " ".join(row[3] for row in reader.execute(plan.format(condition)))
        assert "USING INDEX" in told or "USING COVERING INDEX" in told
        assert "TEMP B-TREE" not in told
