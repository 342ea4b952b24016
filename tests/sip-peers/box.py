"""What a case needs: a folder, free ports, processes that end with it, and one class for each of the programs."""

import collections
import glob
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
HOST = "127.0.0.1"
DID = "+15552000100"
ACCOUNT = "15552000"
PASSWORD = "peers-only"
PROMPT = {"hertz": 400, "dbfs": -12, "seconds": 3}
CALLEE = {"hertz": 950, "dbfs": -12, "seconds": 120}


class Fault(Exception):
    """The peers and we do not understand each other."""


def until(what, seconds, probe):
    """What `probe` returns once that is true; a `Fault` when it never is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    raise Fault(f"{what}: not within {seconds} s")


def ask(method, url, headers=(), body=None):
    """The JSON that a server answers with, or a `Fault`."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **dict(headers)}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise Fault(f"{method} {url}: {error.code} {error.read().decode()[:300]}") from error


class Box:
    """A folder and the processes in it. Leaving it ends them, each by its own process id."""

    def __init__(self, keep):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dering-sip-peers-"))
        self.keep = keep
        self.processes = []
        self.taken = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.end(process)
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def port(self, count=1):
        """The first of `count` ports that are free over UDP and TCP, an even one."""
        for first in range(21_000 + os.getpid() % 40 * 200, 32_000, 2):
            ports = range(first, first + count)
            if not self.taken.intersection(ports) and all(map(_is_free, ports)):
                self.taken.update(ports)
                return first
        raise Fault("no ports are free between 21000 and 32000")

    def start(self, name, command, **options):
        """A process whose output goes to NAME.log."""
        log = open(self.folder / f"{name}.log", "ab")
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **options
        )
        log.close()
        self.processes.append(process)
        return process

    def end(self, process, seconds=15):
        """Asks a process to end, and its whole group once it took too long."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process in self.processes:
            self.processes.remove(process)

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def template(self, source, target, **values):
        """A configuration file, with every @NAME@ filled in."""
        text = (HERE / source).read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        target.write_text(text)


def _is_free(port):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


FLOWS = {
    # The prompt, then a key that the callee pressed meanwhile, then ours.
    "keys": """
  main:
    - say: { text: [ { play: audio/prompt.wav }, { checkpoint: heard } ], barge_in: off }
    - wait: 3s
    - ask:
        say: [ { play: audio/short.wav } ]
        barge_in: dtmf
        timeout: 10s
        retries: 0
        choices: { "5": pressed }
        no_input: silent
        no_match: silent
  pressed:
    - send_digits: "42"
    - wait: 1500ms
    - hangup: pressed
  silent:
    - hangup: silent
""",
    # The prompt, and quiet until somebody hangs up.
    "stays": """
  main:
    - say: { text: [ { play: audio/prompt.wav }, { checkpoint: heard } ], barge_in: off }
    - wait: 15s
    - hangup: stayed
""",
    "tells": """
  main:
    - say: { text: [ { play: audio/prompt.wav }, { checkpoint: heard } ], barge_in: off }
    - wait: 1s
    - hangup: told
""",
    # 20 s with the ringing of the callee.
    "crowd": """
  main:
    - say: { text: [ { play: audio/prompt.wav }, { checkpoint: heard } ], barge_in: off }
    - wait: 16s
    - hangup: told
