# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A STAND-IN for AWX, not AWX: enough of its REST API on loopback that the real modules of awx.awx can talk to it.

It holds the objects in memory, starts no job, and refuses what the recorded schema (`schema.py`) refuses: unknown
fields, wrong types and choices, references to nothing, playbooks that the project does not list, bad surveys and
recurrence rules, answers that no survey asks for, two credentials of one type. It deletes nothing; who asks for that is
noted in `deleted`, and what was taken out of a list in `detached`.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import available_timezones

from tests.awx.schema import ASSOCIATED, EMAIL, KINDS, SURVEY_TYPES, Field

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
ENCRYPTED = "$encrypted$"
Object = dict[str, Any]


class Refused(Exception):
    """What AWX answers with HTTP 400, or with another status."""

    def __init__(self, status: int = 400, **why: Any) -> None:
        super().__init__(json.dumps(why))
        self.status, self.why = status, why


class StandIn:
    """The state of the stand-in and what it answers; `with StandIn() as awx:` serves it at `awx.url`."""

    TOKEN, USER, PASSWORD = "stand-in-token", "admin", "stand-in-password"

    def __init__(self, version: str = "24.6.1") -> None:
        self.version = version
        self.objects: dict[str, dict[int, Object]] = {kind: {} for kind in KINDS}
        self.associated: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[tuple[str, int], Object] = {}
        self.writes: list[tuple[str, str]] = []
        self.deleted: list[str] = []
        self.detached: list[str] = []
        # With what a workflow would have begun, had it been launched at any time since.
        self.started: set[str] = set()
        self._ids = 0
        self._lock = threading.Lock()
        for name in ("Machine", "Vault"):
            self._add("credential_types", {"name": name, "kind": "ssh", "managed": True}, check=False)

    def __enter__(self) -> StandIn:
        handler = type("Handler", (_Handler,), {"awx": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # ------------------------------------------------------------- what tests ask

    def named(self, kind: str, name: str) -> Object:
        """The object of that name, as the API shows it."""
        (found,) = [one for one in self.objects[kind].values() if one.get("name", one.get("identifier")) == name]
        return self._shown(kind, found)

    def names_of(self, kind: str, name: str, association: str) -> list[str]:
        """The names of what an object is associated with."""
        other = ASSOCIATED.get(association, association)
        ids = self.associated.get((kind, self.named(kind, name)["id"], association), [])
        return [self.objects[other][one].get("name", self.objects[other][one].get("identifier")) for one in ids]

    def counts(self) -> dict[str, int]:
        """How many objects there are of each kind."""
        return {kind: len(objects) for kind, objects in self.objects.items()}

    # ------------------------------------------------------------- requests

    def answer(self, method: str, path: str, query: dict[str, str], data: Any) -> tuple[int, Any]:
        """Return HTTP status and body."""
        with self._lock:
            if method != "GET":
                self.writes.append((method, path))
            parts = path.removeprefix("/api/v2/").strip("/").split("/")
            answered = self._routed(method, parts, query, data)
            self.started |= self._starts_now() if method != "GET" else set()
            return answered

    def _starts_now(self) -> set[str]:
        """The nodes that a workflow would begin with if it were launched now: those to which nothing leads."""
        led_to = {
            one
            for (kind, _id, way), ids in self.associated.items()
            if kind == "workflow_job_template_nodes" and ASSOCIATED.get(way) == kind
            for one in ids
        }
        nodes = self.objects["workflow_job_template_nodes"].values()
        return {node["identifier"] for node in nodes if node["unified_job_template"] and node["id"] not in led_to}

    def _routed(self, method: str, parts: list[str], query: dict[str, str], data: Any) -> tuple[int, Any]:
        kind, rest = parts[0], parts[1:]
        if method == "DELETE":
            self.deleted.append("/".join(parts))
            return 405, {"detail": "the stand-in deletes nothing"}
        if kind == "project_updates":
            return 200, self._update(int(rest[0]))
        if kind == "unified_job_templates":
            return 200, self._listed(self._unified(), query)
        if kind not in KINDS:
            return 404, {"detail": "Not found."}
        if not rest:
            if method == "GET":
                objects = [self._shown(kind, one) for one in self.objects[kind].values()]
                return 200, self._listed(objects, query)
            return 201, self._shown(kind, self._add(kind, data))
        found = self.objects[kind].get(int(rest[0]))
        if found is None:
            return 404, {"detail": "Not found."}
        if len(rest) == 1:
            if method == "PATCH":
                self._change(kind, found, data)
            return 200, self._shown(kind, found)
        return self._related(method, kind, found, rest[1], data)

    def _related(self, method: str, kind: str, found: Object, what: str, data: Any) -> tuple[int, Any]:
        if what == "survey_spec" and KINDS[kind].survey:
            if method == "POST":
                check_survey(data)
                self.surveys[kind, found["id"]] = data
                return 200, None
            return 200, self.surveys.get((kind, found["id"]), {})
        if what == "update" and kind == "projects" and method == "POST":
            return 202, self._update(found["id"])
        if what == "create_approval_template" and kind == "workflow_job_template_nodes" and method == "POST":
            made = self._add("workflow_approval_templates", data)
            found["unified_job_template"] = made["id"]
            return 201, self._shown("workflow_approval_templates", made)
        if what not in KINDS[kind].associations:
            return 404, {"detail": "Not found."}
        other = ASSOCIATED.get(what, what)
        ids = self.associated.setdefault((kind, found["id"], what), [])
        if method == "GET":
            return 200, self._listed([self._shown(other, self.objects[other][one]) for one in ids], {})
        if data.get("id") not in self.objects[other]:
            raise Refused(detail=f"there is no {other} {data.get('id')}")
        if data.get("disassociate"):
            ids.remove(data["id"])
            self.detached.append(f"{kind}/{found['id']}/{what}/{data['id']}")
        elif data["id"] not in ids:
            if what == "credentials":
                self._check_one_of_a_type([*ids, data["id"]])
            ids.append(data["id"])
        return 204, None

    def _check_one_of_a_type(self, ids: list[int]) -> None:
        names = [self._shown("credentials", self.objects["credentials"][one]) for one in ids]
        types = [one["summary_fields"]["credential_type"]["name"] for one in names]
        twice = sorted({one for one in types if types.count(one) > 1 and one != "Vault"})
        if twice:
            raise Refused(error=f"Cannot assign multiple {twice[0]} credentials.")

    # ------------------------------------------------------------- objects

    def _add(self, kind: str, data: Any, check: bool = True) -> Object:
        made = {name: field.default for name, field in KINDS[kind].fields.items()}
        data = self._without_null(kind, data)
        made.update(data)
        if check:
            missing = [name for name, field in KINDS[kind].fields.items() if field.required and not data.get(name)]
            if missing:
                raise Refused(**{name: ["This field is required."] for name in missing})
            self._check(kind, data, made, None)
        self._ids += 1
        made["id"] = self._ids
        self.objects[kind][self._ids] = made
        return made

    def _change(self, kind: str, found: Object, data: Object) -> None:
        data = self._without_null(kind, data)
        if found.get("managed"):
            raise Refused(403, detail="Modifications not allowed for managed credential types")
        self._check(kind, data, {**found, **data}, found)
        found.update(data)

    def _without_null(self, kind: str, data: Object) -> Object:
        """Null is the default where a field cannot be null."""
        defaults = {name: field.default for name, field in KINDS[kind].fields.items()}
        return {name: defaults.get(name) if value is None else value for name, value in data.items()}

    def _check(self, kind: str, data: Object, made: Object, before: Object | None) -> None:
        # The modules send the type of a node along.
        unknown = sorted(set(data) - set(KINDS[kind].fields) - {"type"})
        if unknown:
            raise Refused(**{name: ["There is no such field."] for name in unknown})
        data.pop("type", None)
        made.pop("type", None)
        for name, value in data.items():
            self._check_field(name, value, KINDS[kind].fields[name])
        unique = KINDS[kind].unique
        for other in self.objects[kind].values() if unique else ():
            if other is not before and all(other.get(name) == made.get(name) for name in unique):
                raise Refused(__all__=[f"{kind} with this ({', '.join(unique)}) combination already exists."])
        further: Callable[[Object], None] | None = getattr(self, f"_check_{kind}", None)
        if further:
            further(made)

    def _check_field(self, name: str, value: Any, field: Field) -> None:
        if value is None and not field.required:
            return
        if isinstance(field.type, str):
            known = {one["id"] for one in self._unified()} if field.type[:7] == "unified" else self.objects[field.type]
            if value not in known:
                raise Refused(**{name: [f'Invalid pk "{value}" - object does not exist.']})
        elif not isinstance(value, field.type) or (field.type is int and isinstance(value, bool)):
            raise Refused(**{name: [f"Not a valid {field.type.__name__}: {value!r}"]})
        elif field.choices and value not in field.choices:
            raise Refused(**{name: [f'"{value}" is not a valid choice.']})

    def _check_credential_types(self, made: Object) -> None:
        fields = {field["id"] for field in (made["inputs"] or {}).get("fields", [])}
        for name, template in (made["injectors"] or {}).get("extra_vars", {}).items():
            named = set(re.findall(r"{{\s*(\w+)", template))
            if not named or named - fields:
                raise Refused(injectors=[f"{name} uses an undefined field: {template!r}"])

    def _check_credentials(self, made: Object) -> None:
        kind = self.objects["credential_types"][made["credential_type"]]
        fields = {field["id"] for field in (kind.get("inputs") or {}).get("fields", [])}
        if kind.get("managed"):
            fields = {"username", "password", "ssh_key_data", "become_method", "become_username", "become_password"}
        if set(made["inputs"]) - fields:
            raise Refused(inputs=[f"unknown inputs {sorted(set(made['inputs']) - fields)}"])

    def _check_projects(self, made: Object) -> None:
        if made["scm_type"] == "git" and not made["scm_url"]:
            raise Refused(scm_url=["SCM URL is required."])

    def _check_notification_templates(self, made: Object) -> None:
        given = made["notification_configuration"]
        if made["notification_type"] == "email":
            missing = [name for name in EMAIL if name not in given and name != "timeout"]
            if missing:
                raise Refused(__all__=[f"Missing required fields for Notification Configuration: {missing}."])
            wrong = [name for name, value in given.items() if not isinstance(value, EMAIL.get(name, ()))]
            if wrong:
                raise Refused(__all__=[f"Configuration field incorrect type, or unknown: {wrong}"])

    def _check_job_templates(self, made: Object) -> None:
        listed = [f"playbooks/{path.name}" for path in PLAYBOOKS.glob("*.yml")]
        if made["playbook"] not in listed:
            raise Refused(playbook=["Playbook not found for project."])
        if made["inventory"] is None and not made["ask_inventory_on_launch"]:
            raise Refused(inventory=["You must either set a default value or ask to prompt on launch."])
        self._check_text_of_variables(made["extra_vars"])

    def _check_text_of_variables(self, text: str) -> None:
        try:
            fits = not text or isinstance(json.loads(text), dict)
        except ValueError:
            fits = False
        if not fits:
            raise Refused(extra_vars=["Cannot parse as JSON (…) or YAML (…)."])

    def _check_workflow_job_template_nodes(self, made: Object) -> None:
        self._check_answers(made, required=False)

    def _check_schedules(self, made: Object) -> None:
        check_rrule(made["rrule"])
        self._check_answers(made, required=True)

    def _check_answers(self, made: Object, required: bool) -> None:
        """What is said beforehand has to be asked for, and to fit."""
        started = made.get("unified_job_template")
        for kind in ("job_templates", "workflow_job_templates"):
            if started not in self.objects[kind]:
                continue
            template, given = self.objects[kind][started], made.get("extra_data") or {}
            spec = self.surveys.get((kind, started), {}).get("spec", []) if template["survey_enabled"] else []
            questions = {question["variable"]: question for question in spec}
            strange = sorted(set(given) - set(questions))
            if strange and not template["ask_variables_on_launch"]:
                raise Refused(
                    extra_data=[
                        f"Variables {', '.join(strange)} are not allowed on launch. Check the Prompt on Launch…"
                    ]
                )
            for name, question in questions.items():
                if name in given:
                    check_answer(name, given[name], question)
                elif required and question["required"]:
                    raise Refused(variables_needed_to_start=[f"'{name}' value missing"])
            if made.get("job_type") and not template.get("ask_job_type_on_launch"):
                raise Refused(job_type=["Field is not configured to prompt on launch."])
            if made.get("inventory") and not template["ask_inventory_on_launch"]:
                raise Refused(inventory=["Field is not configured to prompt on launch."])

    # ------------------------------------------------------------- what is shown

    def _shown(self, kind: str, found: Object) -> Object:
        url = f"/api/v2/{kind}/{found['id']}/"
        related = {name: f"{url}{name}/" for name in KINDS[kind].associations}
        if KINDS[kind].survey:
            related["survey_spec"] = f"{url}survey_spec/"
        if kind == "projects":
            related["update"] = f"{url}update/"
        shown = {**found, "type": KINDS[kind].type, "url": url, "related": related, "summary_fields": {}}
        if kind == "projects":
            shown.update(status="successful", scm_revision="0" * 40)
        if kind == "workflow_job_template_nodes":
            started = found["unified_job_template"]
            if started is not None:
                of_kind = next(one for one in KINDS if started in self.objects[one])
                related["unified_job_template"] = f"/api/v2/{of_kind}/{started}/"
            for way in ("success_nodes", "failure_nodes", "always_nodes"):
                shown[way] = list(self.associated.get((kind, found["id"], way), []))
        if kind == "credentials":
            of_type = self.objects["credential_types"][found["credential_type"]]
            shown["summary_fields"] = {"credential_type": {"id": of_type["id"], "name": of_type["name"]}}
            shown["inputs"] = {name: self._masked(name, value) for name, value in found["inputs"].items()}
        if kind == "notification_templates":
            configuration = found["notification_configuration"]
            shown["notification_configuration"] = {
                name: ENCRYPTED if name == "password" and value else value for name, value in configuration.items()
            }
        return shown

    def _masked(self, name: str, value: Any) -> Any:
        return value if name in ("username", "become_method", "become_username") else ENCRYPTED

    def _unified(self) -> list[Object]:
        kinds = ("projects", "job_templates", "workflow_job_templates", "workflow_approval_templates")
        return [self._shown(kind, one) for kind in kinds for one in self.objects[kind].values()]

    def _update(self, project: int) -> Object:
        return {
            "id": project,
            "url": f"/api/v2/project_updates/{project}/",
            "status": "successful",
            "failed": False,
            "finished": "2026-01-01T00:00:00Z",
            "event_processing_finished": True,
            "scm_revision": "0" * 40,
            "elapsed": 1.0,
            "started": "2026-01-01T00:00:00Z",
        }

    def _listed(self, objects: list[Object], query: dict[str, str]) -> Object:
        for name, value in query.items():
            if name in ("page_size", "page") or name.startswith("or__"):
                continue
            field, _between, named = name.partition("__")
            if (objects and field not in objects[0]) or named not in ("", "name"):
                raise Refused(detail=f"{name} is no field to search by")
            if named:
                known = self.objects[f"{field}s" if field != "inventory" else "inventories"]
                objects = [one for one in objects if one[field] and known[one[field]]["name"] == value]
            else:
                objects = [one for one in objects if str(one[field]) == value]
        either = {name[4:]: value for name, value in query.items() if name.startswith("or__")}
        if either:
            objects = [one for one in objects if any(str(one.get(name)) == value for name, value in either.items())]
        return {"count": len(objects), "next": None, "previous": None, "results": objects}


# ------------------------------------------------------------------ what the schema refuses


def check_survey(spec: Any) -> None:
    """Refuse a survey that AWX refuses."""

    def wrong(sentence: str) -> None:
        raise Refused(error=sentence)

    if not isinstance(spec, dict) or set(spec) != {"name", "description", "spec"}:
        wrong("a survey has name, description and spec")
    if not isinstance(spec["spec"], list) or not spec["spec"]:
        wrong("'spec' doesn't contain any items.")
    seen: set[str] = set()
    for question in spec["spec"]:
        fields = {"type": str, "question_name": str, "variable": str, "required": bool}
        for name, kind in fields.items():
            if not isinstance(question.get(name), kind):
                wrong(f"'{name}' missing from survey question {question}")
        known = {*fields, "question_description", "min", "max", "choices", "default"}
        if set(question) - known:
            wrong(f"unknown in a survey question: {sorted(set(question) - known)}")
        if question["variable"] in seen or question["type"] not in SURVEY_TYPES:
            wrong(f"'{question['variable']}' duplicated, or of an unknown type")
        seen.add(question["variable"])
        default = question.get("default", "")
        if default != "" and not isinstance(default, SURVEY_TYPES[question["type"]]):
            wrong(f"Default value {default} expected to be {question['type']}")
        for limit in ("min", "max"):
            if not isinstance(question.get(limit, 0), int):
                wrong(f"The {limit} limit expected to be integer.")
        if question["type"] in ("multiplechoice", "multiselect"):
            choices = question.get("choices")
            if not isinstance(choices, list) or not choices or not all(isinstance(one, str) for one in choices):
                wrong(f"{question['variable']} must specify choices")
            elif default not in ("", *choices):
                wrong("Default choice must be answered from the choices listed.")


def check_answer(name: str, value: Any, question: Object) -> None:
    """Refuse an answer that does not fit its question."""

    def wrong(sentence: str) -> None:
        raise Refused(variables_needed_to_start=[sentence])

    if question["type"] == "multiplechoice":
        # The module sends what it was given; 1 and true are not the texts that a person chooses.
        if value not in question["choices"]:
            wrong(f"Value {value} for '{name}' expected to be one of {question['choices']}.")
    elif not isinstance(value, SURVEY_TYPES[question["type"]]):
        wrong(f"Value {value} for '{name}' expected to be a string.")
    elif question["type"] == "text" and value and len(value) < question.get("min", 0):
        wrong(f"'{name}' value {value} is too small (length is {len(value)} must be at least {question['min']}).")
    elif question["type"] == "text" and len(value) > question.get("max", 1024):
        wrong(f"'{name}' value {value} is too large (must be no more than {question['max']}).")


def check_rrule(rule: str) -> None:
    """Refuse a recurrence rule that AWX refuses."""

    def wrong(sentence: str) -> None:
        raise Refused(rrule=[sentence])

    starts = re.findall(r"DTSTART(?:;TZID=([^:]+))?:\d+T\d+(Z?)", rule)
    if len(starts) > 1:
        wrong("Multiple DTSTART is not supported.")
    if not starts or not any(starts[0]):
        wrong("DTSTART cannot be a naive datetime.  Specify ;TZINFO= or YYYYMMDDTHHMMSSZZ.")
    if starts[0][0] and starts[0][0] not in available_timezones():
        wrong("rrule parsing failed validation: A valid TZID must be provided (e.g., America/New_York)")
    rules = re.findall(r"RULE:\S*", rule)
    if not rules or any("INTERVAL=" not in one for one in rules):
        wrong(f"INTERVAL required in rrule: {' '.join(rules)}")
    if any("SECONDLY" in one for one in rules):
        wrong(f"SECONDLY is not supported: {' '.join(rules)}")
    if not re.search(r"FREQ=(MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)", rule):
        wrong("rrule parsing failed validation: invalid 'FREQ'")


# ------------------------------------------------------------------ HTTP


class _Handler(BaseHTTPRequestHandler):
    awx: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        try:
            status, answer = self._answered(url.path, dict(parse_qsl(url.query)), json.loads(body) if body else {})
        except Refused as refused:
            status, answer = refused.status, refused.why
        text = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("X-API-Product-Name", "AWX")
        self.send_header("X-API-Product-Version", self.awx.version)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _answered(self, path: str, query: dict[str, str], data: Any) -> tuple[int, Any]:
        if path == "/api/v2/ping/":
            return 200, {"ha": False, "version": self.awx.version, "active_node": "stand-in"}
        given = self.headers.get("Authorization") or ""
        basic = "Basic " + base64.b64encode(f"{self.awx.USER}:{self.awx.PASSWORD}".encode()).decode()
        if path.startswith("/api/v2/tokens/") and given == basic:
            return (201, {"id": 1, "token": self.awx.TOKEN}) if self.command == "POST" else (204, None)
        if given not in (f"Bearer {self.awx.TOKEN}", basic):
            return 401, {"detail": "Authentication credentials were not provided."}
        return self.awx.answer(self.command, path, query, data)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve


def questions(awx: StandIn) -> Iterator[tuple[str, Object]]:
    """Each question of each job template, with the template's playbook."""
    for number, template in awx.objects["job_templates"].items():
        for question in awx.surveys.get(("job_templates", number), {}).get("spec", []):
            yield template["playbook"], question
