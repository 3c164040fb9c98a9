# mypy: ignore-errors
"""The app of the recorded cases: one orchestrator, `program`, that does what the small program in its input says.

Input: {"rounds": [BODY, ...], "round": 0, "tick": seconds, "start": instant, "show": bool}; a BODY is a list of steps:

    {"let": NAME, "be": TASK}  {"yield": TASK, "catch": bool}  {"cancel": NAME}  {"won": NAME, "then": BODY, "else": BODY}
    {"status": VALUE}  {"signal": [KEY, OPERATION, INPUT]}  {"renew": bool}  {"raise": TEXT}  {"return": true}

A TASK is the name of one made before, or {"as": NAME} with one of "echo", "fail", "late" (fails before that tick), "sleep" (until that
tick), "retry" (one of those four, with "attempts", "every" milliseconds), "timer", "wait", "any", "all", "child", "entity". The output
is the trace: a label and an outcome for every yield; with "show" it is the custom status too.
"""

import asyncio
from datetime import datetime, timedelta, timezone

import azure.durable_functions as df
from azure.durable_functions.models.Task import TaskBase

app = df.DFApp()


def now():
    """The time that activities wait for; whoever runs the cases puts its own clock here."""
    return datetime.now(timezone.utc)


@app.activity_trigger(input_name="payload")
def echo(payload):
    return payload


@app.activity_trigger(input_name="payload")
def fail(payload):
    raise ValueError(payload)


@app.activity_trigger(input_name="payload")
def late(payload):
    if now() < datetime.fromisoformat(payload["until"]):
        raise ValueError("too early")
    return payload["name"]


@app.activity_trigger(input_name="payload")
async def sleep(payload):
    while (left := (datetime.fromisoformat(payload["until"]) - now()).total_seconds()) > 0:
        await asyncio.sleep(left)
    return payload["name"]


@app.entity_trigger(context_name="context")
def tally(context):
    total = context.get_state(lambda: 0)
    if context.operation_name == "add":
        total += context.get_input()
        context.set_state(total)
    elif context.operation_name != "get":
        raise ValueError("no such operation")
    context.set_result(total)


@app.orchestration_trigger(context_name="context")
def program(context):
    run = Run(context)
    if run.number < len(run.given["rounds"]):
        yield from run.body(run.given["rounds"][run.number])
    return {"round": run.number, "trace": run.trace}


class Run:
    """One replay of a program."""

    def __init__(self, context):
        self.context, self.given = context, context.get_input()
        self.number, self.start = self.given["round"], datetime.fromisoformat(self.given["start"])
        self.tasks, self.trace, self.winner, self.over = {}, [], None, False

    def at(self, tick):
        return self.start + timedelta(seconds=tick * self.given["tick"])

    def body(self, steps, path=""):
        for place, step in enumerate(steps):
            if self.over:
                return
            yield from self.step(step, f"{path}{place}")

    def step(self, step, label):
        if "yield" in step:
            yield from self.wait(step, label)
        elif "let" in step:
            self.make({**step["be"], "as": step["let"]})
        elif "cancel" in step:
            self.cancel(step["cancel"], label)
        elif "won" in step:
            won = self.winner is not None and self.tasks.get(step["won"]) is self.winner
            yield from self.body(step["then"] if won else step["else"], f"{label}{'y' if won else 'n'}")
        elif "status" in step:
            self.context.set_custom_status(step["status"])
        elif "signal" in step:
            key, operation, value = step["signal"]
            self.context.signal_entity(self.entity(key), operation, value)
        elif "renew" in step:
            self.context.continue_as_new({**self.given, "round": self.number + 1})
            self.over = step["renew"]
        elif "raise" in step:
            raise RuntimeError(step["raise"])
        else:
            self.over = True

    def wait(self, step, label):
        task = self.make(step["yield"])
        if task is None:
            return
        try:
            value = yield task
        except Exception as error:
            if not step["catch"]:
                raise
            self.note(label, self.told(error))
            return
        self.winner = value if isinstance(value, TaskBase) else self.winner
        self.note(label, self.told(value))

    def cancel(self, name, label):
        try:
            self.tasks[name].cancel()
        except KeyError:
            return
        except Exception as error:
            self.note(label, self.told(error))

    def note(self, label, outcome):
        self.trace.append([label, outcome])
        if self.given["show"]:
            self.context.set_custom_status(self.trace)

    def told(self, value):
        """Tasks by their names, exceptions by their first line."""
        if isinstance(value, TaskBase):
            return {"won": next((name for name, task in self.tasks.items() if task is value), "?"), "is": self.told(value.result)}
        if isinstance(value, BaseException):
            return {"error": (str(value).split("\n")[0].strip() or type(value).__name__)[:80]}
        return [self.told(each) for each in value] if isinstance(value, list) else value

    def make(self, spec):
        if isinstance(spec, str):
            return self.tasks.get(spec)
        self.tasks[spec["as"]] = made = self.made(spec)
        return made

    def made(self, spec):
        context = self.context
        if "timer" in spec:
            return context.create_timer(self.at(spec["timer"]))
        if "wait" in spec:
            return context.wait_for_external_event(spec["wait"])
        if "any" in spec:
            return context.task_any(self.members(spec["any"]))
        if "all" in spec:
            return context.task_all(self.members(spec["all"]))
        if "child" in spec:
            given = {**spec["child"], "round": 0, "tick": self.given["tick"], "start": self.start.isoformat(), "show": False}
            return context.call_sub_orchestrator("program", given, spec["id"] and f"{context.instance_id}-{spec['id']}")
        if "entity" in spec:
            return context.call_entity(self.entity(spec["entity"]), spec["op"], spec.get("input"))
        if "retry" in spec:
            name, payload = self.activity({**spec["retry"], "as": spec["as"]})
            return context.call_activity_with_retry(name, df.RetryOptions(spec["every"], spec["attempts"]), payload)
        return context.call_activity(*self.activity(spec))

    def members(self, specs):
        return [task for task in map(self.make, specs) if task is not None]

    def activity(self, spec):
        for name in ("echo", "fail"):
            if name in spec:
                return name, spec[name]
        name = "late" if "late" in spec else "sleep"
        return name, {"name": spec["as"], "until": self.at(spec[name]).isoformat()}

    def entity(self, key):
        return df.EntityId("tally", f"{self.context.instance_id}-{key}")
