#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a scrape of /metrics costs with 10,000 hosts, a job open on each: tests/bench/lib/metrics.py.
set -eu
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for sites in 20 1000; do
	mkdir -p "$dir/$sites"
	python3 tests/bench/lib/metrics.py "$dir/$sites" "$sites" 10000 200000
done
