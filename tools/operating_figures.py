#!/usr/bin/env python3
"""Figures of a server as its operator sees them, for docs/benchmarks.md.

    tools/operating_figures.py BINARY start      start with 100 flows; scrape; backup of a database of 1 GB while 100 calls run
    tools/operating_figures.py BINARY million    pages and `dering calls list` among 1,000,000 calls

A server and a gateway run in a folder of their own, which is removed. Rows of the million are copies of one real call.
"""

import http.client
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

PORT = 27080
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PASSWORD = "correct horse battery staple"


class Server:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.config = binary, folder, f"{folder}/dering.yaml"
        with open(self.config, "w") as file:
            file.write(f"""listen: 127.0.0.1:{PORT}
calls: {{ max: 5000 }}
log: {{ filter: warn }}
auth: {{ app_rate: null, key_rate: null }}
trunks:
  - {{ name: gateway, url: "http://127.0.0.1:{PORT + 1}", token: t, limits: {{ calls: 5000, per_second: 100, queue: 5000 }} }}
""")
        made = subprocess.check_output(self.command("app", "key", "k", "--scope", "read", "--scope", "campaigns"), text=True)
        self.key = made.strip().splitlines()[-1].strip()
        self.process = None

    def command(self, *words):
        return [self.binary, *words, "--config", self.config]

    def start(self):
        """Starts it; ms until it answers."""
        began = time.perf_counter()
        log = open(f"{self.folder}/serve.log", "a")
        self.process = subprocess.Popen(self.command("serve"), stdout=log, stderr=subprocess.STDOUT)
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=1).read()
                return (time.perf_counter() - began) * 1000
            except OSError:
                time.sleep(0.005)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, path, body=None):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def lateness(self):
        found = re.search(r"(?m)^dering_lateness_seconds (\S+)$", self.ask("/metrics"))
        return float(found.group(1))

    def sign_in(self):
        with open(f"{self.folder}/serve.log") as log:
            link = re.search(r"/welcome\?link=(\S+)", log.read()).group(1)
        headers = {"Origin": f"http://127.0.0.1:{PORT}", "Sec-Fetch-Site": "same-origin",
                   "Content-Type": "application/x-www-form-urlencoded"}
        form = urllib.parse.urlencode({"link": link, "name": "Ada", "password": PASSWORD, "again": PASSWORD})
        connection = http.client.HTTPConnection("127.0.0.1", PORT)
        connection.request("POST", "/welcome", form, headers)
        answer = connection.getresponse()
        answer.read()
        cookies = [value for name, value in answer.getheaders() if name.lower() == "set-cookie"]
        return "; ".join(cookie.split(";")[0] for cookie in cookies)


