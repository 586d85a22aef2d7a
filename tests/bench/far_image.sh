#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# An image of SIZE_MB (500) brought from the orchestrator to a site by mutual TLS, over a line of 150 ms each way, 10 Mbit/s and 2 %
# loss, through CUTS (5) of ten seconds; then its next version, of which 3 % differ, as a delta. The share is that of the
# line's rate while it was up, from the order to the file in its place. The last line is JSON. Needs root.
set -eu
cd "$(dirname "$0")/../.."
build=${NETBOOT_BUILD:-$PWD/build/release}
NETBOOT_BUILD=$build exec /usr/bin/python3 tests/bench/lib/far_image.py "${SIZE_MB:-500}" "${CUTS:-5}"
