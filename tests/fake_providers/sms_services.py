"""Unifonic and Twilio: forms, number formats, and the look-ups of what was sent."""

from __future__ import annotations

import base64
import re
from email.utils import formatdate
from typing import Any

from tests.fake_providers.base import FakeService, Request

APP_SID = "appsid0123456789"
ACCOUNT, TOKEN = "AC0123456789abcdef", "twiliotoken0123"


class FakeUnifonic(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, str]] = []
        self.duplicates_refused = False

    def accept(self, request: Request) -> tuple[int, Any]:
        form = request.form()
        if not form.get("AppSid"):
            return 402, failure("ER-402", "AppSid missing")
        if form["AppSid"] != APP_SID:
            return 401, failure("ER-401", f"wrong AppSid {form['AppSid']}")
        if request.path == "/rest/SMS/messages/GetMessagesDetails":
            found = [m for m in self.sent if m["CorrelationID"] == form.get("CorrelationID")]
            rows = [{"MessageID": m["id"], "Status": "Sent", "DLR": None} for m in found]
            return 200, success({"messages": rows})
        if request.path != "/rest/SMS/messages":
            return 404, failure("ER-404", request.path)
        if not re.fullmatch(r"[1-9][0-9]{7,14}", form.get("Recipient", "")):
            return 410, failure("ER-410", "bad recipient")
        if not form.get("Body"):
            return 449, failure("ER-449", "empty body")
        if form.get("SenderID") == "UNKNOWN":
            return 480, failure("ER-480", "sender not allowed")
        if len(form.get("CorrelationID", "")) > 64:
            return 456, failure("ER-456", "bad correlation id")
        if self.duplicates_refused and any(m["Body"] == form["Body"] for m in self.sent):
            return 409, failure("ER-409", "duplicate message")
        self.sent.append({**form, "id": str(3_200_017_889_310 + len(self.sent))})
        data = {"MessageID": int(self.sent[-1]["id"]), "Status": "Queued", "NumberOfUnits": 1}
        return 200, success(data)


def success(data: Any) -> dict[str, Any]:
    return {"success": "true", "message": "", "errorCode": "ER-00", "data": data}


def failure(code: str, message: str) -> dict[str, Any]:
    return {"success": False, "message": message, "errorCode": code, "data": None}


class FakeTwilio(FakeService):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []

    def accept(self, request: Request) -> tuple[int, Any]:
        basic = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return 401, self._error(401, 20003, "Authenticate")
        if request.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return 404, self._error(404, 20404, request.path)
        if request.method == "GET":
            found = [m for m in self.sent if m["to"] == request.query.get("To")]
            return 200, {"messages": found[::-1], "next_page_uri": None}
        form = request.form()
        if not re.fullmatch(r"\+[1-9][0-9]{7,14}", form.get("To", "")):
            return 400, self._error(400, 21211, "The 'To' number is not valid")
        if ("From" in form) == ("MessagingServiceSid" in form):
            return 400, self._error(400, 21603, "A 'From' is required")
        if not 0 < len(form.get("Body", "")) <= 1600:
            return 400, self._error(400, 21617, "too long")
        self.sent.append(
            {
                "sid": f"SM{len(self.sent):032d}",
                "status": "queued",
                "error_code": None,
                "to": form["To"],
                "from": form.get("From"),
                "body": form["Body"],
                "date_created": formatdate(usegmt=True),
                "date_sent": None,
            }
        )
        return 201, self.sent[-1]

    def _error(self, status: int, code: int, message: str) -> dict[str, Any]:
        return {"code": code, "message": message, "more_info": "", "status": status}
