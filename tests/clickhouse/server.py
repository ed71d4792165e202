"""ClickHouse's own engine (chDB) behind its HTTP interface, with the limits of the public endpoint.

Written from https://clickhouse.com/docs/interfaces/http. Who signs in as `demo` gets the public endpoint's
profile: at most 10,000 rows of answer, so many rows read, and for what exceeds a limit the part that was
read so far, with status 200, unless the question says `throw`. `default` may do everything and loads the tables.

    server.py <port> <max_rows_to_read of demo>
"""

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from chdb import session

# What the HTTP interface keeps for itself; every other parameter is a setting.
RESERVED = {
    "buffer_size", "compress", "database", "decompress", "default_format", "password", "query", "query_id",
    "role", "session_id", "user", "wait_end_of_query",
}  # fmt: skip

# Status by exception, as exceptionCodeToHTTPStatus in ClickHouse's src/Server/HTTP/exceptionCodeToHTTPStatus.cpp.
STATUS = {47: 404, 60: 404, 81: 404, 194: 401, 192: 403, 193: 403, 516: 403, 497: 403, 159: 408}
STATUS |= dict.fromkeys((6, 26, 27, 38, 41, 43, 46, 53, 62, 70, 115, 386, 452, 456, 457), 400)

engine = session.Session()
lock = threading.Lock()
questions = []


class Refused(Exception):
    """An exception as the server words it."""

    def __init__(self, code, name, message):
        super().__init__(f"Code: {code}. DB::Exception: {message} ({name})")


def profile(max_rows_to_read):
    return {
        "max_rows_to_read": max_rows_to_read,
        "read_overflow_mode": "break",
        "max_result_rows": 10_000,
        "result_overflow_mode": "break",
        "max_execution_time": 60,
        "timeout_overflow_mode": "break",
    }


def settings_of(user, given, limits):
    if user == "default":
        return given
    for name in ("max_rows_to_read", "max_result_rows", "max_execution_time"):
        if name in given and not 0 < int(given[name]) <= limits[name]:
            message = f"Setting {name} shouldn't be greater than {limits[name]}."
            raise Refused(452, "SETTING_CONSTRAINT_VIOLATION", message)
    return {**limits, **given}


def sign_in(headers):
    user, password = headers.get("X-ClickHouse-User", "default"), headers.get("X-ClickHouse-Key", "")
    if (user, password) not in {("demo", ""), ("default", "secret of the test")}:
        message = f"{user}: Authentication failed: password is incorrect, or there is no user with such name."
        raise Refused(516, "AUTHENTICATION_FAILED", message)
    return user


def run(sql, settings, parameters):
    found = re.search(r"\sFORMAT\s+(\w+)\s*;?\s*$", sql, re.IGNORECASE)
    insert = re.match(r"\s*INSERT\b", sql, re.IGNORECASE)
    text, form = (sql[: found.start()], found[1]) if found and not insert else (sql, "TabSeparated")
    if settings and not insert:
        text += " SETTINGS " + ", ".join(f"{name} = '{value}'" for name, value in settings.items())
    with lock:
        return form, engine.query(text, form, params=parameters or None).bytes()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        """What demo was asked since the last look."""
        found, questions[:] = questions[:], []
        self.answer(200, json.dumps(found).encode(), {"Content-Type": "application/json"})

    def do_POST(self):
        url = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) if "Content-Length" in self.headers else self.chunks()
        sql = "\n".join(part for part in (url.get("query", ""), body.decode()) if part)
        parameters = {name[6:]: value for name, value in url.items() if name.startswith("param_")}
        given = {k: v for k, v in url.items() if k not in RESERVED and not k.startswith("param_")}
        headers = {
            "Connection": "Keep-Alive",
            "Keep-Alive": "timeout=10, max=9999",
            "X-ClickHouse-Server-Display-Name": "chdb",
            "X-ClickHouse-Query-Id": url.get("query_id", str(uuid4())),
        }
        try:
            user = sign_in(self.headers)
            if user == "demo":
                agent = self.headers.get("User-Agent")
                questions.append({"sql": sql, "parameters": parameters, "settings": given, "agent": agent})
            form, answer = run(sql, settings_of(user, given, LIMITS), parameters)
            kind = "application/json; charset=UTF-8" if form.startswith("JSON") else "text/plain; charset=UTF-8"
            self.answer(200, answer, {**headers, "Content-Type": kind, "X-ClickHouse-Format": form})
        except Exception as error:
            code = int((re.search(r"Code: (\d+)", str(error)) or [0, 1001])[1])
            text = f"{error} (version 26.9.2.1 (official build))\n".encode()
            kind = {"Content-Type": "text/plain; charset=UTF-8", "X-ClickHouse-Exception-Code": str(code)}
            self.answer(STATUS.get(code, 500), text, {**headers, **kind})

    def chunks(self):
        """The body of a request that does not tell its length, as the client sends it."""
        found = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found


LIMITS = profile(int(sys.argv[2]))
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
