#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `make demo`: the guest images, then the demonstration.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] || { echo "demo: network namespaces need root: sudo make demo" >&2; exit 1; }
sh "$here/build_images.sh" "$here/../../build/lab"
exec /usr/bin/python3 "$here/demo.py"
