#!/usr/bin/env bash
# Installs what bench/cluster compares with, where it is missing: Debian's etcd and redis-server.
set -euo pipefail
command -v etcd >/dev/null && command -v redis-server >/dev/null && exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends etcd-server etcd-client redis-server >/dev/null
for service in etcd redis-server; do $sudo service $service stop >/dev/null 2>&1 || true; done
