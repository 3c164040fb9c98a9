"""A small app for tests of the host's edge: HTTP in every way, the durable client, a timer function, mail, the wall clock."""

import os
import smtplib
import time
from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
ticks: list[str] = []


@app.route(route="echo/{word:alpha}", methods=["POST", "PUT"])
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    answer = func.HttpResponse(req.get_body(), status_code=201, mimetype="application/octet-stream")
    answer.headers["X-Word"] = req.route_params["word"]
    answer.headers["X-Query"] = req.params.get("q", "")
    return answer


@app.route(route="open", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def for_everybody(req: func.HttpRequest) -> str:
    return "open"


@app.route(route="cookies", methods=["GET"])
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    answer = func.HttpResponse(req.headers.get("cookie", ""))
    answer.headers.add("Set-Cookie", "a=x/y; Max-Age=60; HttpOnly; SameSite=Lax")
    answer.headers.add("Set-Cookie", "b=2; Path=/api; Secure")
    return answer


@app.route(route="broken", methods=["GET"])
def broken(req: func.HttpRequest) -> str:
    raise RuntimeError("a secret in the message")


@app.route(route="time", methods=["GET"])
def wall(req: func.HttpRequest) -> str:
    assert abs(time.time() - datetime.now(UTC).timestamp()) < 1
    assert date.today() == datetime.now().date()  # noqa: DTZ005, DTZ011  # whatever an app reads
    return datetime.now(UTC).isoformat()


@app.route(route="mail", methods=["POST"])
def mail(req: func.HttpRequest) -> str:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Grüße <b>"
    message.set_content("text\nhttp://localhost/x\n")
    message.add_alternative("<html><head></head><body><a href='http://localhost/x'>x</a><script>1</script></body></html>", subtype="html")
    with smtplib.SMTP(os.environ["STANDALONE_SMTP_HOST"], int(os.environ["STANDALONE_SMTP_PORT"])) as server:
        server.send_message(message)
    return "sent"


@app.route(route="ticks", methods=["GET"])
def told_ticks(req: func.HttpRequest) -> str:
    return ",".join(ticks)


@app.timer_trigger(arg_name="timer", schedule="%TICK%")
def tick(timer: func.TimerRequest) -> None:
    ticks.append(datetime.now(UTC).strftime("%H:%M"))


@app.route(route="begin/{instance}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def begin(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    instance = await client.start_new("waiting", req.route_params["instance"], {"hours": 1})
    return client.create_check_status_response(req, instance)


@app.orchestration_trigger(context_name="context")
def waiting(context: Any) -> Generator[Any, Any, Any]:
    event = context.wait_for_external_event("go")
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=context.get_input()["hours"]))
    winner = yield context.task_any([event, timer])
    if winner == event:
        timer.cancel()
        return {"said": event.result}
    return "nobody"
