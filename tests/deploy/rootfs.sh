#!/bin/bash
# Makes (once) the root file system of a Debian suite that the deploy test boots, and prints its path.
# Usage: rootfs.sh trixie|bookworm CACHE_DIR
# It is kept outside the repository under a name made from this script's text, so a change here makes a
# new one. The test never writes into it: it boots an overlay.
set -euo pipefail
suite=$1 cache=$2

# sudo: docs/deploy.md is followed as it stands.
base=systemd,systemd-sysv,dbus,ca-certificates,curl,openssl,sudo
case $suite in
  # Debian 13: the collector's host with Debian's own Node, both web servers, and the compose checker.
  trixie) packages="nodejs npm caddy nginx-light docker-compose" ;;
  # Debian 12: its Node is too old, which the test wants to see refused.
  bookworm) packages="nodejs caddy nginx-light" ;;
  *) exit 2 ;;
esac

mkdir -p "$cache"
exec 9>"$cache/rootfs-$suite.lock"
flock 9
key=$(sha256sum "${BASH_SOURCE[0]}" | cut -c 1-12)
root=$cache/rootfs-$suite-$key
if [ ! -d "$root" ]; then
  rm -rf "$cache/rootfs-$suite"-*
  new=$cache/rootfs-$suite-new
  trap 'umount "$new/proc" 2>/dev/null || true; rm -rf "$new"' EXIT
  {
    debootstrap --variant=minbase --include="$base" "$suite" "$new" http://deb.debian.org/debian
    # As on a server: services are not started while they are unpacked into a chroot.
    printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
    chmod 0755 "$new/usr/sbin/policy-rc.d"
    # The host's own apt settings (a proxy, say) hold here too.
    for setting in /etc/apt/apt.conf.d/99*; do
      [ ! -f "$setting" ] || cp "$setting" "$new/etc/apt/apt.conf.d/"
    done
    mount -t proc proc "$new/proc"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive chroot "$new" sh -c "apt-get update -q && apt-get install -y -q --no-install-recommends $packages && apt-get clean"
    umount "$new/proc"
    # The web servers are started by the test, each in its turn; no network means nothing to update.
    for unit in caddy.service nginx.service apt-daily.timer apt-daily-upgrade.timer; do
      chroot "$new" systemctl disable -q "$unit" 2>/dev/null || true
    done
    echo 'pypi-badges-test' >"$new/etc/hostname"
    echo '127.0.0.1 localhost pypi-badges-test' >"$new/etc/hosts"
    rm -f "$new/etc/resolv.conf"
    : >"$new/etc/machine-id"
    # Kept over the test's reboot.
    mkdir -p "$new/var/log/journal"
  } >"$cache/rootfs-$suite.log" 2>&1 || {
    tail -n 20 "$cache/rootfs-$suite.log" >&2
    echo "rootfs.sh: no $suite root file system could be made (above; whole log: $cache/rootfs-$suite.log)" >&2
    exit 1
  }
  mv "$new" "$root"
  trap - EXIT
fi
echo "$root"
