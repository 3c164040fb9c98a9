"""`make run`: start the app on the standalone host, submit a sample proposal, print the links to open and a first curl."""

import argparse
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60.0
"""Seconds to wait for the host, and then for the first mail."""

SAMPLE = {
    "title": "Solar roof, Hall 3",
    "summary": "Panels on the south roof: 96 modules, 41 kWp.\n\n- **Why:** the hall uses most of its power at noon.\n"
    "- **When:** before the summer shutdown.\n- **Risk:** the roof is from 1987; a statics report is attached to the offer.",
    "submitter": {"name": "Sam Sorel", "email": "sam@example.com"},
    "department": "facilities",
    "category": "building",
    "budget": {"amount": "48500.00", "currency": "EUR"},
    "links": ["https://example.com/offers/solar-roof"],
    "details": {"suppliers": ["Sonnendach GmbH"]},
}


def asked(url: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    """The JSON that a GET, or with a body a POST, answers. Raises urllib's errors."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def eventually(attempt: Any, host: subprocess.Popen[bytes], what: str) -> Any:
    """The first answer of `attempt` that is not None, within PATIENCE. Raises SystemExit when the host ends or nothing comes."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if host.poll() is not None:
            raise SystemExit(host.returncode or 1)
        try:
            found = attempt()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            found = None
        if found is not None:
            return found
        time.sleep(0.1)
    raise SystemExit(f"no {what} within {PATIENCE:g} s; the lines above may tell why")


def review_link(base: str, reference: str) -> str | None:
    """The first reviewer's link in the mailbox about the sample, at `base`: the mail may be of an earlier run on another port."""
    for mail in asked(f"{base}/standalone/mail"):
        if mail["subject"].startswith("Approve: ") and reference in mail["subject"]:
            text: str = asked(f"{base}/standalone/mail/{mail['id']}")["text"]
            link = next(line.strip() for line in text.splitlines() if "/api/review/" in line)
            return base + urllib.parse.urlsplit(link).path
    return None


def introduce(base: str, host: subprocess.Popen[bytes], state: Path) -> None:
    """Submit the sample, wait for its mail, and say what can be done next."""
    eventually(lambda: asked(f"{base}/api/health"), host, "answer of the host")
    # the same sample at every start: it is submitted once for each state folder, and anew where an upgrade changed it
    key = f"make-run-{hashlib.sha256(json.dumps(SAMPLE).encode()).hexdigest()[:16]}"
    answer = asked(f"{base}/api/proposals", SAMPLE, {"Idempotency-Key": key})
    reference = f"GL-{answer['id'].removeprefix('prp-')[:6].upper()}"
    review = eventually(lambda: review_link(base, reference), host, "mail")
    example = json.dumps({**SAMPLE, "title": "A proposal of my own"}, separators=(",", ":")).replace("'", "")
    print(
        f"""
Greenlight is running, with a sample proposal. Open:

  mailbox        {base}/standalone/mail
  review page    {review}
  status         {base}{answer["links"]["self"] if answer["links"]["self"].startswith("/") else "/api/proposals/" + answer["id"]}
  clock          {base}/standalone/clock   (skip 3 days: a reminder; 3 more: an escalation)

Post one of your own:

  curl -s {base}/api/proposals -H 'Content-Type: application/json' -d '{example}'

Ctrl-C ends it; everything is kept in {state}, and goes on at the next make run.
""",
        flush=True,
    )


def refuse_taken(port: int) -> None:
    """Raise SystemExit where somebody listens already: the sample must not go to another host than the one that is started."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SystemExit(f"port {port} is taken, perhaps by an earlier make run; choose another: make run PORT={port + 1}")


def main() -> int:
    """Answer the host's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--state", type=Path, default=ROOT / ".state")
    options = parser.parse_args()
    refuse_taken(options.port)
    command = [sys.executable, "-m", "standalone", str(ROOT), "--port", str(options.port), "--state", str(options.state)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    host = subprocess.Popen(command, cwd=ROOT, env=environment, process_group=0)  # a second signal would end it at once: it gets ours only
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: host.terminate())
    try:
        introduce(f"http://localhost:{options.port}", host, options.state)
        return host.wait()
    except KeyboardInterrupt:
        host.send_signal(signal.SIGINT)
        return host.wait(10)
    finally:
        if host.poll() is None:
            host.terminate()
            host.wait(10)


if __name__ == "__main__":
    sys.exit(main())
