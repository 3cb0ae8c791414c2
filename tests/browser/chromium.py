"""A real browser, driven over a pipe by the protocol of its developer tools.

https://chromedevtools.github.io/devtools-protocol: a message is JSON that ends with a
zero byte. So no package is needed but Chromium itself.
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time

PROGRAMS = ["chromium", "chromium-browser", "google-chrome"]
OPTIONS = [
    *("--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"),
    *("--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"),
]
# Key -> code of the virtual key, and what it types.
KEYS = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Space": (32, " "),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
    "Delete": (46, ""),
}
SHIFT = 8


def find_program():
    """Return the path of Chromium, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Chromium:
    """A running browser; `page` opens a page in it."""

    def __init__(self, program):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        inputs, self._to = os.pipe()
        self._from, outputs = os.pipe()

        def connect():
            """Have the browser read from descriptor 3 and write to 4."""
            high = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (inputs, outputs)]
            for source, target in zip(high, (3, 4), strict=True):
                os.dup2(source, target)

        self.process = subprocess.Popen(
            [program, *OPTIONS, f"--user-data-dir={self.profile.name}"],
            preexec_fn=connect,
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(inputs), os.close(outputs)
        self._received, self._last = b"", 0
        self.events = []

    def send(self, method, session=None, **params):
        """Call a method of the protocol, and return its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            got = self._receive()
            if got.get("id") == message["id"]:
                assert "error" not in got, f"{method}: {got['error']}"
                return got["result"]
            self.events.append(got)

    def _receive(self):
        while b"\0" not in self._received:
            part = os.read(self._from, 1 << 16)
            assert part, "Chromium ended"
            self._received += part
        message, self._received = self._received.split(b"\0", 1)
        return json.loads(message)

    def page(self, **look):
        """Open a page of its own; see `Page`."""
        return Page(self, **look)

    def close(self):
        """End the browser."""
        self.send("Browser.close")
        self.process.wait(20)
        os.close(self._to), os.close(self._from)
        self.profile.cleanup()


class Page:
    """A page of 1280 or 390 pixels, light or dark; on the narrow one there is touch."""

    def __init__(self, browser, *, width=1280, dark=False, still=False, script=True):
        self.browser = browser
        context = browser.send("Target.createBrowserContext")["browserContextId"]
        target = browser.send(
            "Target.createTarget", url="about:blank", browserContextId=context
        )["targetId"]
        self.target = target
        self.session = browser.send(
            "Target.attachToTarget", targetId=target, flatten=True
        )["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.send(f"{domain}.enable")
        self.is_narrow = width < 600
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=self.is_narrow,
        )
        self.send("Emulation.setTouchEmulationEnabled", enabled=self.is_narrow)
        features = {"prefers-color-scheme": "dark" if dark else "light"}
        features["prefers-reduced-motion"] = "reduce" if still else "no-preference"
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": n, "value": v} for n, v in features.items()],
        )
        if not script:
            self.send("Emulation.setScriptExecutionDisabled", value=True)

    def send(self, method, **params):
        """Call a method of the protocol for this page."""
        return self.browser.send(method, self.session, **params)

    def go(self, url):
        """Load a page."""
        self.send("Page.navigate", url=url)
        self.wait_for_event("Page.loadEventFired")

    def wait_for_event(self, name, seconds=30):
        """Wait until the page sends an event."""
        stop = time.monotonic() + seconds
        while not any(event["method"] == name for event in self.events()):
            assert time.monotonic() < stop, f"no {name}"
            self.send("Runtime.evaluate", expression="0")
            time.sleep(0.02)

    def events(self):
        """Return all events of the page so far."""
        return [e for e in self.browser.events if e.get("sessionId") == self.session]

    def requests(self):
        """Return the addresses that were asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self.events()
            if event["method"] == "Network.requestWillBeSent"
        ]

    def errors(self):
        """Return the exceptions that nothing caught."""
        return [
            event["params"]["exceptionDetails"]
            for event in self.events()
            if event["method"] == "Runtime.exceptionThrown"
        ]

    def run(self, expression):
        """Return the value of JavaScript, awaited."""
        result = self.send(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, condition, seconds=20):
        """Wait until JavaScript is true."""
        stop = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < stop, f"never: {condition}"
            time.sleep(0.03)

    def place(self, selector, part=(0.5, 0.5)):
        """Return where an element is, after scrolling to it."""
        return self.run(
            f"""(() => {{
              const element = document.querySelector({json.dumps(selector)});
              element.scrollIntoView({{ block: "center", behavior: "instant" }});
              const box = element.getBoundingClientRect();
              return [box.x + box.width * {part[0]}, box.y + box.height * {part[1]}];
            }})()"""
        )

    def click(self, selector):
        """Click, or on the narrow page tap, an element."""
        self.stroke([self.place(selector)])

    def stroke(self, points):
        """Press, move and lift a mouse, or a finger on the narrow page."""
        (x, y), *others = points
        if self.is_narrow:
            self._touch("touchStart", [{"x": x, "y": y}])
            for x, y in others:
                self._touch("touchMove", [{"x": x, "y": y}])
            self._touch("touchEnd", [])
            return
        self._mouse("mouseMoved", x, y)
        self._mouse("mousePressed", x, y, button="left", clickCount=1)
        for x, y in others:
            self._mouse("mouseMoved", x, y, button="left")
        self._mouse("mouseReleased", x, y, button="left", clickCount=1)

    def point(self, selector):
        """Move the mouse to an element."""
        self._mouse("mouseMoved", *self.place(selector))

    def press(self, key, *, shift=False):
        """Press a key."""
        code, typed = KEYS.get(key, (ord(key[0].upper()), key))
        name = " " if key == "Space" else key
        rest = {"windowsVirtualKeyCode": code, "modifiers": SHIFT * shift, "key": name}
        kind = "keyDown" if typed else "rawKeyDown"
        self.send("Input.dispatchKeyEvent", type=kind, text=typed, **rest)
        self.send("Input.dispatchKeyEvent", type="keyUp", **rest)

    def save(self, path):
        """Save a picture of the whole page."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        """Close the page."""
        self.browser.send("Target.closeTarget", targetId=self.target)

    def _mouse(self, kind, x, y, **rest):
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **rest)

    def _touch(self, kind, points):
        self.send("Input.dispatchTouchEvent", type=kind, touchPoints=points)
