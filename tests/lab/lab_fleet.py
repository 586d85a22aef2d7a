# SPDX-License-Identifier: GPL-3.0-or-later
"""A small fleet: two sites of one orchestrator (`far` and `near`, lab_far.py) with machines that run their own system from
their own disks, on the firmware that they would have.

    fleet = Fleet("lab")
    fleet.start()                  near[01-03] and far[01-03] are up, and say so by http://IP:8080/healthz
    fleet.all                      their names, in order
    fleet.machine("near02")        its Machine: boots(), starts(), power(), …

The line between the sites is as good as a wire. What a machine did is counted by those that know it: starts() by whoever starts its
QEMU, boots() by what its own system printed."""
from lab import wait_for
from lab_far import FarLab

PER_SITE = 3
HEALTH_PORT = 8080
# Several machines boot at a time on few cores, each with firmware and kernel in emulation.
BOOT = 480


class Fleet(FarLab):
    def __init__(self, name="lab", per_site=PER_SITE, ssh=False, **kw):
        """ssh: agents log in on the machines, and read their boot ids."""
        super().__init__(name, line={"delay_ms": 0, "rate_kbit": 0, "loss": 0}, **kw)
        self.near.site_name = "near"
        for lab in self.labs:
            lab.ssh = ssh
            for i in range(1, per_site + 1):
                m = lab.add_machine(f"{lab.site_name}{i:02}", memory=256)
                m.installed = True
                m.extra = {"probe": f"tcp:{HEALTH_PORT}"}

    @property
    def labs(self):
        return self.near, self

    @property
    def all(self):
        return [name for lab in self.labs for name in lab.machines]

    def machine(self, name):
        return next(lab.machines[name] for lab in self.labs if name in lab.machines)

    def apply(self):
        """The far site's part of the start, which is its last."""
        super().apply()
        self.switch_on(self)

    def start(self):
        near_apply = self.near.apply

        def then_on():
            near_apply()
            self.switch_on(self.near)
        self.near.apply = then_on
        super().start()
        wait_for(lambda: all(self.healthy(name) for name in self.all), "all machines to be up", BOOT)

    @staticmethod
    def switch_on(lab):
        """By hand, once the boot services know the machines."""
        for m in lab.machines.values():
            m.command("power 1")

    def healthy(self, name):
        return self.page(name, "healthz") == "ok"

    def page(self, name, what):
        """What the machine's own HTTP server says; "" when it says nothing."""
        m = self.machine(name)
        done = m.lab.run("curl", "-s", "--max-time", "3", f"http://{m.ip}:{HEALTH_PORT}/{what}")
        return done.stdout.strip() if done.returncode == 0 else ""