""",
}


class Dering:
    """A server with one SIP trunk, called `peer`."""

    def __init__(self, box, binary, server, calls=30, ring_timeout=60, password=PASSWORD, **trunk):
        self.box, self.binary, self.came_in = box, binary, set()
        self.folder = box.folder / "dering"
        self.sip, self.http = box.port(), box.port()
        self.rtp = box.port(4 * calls)
        for name, steps in FLOWS.items():
            path = self.folder / "flows" / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"flow: {name}\nstart: main\nscenes:{steps}")
        trunk = {
            "name": "peer", "kind": "sip", "server": f"{HOST}:{server}", "listen": f"{HOST}:{self.sip}",
            "rtp_ports": f"{self.rtp}-{self.rtp + 4 * calls - 1}", "caller_id": DID, "ping": 5,
            "limits": {"calls": calls, "queue": 10_000, "queue_timeout": 3_600}, **trunk,
        }  # fmt: skip
        config = {
            "listen": f"{HOST}:{self.http}",
            "trunks": [trunk],
            "calls": {"ring_timeout": ring_timeout},
            "inbound": {"routes": [{"did": DID, "flow": "stays"}]},
            "speech_to_text": {"engine": "none"},
            "webhooks": {"allow_private": True},
            "log": {"filter": "info,dering::sip=debug,dering::trunk=debug"},
        }
        # JSON is YAML, too.
        self.config = self.folder / "dering.yaml"
        self.config.write_text(json.dumps(config, indent=1))
        self.environment = {**os.environ, "SIP_PASSWORD": password}

    def audio(self, write):
        (self.folder / "flows" / "audio").mkdir(exist_ok=True)
        write(self.folder / "flows" / "audio" / "prompt.wav", PROMPT["hertz"], PROMPT["seconds"], PROMPT["dbfs"])
        write(self.folder / "flows" / "audio" / "short.wav", PROMPT["hertz"], 0.2, PROMPT["dbfs"])

    def command(self, *arguments, check=True):
        done = subprocess.run(
            [self.binary, *arguments, "--config", self.config],
            capture_output=True, text=True, cwd=self.folder, env=self.environment, timeout=120,
        )  # fmt: skip
        if check and done.returncode:
            raise Fault(f"dering {' '.join(map(str, arguments))}: {done.stderr.strip()[-300:]}")
        return done

    def start(self):
        self.key = self.command("app", "key", "peers", "--scope", "read", "--scope", "campaigns").stdout.split()[-1]
        self.process = self.box.start(
            "dering", [self.binary, "serve", "--config", self.config], cwd=self.folder, env=self.environment
        )
        until("dering is not ready", 60, self._is_up)
        return self

    def _is_up(self):
        if self.process.poll() is not None:
            raise Fault(f"dering does not start: {self.box.log('dering').strip()[-400:]}")
        try:
            return ask("GET", f"http://{HOST}:{self.http}/health")
        except (OSError, Fault):
            return None

    def get(self, path):
        return ask("GET", f"http://{HOST}:{self.http}{path}", {"Authorization": f"Bearer {self.key}"})

    def call(self, number, flow):
        """Calls, in the background: what `dering call --follow` prints."""
        return Following(self, number, flow)

    def incoming(self, seconds=20):
        """The next call that came in, once it is over."""

        def over():
            calls = [call for call in self.get("/v1/calls?limit=20")["calls"] if call["direction"] == "inbound"]
            new = [call for call in calls if call["callId"] not in self.came_in]
            return new[-1] if new and new[-1]["state"] == "ended" else None

        call = until("no call that came in is over", seconds, over)
        self.came_in.add(call["callId"])
        return call

    def record(self, session):
        """The carrier's record of a call."""
        return until("no record of the call", 10, lambda: self._record(session))

    def _record(self, session):
        try:
            return self.get(f"/v1/cdr/{session}")["data"]
        except Fault:
            return None

    def recording(self, call_id):
        """The stereo recording: callee left, bot right."""
        path = self.box.folder / f"recording-{call_id}.wav"
        until("no recording", 10, lambda: self.command("calls", "play", call_id, "--force", "--out", path, check=False).returncode == 0)
        return path

    def metric(self, name):
        """The sum of a metric over its labels; `None` where there is none."""
        with urllib.request.urlopen(
            urllib.request.Request(f"http://{HOST}:{self.http}/metrics", headers={"Authorization": f"Bearer {self.key}"}),
            timeout=30,
        ) as response:
            lines = response.read().decode().splitlines()
        values = [float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}(\{{| )", line)]
        return sum(values) if values else None

    def memory_mib(self):
        """Resident memory, and open files."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
        return round(resident, 1), len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def warnings(self, expected="(?!)"):
        """Lines of the log that say something is wrong, without their times and those that match `expected`."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self.box.log("dering"))
        return [line.split(" ", 1)[1].strip() for line in text.splitlines() if re.search(r" (WARN|ERROR) ", line) and not re.search(expected, line)]

    def stop(self):
        self.box.end(self.process, 30)


class Following:
    """A call that `dering call` follows."""

    def __init__(self, dering, number, flow):
        self.process = subprocess.Popen(
            [dering.binary, "call", number, "--flow", flow, "--config", dering.config, "--follow", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=dering.folder,
        )  # fmt: skip

    def ended(self, seconds=60):
        """`(call, kinds of events with what they say)` once it is over."""
        try:
            out, wrong = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            raise Fault(f"a call is not over after {seconds} s") from error
        lines = [json.loads(line) for line in out.splitlines()]
        if len(lines) < 2 or "disposition" not in lines[-1]:
            raise Fault(f"dering call: {wrong.strip()[-300:] or out[-300:]}")
        return lines[-1], [(line["kind"], line["detail"]) for line in lines if "kind" in line]


class Baresip:
    """A telephone: it plays a tone into its calls and writes down what it hears."""

    def __init__(self, box, user, write, proxy=None, answers="auto", codecs="PCMU,PCMA", name="baresip"):
        self.box, self.user, self.name = box, user, name
        folder = box.folder / name
        (folder / "heard").mkdir(parents=True)
        self.heard_in = folder / "heard"
        self.sip, control, rtp = box.port(), box.port(), box.port(40)
        modules = next(iter(glob.glob("/usr/lib/baresip/modules") + glob.glob("/usr/lib/*/baresip/modules")), None)
        write(folder / "tone.wav", CALLEE["hertz"], CALLEE["seconds"], CALLEE["dbfs"])
        box.template(
            "baresip.conf", folder / "config", SIP=self.sip, CONTROL=control, RTP=f"{rtp}-{rtp + 39}",
            MODULES=modules, TONE=folder / "tone.wav", HEARD=self.heard_in,
        )  # fmt: skip
        account = f"<sip:{user}@{HOST}:{proxy or self.sip}>;answermode={answers};audio_codecs={codecs}"
        account += f";regint=60;auth_user={user};auth_pass={PASSWORD}" if proxy else ";regint=0"
        (folder / "accounts").write_text(account + "\n")
        (folder / "contacts").write_text("")
        self.process = box.start(name, ["baresip", "-f", folder, "-s"])
        self.events, self.arrived = [], threading.Condition()
        self.socket = until("baresip does not start", 20, lambda: self._connect(control))
        threading.Thread(target=self._listen, daemon=True).start()

    def _connect(self, port):
        if self.process.poll() is not None:
            raise Fault(f"baresip does not start: {self.box.log(self.name).strip()[-300:]}")
        try:
            return socket.create_connection((HOST, port), 1)
        except OSError:
            return None

    def _listen(self):
        """Netstrings of JSON."""
        self.socket.settimeout(None)
        data = b""
        while True:
            try:
                more = self.socket.recv(65_536)
            except OSError:
                return
            if not more:
                return
            data += more
            while (found := re.match(rb"(\d+):", data)) and len(data) > found.end() + int(found[1]):
                end = found.end() + int(found[1])
                said, data = json.loads(data[found.end() : end]), data[end + 1 :]
                with self.arrived:
                    self.events.append(said)
                    self.arrived.notify_all()

    def tell(self, command, parameters=""):
        text = json.dumps({"command": command, "params": parameters, "token": command}).encode()
        self.socket.sendall(b"%d:%s," % (len(text), text))

    def event(self, kind, seconds=20, count=1):
        """Waits for the `count`th event of a kind."""

        def found():
            return [event for event in self.events if event.get("type") == kind][count - 1 : count]

        with self.arrived:
            if not self.arrived.wait_for(found, seconds):
                raise Fault(f"baresip: no {kind} within {seconds} s")
            return found()[0]

    def count(self, kind):
        return sum(event.get("type") == kind for event in self.events)

    def keys(self):
        return "".join(event["param"] for event in self.events if event.get("type") == "CALL_DTMF_START")

    def heard(self):
        """What it heard in its latest call."""
        time.sleep(0.3)
        files = sorted(self.heard_in.glob("*-dec.wav"), key=lambda path: path.stat().st_mtime)
        if not files:
            raise Fault("baresip recorded nothing")
        return files[-1]


class Kamailio:
    """A registrar and proxy."""

    def __init__(self, box, callee, rtpengine=None):
        self.box = box
        self.sip = box.port()
        config = box.folder / "kamailio.cfg"
        modules = next(iter(glob.glob("/usr/lib/*/kamailio/modules") + glob.glob("/usr/lib*/kamailio/modules")), "")
        box.template(
            "kamailio.cfg", config, SIP=self.sip, MODULES=f"{modules}/", ACCOUNT=ACCOUNT, PASSWORD=PASSWORD, CALLEE=callee,
            DID=DID, RTPENGINE="define" if rtpengine else "undef", NG=rtpengine.ng if rtpengine else 0,
        )  # fmt: skip
        run = box.folder / "kamailio"
        run.mkdir()
        self.process = box.start(
            "kamailio", ["kamailio", "-f", config, "-DD", "-E", "-m", "32", "-M", "4", "-Y", run, "-w", run, "-P", run / "pid"]
        )
        until("kamailio does not start", 20, self._is_up)

    def _is_up(self):
        if self.process.poll() is not None:
            raise Fault(f"kamailio does not start: {self.box.log('kamailio').strip()[-400:]}")
        return not _is_free(self.sip)

    def seen(self, kind, **fields):
        """Lines of a kind that it wrote, as mappings, whose fields are as given."""
        lines = re.findall(rf"{kind} (\S+) (.*)$", self.box.log("kamailio"), re.MULTILINE)
        parsed = [{"what": what, **dict(re.findall(r"(\w+)=(\[[^\]]*\]|\S*)", rest))} for what, rest in lines]
        return [line for line in parsed if all(line.get(name) == str(value) for name, value in fields.items())]


class RtpEngine:
    """A media proxy, in user space."""

    def __init__(self, box):
        self.box = box
        self.ng = box.port()
        self.first = box.port(200)
        self.process = box.start(
            "rtpengine",
            ["rtpengine", "--foreground", "--log-stderr", "--log-level=6", "--table=-1", f"--interface={HOST}",
             f"--listen-ng={HOST}:{self.ng}", f"--port-min={self.first}", f"--port-max={self.first + 199}",
             f"--pidfile={box.folder / 'rtpengine.pid'}", "--num-threads=2", "--delete-delay=0"],
        )  # fmt: skip
        until("rtpengine does not start", 20, self._is_up)

    def _is_up(self):
        if self.process.poll() is not None:
            raise Fault(f"rtpengine does not start: {self.box.log('rtpengine').strip()[-400:]}")
        return not _is_free(self.ng)

    def passed(self, port):
        """Packets that came from a port, by its summaries of calls."""
        lines = re.findall(r"Port\s+\S+:(\d+)\s+<>\s+\S+:(\d+).*?,\s*(\d+) p,", self.box.log("rtpengine"))
        return sum(int(packets) for _, peer, packets in lines if int(peer) == port)


class Receiver:
    """Takes notifications: all bodies, by the conversation that they are of."""

    def __init__(self):
        bodies = self.bodies = collections.defaultdict(list)
        lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    bodies[body["conversationId"]].append((self.headers["webhook-id"], body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://{HOST}:{self.server.server_port}/"

    def last_ones(self, call_id):
        """Last notifications of a call, repeats of one apart."""
        found = {identity: body for identity, body in self.bodies[call_id] if body["status"] in ("completed", "Failed")}
        return list(found.values())

    def stop(self):
        self.server.shutdown()