def gateway(binary, folder, callees):
    return subprocess.Popen(
        [binary, "gateway", "--listen", f"127.0.0.1:{PORT + 1}", "--token", "t", "--callees", callees, "--log", "error"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)


def start(binary, folder):
    os.makedirs(f"{folder}/flows")
    os.makedirs(f"{folder}/callees")
    with open(f"{HERE}/flows/payment-reminder.yaml") as file:
        flow = file.read()
    for number in range(100):
        with open(f"{folder}/flows/f{number:03}.yaml", "w") as file:
            file.write(re.sub(r"(?m)^flow: .*$", f"flow: f{number:03}", flow))
    with open(f"{folder}/flows/stay.yaml", "w") as file:
        file.write("flow: stay\nstart: talk\nlimits: { call: 10m }\nscenes: { talk: [ { wait: 300s }, { hangup: bored } ] }\n")
    with open(f"{folder}/callees/person.yaml", "w") as file:
        file.write("numbers: ['+1555*']\nring: 200ms\ncap: 10m\n")
    server, carrier = Server(binary, folder), gateway(binary, folder, f"{folder}/callees")
    times = []
    for _ in range(6):
        times.append(server.start())
        server.stop()
    print(f"start with 101 flows: {times[0]:.0f} ms the first time, then", " ".join(f"{ms:.0f}" for ms in times[1:]))
    database = sqlite3.connect(f"{folder}/data/dering.db")
    database.execute("CREATE TABLE ballast (x BLOB)")
    for _ in range(1000):
        database.execute("INSERT INTO ballast VALUES (randomblob(1048576))")
    database.commit()
    database.close()
    server.start()
    for number in range(100):
        server.ask("/v1/calls", {"number": f"+1555{number:07}", "type": "voice", "flow": "stay"})
    time.sleep(8)
    scrapes = []
    for _ in range(20):
        began = time.perf_counter()
        server.ask("/metrics")
        scrapes.append((time.perf_counter() - began) * 1000)
    print(f"scrape with 100 calls: median {sorted(scrapes)[10]:.1f} ms, worst {max(scrapes):.1f} ms")
    began, worst = time.perf_counter(), server.lateness()
    backup = subprocess.Popen(server.command("db", "backup", f"{folder}/copy.db"))
    while backup.poll() is None:
        worst = max(worst, server.lateness())
        time.sleep(0.1)
    print(f"backup of {os.path.getsize(f'{folder}/copy.db') / 1e9:.2f} GB: {time.perf_counter() - began:.1f} s, "
          f"timers late by {worst * 1000:.1f} ms at worst")
    server.stop()
    carrier.terminate()


def million(binary, folder):
    shutil.copytree(f"{HERE}/flows", f"{folder}/flows")
    server, carrier = Server(binary, folder), gateway(binary, folder, f"{folder}/flows/callees")
    server.start()
    cookie = server.sign_in()
    metadata = {"name": "Ani", "amount": "ten dollars", "due": "Friday"}
    wanted = {"number": "+15550001", "type": "voice", "flow": "payment-reminder", "metadata": metadata}
    call = json.loads(server.ask("/v1/calls", wanted))["call_id"]
    while not json.loads(server.ask(f"/v1/calls/{call}")).get("endedMs"):
        time.sleep(0.5)
    server.stop()
    database = sqlite3.connect(f"{folder}/data/dering.db")
    columns = [row[1] for row in database.execute("PRAGMA table_xinfo(calls)") if row[6] == 0]
    own = {"id": "substr(id, 1, 24) || lower(hex(randomblob(6)))", "session_id": "session_id || n",
           "target": "'+62812' || printf('%07d', n)",
           "disposition": "CASE n % 10 WHEN 0 THEN 'BUSY' WHEN 1 THEN 'NO ANSWER' ELSE disposition END"}
    own |= {f"{name}_ms": f"{name}_ms - n * 20000" for name in ("created", "began", "answered", "ended")}
    database.execute(
        "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000000) "
        f"INSERT INTO calls ({', '.join(columns)}) SELECT {', '.join(own.get(name, name) for name in columns)} "
        "FROM calls, s WHERE id = ?", (call,))
    database.execute(
        "INSERT OR IGNORE INTO call_labels (call_id, truth, verdict, author, at_ms, drawn_truth) "
        "SELECT id, 'person', amd_event, 'x', created_ms, CASE WHEN rowid % 2 THEN 'person' END FROM calls ORDER BY random() LIMIT 2000")
    database.commit()
    database.close()
    server.start()
    time.sleep(3)
    for path in ["/", "/now", "/calls", "/calls?disposition=BUSY", "/accuracy", "/accuracy/next", "/webhooks", "/contacts", f"/calls/{call}"]:
        times = []
        for _ in range(7):
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
            began = time.perf_counter()
            connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})
            answer = connection.getresponse()
            answer.read()
            times.append((time.perf_counter() - began) * 1000)
            assert answer.status == 200, (path, answer.status)
        print(f"{path.replace(call, 'ID'):30} median {sorted(times)[3]:6.1f} ms, worst {max(times):6.1f} ms")
    began = time.perf_counter()
    subprocess.run(server.command("calls", "list"), stdout=subprocess.DEVNULL, check=True)
    print(f"{'dering calls list':30} {(time.perf_counter() - began) * 1000:13.0f} ms")
    server.stop()
    carrier.terminate()


def main():
    binary, what = os.path.abspath(sys.argv[1]), {"start": start, "million": million}[sys.argv[2]]
    with tempfile.TemporaryDirectory(prefix="dering-figures-") as folder:
        what(binary, folder)


main()
