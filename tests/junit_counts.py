# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of a pytest run from its JUnit file: junit_counts.py PART FILE EXIT-STATUS

Prints "PASSED FAILED NAME" for each test file. Skipped and erroneous tests count as failed; so does
an exit status that the report does not explain (an interrupted run, no tests at all). Figures that tests
measured (record_property("figure", TEXT)) go to standard error: pytest shows nothing that a test printed which passed."""
import sys
import xml.etree.ElementTree as ET


def main():
    part, path, status = sys.argv[1], sys.argv[2], int(sys.argv[3])
    try:
        cases = list(ET.parse(path).getroot().iter("testcase"))
    except (OSError, ET.ParseError) as e:
        sys.exit(f"{path}: {e}")
    files = {}
    for case in cases:
        # What failed before it was a test (a file that cannot be read) has no class.
        name = (case.get("classname") or case.get("name", part)).replace("tests.", "", 1).replace(".", "/")
        bad = any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
        passed, failed = files.get(name, (0, 0))
        files[name] = (passed + (not bad), failed + bad)
        for figure in case.iterfind("properties/property[@name='figure']"):
            print(f"    | {name}: {figure.get('value')}", file=sys.stderr)
    for name, (passed, failed) in sorted(files.items()):
        print(passed, failed, name)
    # 0: all passed; 1: some failed. With anything else some have not run, and are not in the report.
    if not files or status > 1 or status == 1 and not any(failed for _, failed in files.values()):
        print(0, 1, f"{part} (exit status {status})")


main()
