#!/usr/bin/env bash
# Installs the Debian packages whose real programs the tests drive. Announces first; does nothing for what is there.
# Exit 0: all there. Exit 1: something is missing and cannot be installed; says what to do.
set -euo pipefail

declare -A package_of=([tcpdump]=tcpdump [haproxy]=haproxy [curl]=curl [tshark]=tshark [tcpflow]=tcpflow [nghttp]=nghttp2-client [nghttpd]=nghttp2-server)
missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || missing+=("${package_of[$program]}")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "test servers: all installed"
  exit 0
fi
echo "test servers: these Debian packages are missing and will be installed: ${missing[*]}"
if ! command -v apt-get >/dev/null 2>&1; then
  echo "test servers: no apt-get here; install them by hand, then run this again" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1; then as_root=(sudo); else
    echo "test servers: run as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
# The daemons are started by the tests themselves, on loopback and ports of their own.
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
