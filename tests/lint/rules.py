# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of source.py and symbols.py have in common: the folders, the doors of outside
libraries (docs/architecture.md), and the exceptions with their reasons."""
import os
import re
import subprocess

# Folder -> folders whose headers and symbols it may use.
FOLDERS = {
    "lib": {"lib"},
    "db": {"lib", "db"},
    "orchestrator": {"lib", "db", "orchestrator"},
    "agent": {"lib", "db", "agent"},
    "boot-services": {"lib", "boot-services"},
    "ctl": {"lib", "ctl"},
}

# In agent/, only the spool speaks to db/.
DB_USERS_IN_AGENT = re.compile(r"^agent/spool\w*\.[ch]$")

# Header -> files that may include it.
DOORS = [
    (r"^sqlite3\.h$", r"^db/"),
    (r"^freeipmi/", r"^agent/bmc_\w+\.[ch]$"),
    (r"^gcrypt\.h$", r"^agent/bmc_seal\.c$"),
    (r"^ipmiconsole\.h$", r"^agent/console\.c$"),
    (r"^curl/", r"^lib/http_client(_self|_why)?\.[ch]$"),
    (r"^sodium\.h$", r"^lib/secret\w*\.c$"),
    (r"^openssl/", r"^(lib/(digest|rest_tls|pki(_read)?)|orchestrator/authority)\.c$"),
    (r"^cyaml/", r"(_config|/inventory_yaml|^lib/yaml_where)\.[ch]$"),
    (r"^event2/", r"^lib/|_io\.[ch]$|/main\.c$|^boot-services/bootd\.[ch]$|^agent/agent\.[ch]$"
                  r"|^orchestrator/orch\.[ch]$"),
    (r"^libical/", r"^lib/(local_time|zone_time|calendar)\.c$"),
    (r"^zstd\.h$", r"^lib/(delta\w*|pack)\.c$"),
    (r"^zlib\.h$", r"^lib/gzip_part\.c$"),
    (r"^systemd/sd-journal\.h$", r"^agent/logtail_journal_io\.c$"),
    (r"^(seccomp|cap-ng)\.h$", r"^boot-services/privs\.c$"),
    (r"^archive(_entry)?\.h$", r"^ctl/import_source\.c$"),
]
# Files outside those patterns that may use the event loop, and what for.
EVENT_USERS = {
    "agent/bmc_verbs": "the pause between looks at a BMC that restarts",
    "agent/bmc_rotate_run": "the pause before a proof, and the end of its time",
    "agent/boots": "deadline of a boot that nobody ordered",
    "agent/bootd_proc": "the child's end and its restart",
    "agent/console": "the descriptors of sessions and the pause before the next one",
    "agent/console_recorder": "moments of silence, and the end of pauses",
    "agent/console_always": "the pause before it is asked again",
    "agent/gate": "the pauses between rounds, and the end of a gate's time",
    "agent/gate_try": "what is wrong with a check, told from the loop",
    "agent/gate_exec": "what programs print, and their end",
    "agent/local_list": "the pause before it is asked again",
    "agent/local_events": "beats of streams, and a batch of events in each turn",
    "agent/console_live": "the pause before a request is made again",
    "agent/console_near": "what the serial line does not take at once",
    "agent/console_upload": "the pause before the next round",
    "agent/probe": "sockets that ask a host whether it is up",
    "agent/run_jobs": "the timers of the stages",
    "agent/store": "looks at what is to be done",
    "agent/store_fetch": "pauses of a capped line",
    "agent/store_talk": "the pause before the next question",
    "agent/agent_renew": "the next look at the certificate",
    "agent/uplink": "the pause before the next attempt",
    "orchestrator/dispatch": "the long polls that wait",
    "orchestrator/place_news": "the moment in which news of nearby sites gather",
    "orchestrator/dispatch_site": "when agents were heard, a moment later for all",
    "orchestrator/dispatch_report": "a transaction in each turn of the loop",
    "orchestrator/dispatch_call": "time limits of calls to agents",
    "orchestrator/fleet": "a slice of hosts in each turn, and clients that do not read",
    "orchestrator/gate_ask": "a slice of hosts in each turn",
    "orchestrator/retention": "turns of a round, and the next round",
    "orchestrator/live": "how long a request waits, and an agent is not heard",
    "orchestrator/api_audit": "clients of an export that do not read",
    "orchestrator/feed": "followers that stopped reading",
    "orchestrator/tail": "a batch of events in each turn",
    "orchestrator/webhook": "the pauses between attempts",
    "orchestrator/loop_watch": "how late a timer is",
    "orchestrator/absence": "a look at the agents every ten seconds",
    "orchestrator/unattended": "when rollouts have their turn",
    "orchestrator/when_ready": "a look at jobs that wait for images",
}

# Files whose symbols have another prefix than their name.
PREFIXES = {
    "ctl/cmd_image_place": ["cmd_image_"],  # the part of `image` that is about sites
    "orchestrator/api_image_place": ["api_image_"],  # likewise of /images
    "orchestrator/api_rollout_add": ["api_rollout_"],  # POST /rollouts
    "orchestrator/api_schedule_do": ["api_schedule_"],  # the part of /schedules that people do to one
    "lib/buf": ["rbuf_", "wbuf_"],  # two cursors, one file
    "lib/rest_server": ["rest_"],  # one interface in two files
    "lib/rest_request": ["rest_"],
    "lib/audit_chain_check": ["audit_chain_"],  # the part of audit_chain.h that checks
    "orchestrator/dispatch_site": ["dispatch_"],  # the part of dispatch.h that knows the agents
    "lib/rest_web": ["rest_"],  # its TCP side
    "lib/bundle_image": ["bundle_"],  # parts of bundle.h; bundle_path_valid() is used with any path
    "lib/bundle_host": ["bundle_"],
    "lib/bundle_bmc": ["bundle_bmc_"],
    "lib/bundle_loader": ["bundle_"],
    "lib/bundle_menu": ["bundle_"],
    "agent/agent_delta": ["agent_"],  # … and takes what has changed of it
    "agent/agent_table": ["agent_"],  # the part of the program object that keeps the site's table
    "agent/bmc_polite": ["bmc_polite_", "bmc_lockout_"],  # one BMC, and all of them
    "agent/logwatch_table": ["logwatch_"],  # the part of logwatch.h that keeps the hosts
    "orchestrator/dispatch_clock": ["dispatch_clock_", "dispatch_as_of"],  # since when it is not heard
    "orchestrator/rollouts_begin": ["rollouts_"],  # parts of rollouts.h: new ones, what people do to them, and gates
    "orchestrator/rollouts_do": ["rollouts_"],
    "agent/spool_event": ["spool_"],  # the part of spool.h that keeps events
    "agent/run_fsm_recover": ["run_fsm_"],  # the part of run_fsm_priv.h about restarts
    "agent/run_orders": ["run_orders_", "run_jobs_"],  # the part of run_jobs.h that takes orders
    "agent/store_source": ["store_source_", "store_sources_"],  # one, and the set of them
    "boot-services/http_xfer": ["http_xfer_", "http_xfers_"],  # one, and the set of them
}

# "folder/file:symbol" -> reason for a variable that is neither constant nor on a stack.
GLOBALS = {
    "lib/mapped:mine": "a thread's maps, for the handler of a signal, which has no argument",
}

# Parts without I/O, clock and log: bytes and time come in, decisions go out.
PURE = re.compile(
    r"^lib/(addr|arch|agent_msg\w*|back_off|audit_chain\w*|bootd_msg|buf|bundle\w*|console_keys|console_record|crc32|cron_line|error|event|expo|gate_check|hex|hostlist|http_range|id|if_inet6|json|line_cap|menu_script|msg_head|printable|stage|store_msg|story|str|subst|usual|verdict\w*)$"
    r"|^lib/(local_msg|why_json)$|^agent/local_(view|order)$"
    r"|^orchestrator/(lifecycle\w*|drill|metrics|webhook_body|inventory_subnet|siteconf\w*)$"
    r"|^agent/(nfs_msg|console_watch\w*|ticket|run_fsm\w*|script|menu|bmc_session|bmc_seq(_flags)?|bmc_packet|bmc_polite|bmc_manners|bmc_vendors|bmc_look|logline\w*|logwatch|store_(ranges|bucket|streams|source|evict))$"
    r"|^agent/(spool_(drop|clock)|uplink_clock)$"
    r"|^orchestrator/clock_fix$|^orchestrator/rollout_(policy|plan|step)$"
    r"|^orchestrator/hold_words$"
    r"|^ctl/import_(recipes|table)$"
    r"|^boot-services/(policy|hosttab|table_check|ticket_gate|\w+_msg|\w+_fsm|\w+_server|tftp_xfer|peer_share|ra_compose"
    r"|dhcp_class|keyed_hash|lease_pools|dhcp6_(duid|class|subnet|lease|learn|journal|answer|reply|note))$")


def files(*suffixes):
    """Source files that git knows, or all of them in an unpacked archive."""
    try:
        out = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout
        names = out.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [os.path.relpath(os.path.join(d, f)) for d, _, fs in os.walk(".") for f in fs]
        names = [n for n in names if not n.startswith(("build/", ".git/"))]
    return sorted(n for n in names if n.endswith(suffixes) and os.path.isfile(n))


def folder(path):
    """The program folder that a file belongs to: its own, or the one its tests are about."""
    parts = path.split("/")
    if parts[0] in FOLDERS:
        return parts[0]
    if parts[0] == "tests" and len(parts) > 2 and parts[2] in FOLDERS:
        return parts[2]
    return None


def strip_c(text):
    """C without comments, strings and characters; line breaks stay where they are."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)
