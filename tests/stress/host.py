#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The host's side of dacc-stress: unplugs and plugs the chip and switches the link, by
QMP, when the guest asks for it in a shared folder. Ends with QEMU."""

import json
import os
import socket
import sys
import time

PATIENCE = 120


class Qmp:
    def __init__(self, path):
        deadline = time.monotonic() + PATIENCE
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(path)
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.file = self.sock.makefile("rw")
        self.file.readline()
        self.run("qmp_capabilities")

    def run(self, command, **arguments):
        """Answer or, as a string, the error; events in between are dropped."""
        json.dump({"execute": command, "arguments": arguments}, self.file)
        self.file.write("\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("QEMU has ended")
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                return answer["error"]["desc"]

    def has(self, name):
        return name in [o["name"] for o in
                        self.run("qom-list", path="/machine/peripheral")]


def wait_gone(qmp):
    deadline = time.monotonic() + PATIENCE
    while qmp.has("dacc0"):
        if time.monotonic() > deadline:
            return "the device does not leave its slot"
        time.sleep(0.01)
    return None


def serve(qmp, device, what):
    if what == "unplug":
        # The slot's button; the guest takes five seconds to think about it.
        answer = qmp.run("device_del", id="dacc0")
        return answer if isinstance(answer, str) else wait_gone(qmp)
    if what == "plug":
        trouble = wait_gone(qmp)
        if trouble:
            return trouble
        answer = qmp.run("device_add", **device)
        return answer if isinstance(answer, str) else None
    if what in ("link up", "link down"):
        answer = qmp.run("qom-set", path="/machine/peripheral/l0",
                         property="up", value=what == "link up")
        return answer if isinstance(answer, str) else None
    return f"unknown request '{what}'"


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: host.py QMP-SOCKET FOLDER [PROPERTY=VALUE...]")
    folder = sys.argv[2]
    device = {"driver": "dacc", "id": "dacc0", "bus": "dp0", "link": "l0"}
    device.update(a.split("=", 1) for a in sys.argv[3:])
    qmp = Qmp(sys.argv[1])
    last = None
    alive = time.monotonic()
    while True:
        try:
            with open(os.path.join(folder, "ask"), encoding="ascii") as f:
                ask = f.read()
        except FileNotFoundError:
            ask = None
        if ask is None or ask == last:
            time.sleep(0.01)
            if time.monotonic() > alive + 1:
                alive = time.monotonic()
                qmp.run("query-status")
            continue
        last = ask
        number, _, what = ask.strip().partition(" ")
        text = serve(qmp, device, what) or "ok"
        temporary = os.path.join(folder, "answer.tmp")
        with open(temporary, "w", encoding="ascii") as f:
            f.write(f"{number} {text}\n")
        os.rename(temporary, os.path.join(folder, "answer"))


if __name__ == "__main__":
    try:
        main()
    except (ConnectionError, BrokenPipeError):
        pass
