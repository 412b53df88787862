"""Uses the command line against a running server: triggers, moves the clock, follows the feed, and forwards it to a receiver that verifies.

Usage: commands.py API TEST_KEY, with `relance` on the path.
"""

import http.server
import json
import os
import subprocess
import sys
import threading

from standardwebhooks import Webhook

api, key = sys.argv[1:]
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
told = []


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        event = Webhook(secret).verify(body, {name.lower(): value for name, value in self.headers.items()})
        told.append((self.headers["webhook-id"], event["type"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def relance(*arguments, fails=False):
    environment = {**os.environ, "RELANCE_API": api, "RELANCE_KEY": key}
    done = subprocess.run(["relance", *arguments], capture_output=True, text=True, env=environment, timeout=120)
    assert (done.returncode != 0) == fails, f"relance {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stderr if fails else done.stdout


def feed(*arguments):
    return [json.loads(line) for line in relance("events", "tail", "--all", "--once", "--json", *arguments).splitlines()]


for event in ("dispute.opened", "promise.broken", "payment.recorded", "hold.placed", "message.delivered"):
    assert relance("trigger", event).strip(), event
    assert event in {one["type"] for one in feed()}, f"{event} did not happen"
assert all(one["type"] == "promise.broken" for one in feed("--type", "promise.broken"))
assert relance("events", "tail", "--once") == "", "what is old is not printed unless asked for"

before = relance("clock", "show")
assert relance("clock", "advance", "2d") > before
assert "HOW FAR" in relance("clock", "advance", "soon", fails=True)
assert "/to" in relance("clock", "advance", "2020-01-01T00:00:00Z", fails=True), "a fault is told with its place"

receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{receiver.server_port}/"
relance("listen", "--all", "--once", "--forward-to", url, "--secret", secret)
events = [(one["id"], one["type"]) for one in feed()]
assert told == events, f"{len(told)} of {len(events)} forwarded, in order"

# What is made for fish knows commands and options, and no values.
for shell, word in (("bash", "promise.broken"), ("zsh", "promise.broken"), ("fish", "trigger")):
    assert word in relance("completions", shell)
print(f"{len(told)} events triggered, followed, forwarded and verified")
