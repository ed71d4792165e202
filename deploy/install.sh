#!/bin/bash
# Installs, upgrades or removes the collector on a Debian 12 or 13 host, as a systemd timer.
# Safe to run again at any time: what is in place already is left alone.
set -euo pipefail
# What is made here is read by other users: the service's, and anybody who calls the command.
umask 022

usage() {
  cat <<'USAGE'
Usage: install.sh [options]

Installs or upgrades pypi-badges and starts its daily timer. Run it as root.

  --package WHAT   a tarball made by `npm pack`, or a version or tag on the npm registry
                   (default: the package that this script came with)
  --config FILE    becomes /etc/pypi-badges/tracked.yaml, once the release has accepted it; a list
                   that was there is kept as tracked.yaml.old
  --key FILE       becomes /etc/pypi-badges/gcp.json (0600 root), in place of one that was there
  --with-duckdb    also installs @duckdb/node-api, for `source: duckdb`; later upgrades keep it

  --uninstall      stops the timer and removes the program and its units; keeps /etc/pypi-badges,
                   /var/lib/pypi-badges (badges, ledger) and the user
  --purge          with --uninstall: removes those as well

  --help           shows this text
USAGE
}

readonly MINIMUM_NODE=20.19.0
readonly MINIMUM_SYSTEMD=252
readonly PREFIX=/opt/pypi-badges
readonly CONFIG_DIR=/etc/pypi-badges
readonly DATA_DIR=/var/lib/pypi-badges
readonly UNIT_DIR=/usr/local/lib/systemd/system
readonly SYSUSERS_DIR=/usr/local/lib/sysusers.d
readonly TMPFILES_DIR=/usr/local/lib/tmpfiles.d
readonly COMMAND=/usr/local/bin/pypi-badges
readonly DOCTOR=/usr/local/sbin/pypi-badges-doctor
readonly UNITS=(pypi-badges-collect.service pypi-badges-collect.timer pypi-badges-failure@.service)

HERE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
readonly HERE

say() { printf '%s\n' "$*"; }
die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

# --- preconditions: each says what is wrong and how to mend it -------------------------------------

require_root() {
  [ "$(id -u)" -eq 0 ] || die "run this as root (sudo $0 ...)"
}

require_systemd() {
  [ -d /run/systemd/system ] || die "this host was not booted with systemd, so there is no timer to install.
Use the container instead: see docs/deploy.md, \"In a container\"."
  local version
  version=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  [ "${version:-0}" -ge "$MINIMUM_SYSTEMD" ] ||
    die "systemd $version is too old: the units need $MINIMUM_SYSTEMD or later (Debian 12 has 252, Debian 13 has 257)"
}

how_to_get_node() {
  cat <<'HOW'
Ways to get a Node.js that the service can use (one from nvm lies in a home folder, which the service cannot see):

  Debian 13:          apt-get install nodejs npm
  Debian 12, from NodeSource's packages:
      apt-get install -y curl gpg
      curl -fsSL https://deb.nodesource.com/gpgkey/nodesource-repo.gpg.key | gpg --dearmor -o /usr/share/keyrings/nodesource.gpg
      echo 'deb [signed-by=/usr/share/keyrings/nodesource.gpg] https://deb.nodesource.com/node_24.x nodistro main' > /etc/apt/sources.list.d/nodesource.list
      apt-get update && apt-get install -y nodejs
  Debian 12, from the tarball (take the name of the current one from https://nodejs.org/en/download):
      curl -fsSLO https://nodejs.org/dist/v24.21.0/node-v24.21.0-linux-x64.tar.xz
      tar -xJf node-v24.21.0-linux-x64.tar.xz -C /usr/local --strip-components=1
HOW
}

# Sets NODE to the one that systemd will take for a bare `node` in ExecStart=.
require_node() {
  local directory
  NODE=
  for directory in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin; do
    if [ -x "$directory/node" ]; then
      NODE=$directory/node
      break
    fi
  done
  [ -n "$NODE" ] || die "there is no node in /usr/local/bin or /usr/bin.
$(how_to_get_node)"
  local found
  found=$("$NODE" --version)
  found=${found#v}
  [ "$(printf '%s\n' "$MINIMUM_NODE" "$found" | sort -V | head -n 1)" = "$MINIMUM_NODE" ] ||
    die "$NODE is version $found, and pypi-badges needs $MINIMUM_NODE or later.
$(how_to_get_node)"
  command -v npm >/dev/null || die "there is no npm. Debian packages it apart from nodejs: apt-get install npm"
}

# --- the program ------------------------------------------------------------------------------------

# Makes the package to install a tarball, whatever it was given as, and prints its path.
make_tarball() {
  local what=$1 into=$2
  if [ -z "$what" ]; then
    [ -f "$HERE/../dist/cli.js" ] || die "this folder is not a built package: build it first (npm ci && npm run build),
or say --package latest to take it from the npm registry"
    what=$HERE/..
  elif [ -f "$what" ]; then
    cp -- "$what" "$into/pypi-badges.tgz"
    return
  elif [[ $what == */* || $what == *.tgz ]]; then
    die "--package: there is no file $what"
  else
    what=pypi-badges@$what
  fi
  (cd "$into" && npm pack --silent --ignore-scripts "$what" >/dev/null) || die "npm could not pack $what"
  mv "$into"/pypi-badges-*.tgz "$into/pypi-badges.tgz"
}

# Prints one field of the package.json inside the tarball, given as a JavaScript accessor.
package_field() {
  tar -xzOf "$WORK/pypi-badges.tgz" package/package.json |
    "$NODE" -p "JSON.parse(require('fs').readFileSync(0, 'utf8'))$1 ?? ''"
}

# Unpacks the tarball and its dependencies as a release of its own; a release that exists is complete,
# because it gets its name last.
install_release() {
  local extra=() suffix=
  if [ "$WITH_DUCKDB" = yes ]; then
    local range
    range=$(package_field '.peerDependencies?.["@duckdb/node-api"]')
    extra=("@duckdb/node-api@${range:-latest}")
    suffix=+duckdb
  fi
  RELEASE=$PREFIX/releases/$(package_field .version)-$(sha256sum "$WORK/pypi-badges.tgz" | cut -c 1-12)$suffix
  if [ -d "$RELEASE" ]; then
    say "Release $(basename "$RELEASE") is installed already."
    return
  fi
  say "Installing release $(basename "$RELEASE") ..."
  rm -rf "$PREFIX/releases/.new"
  npm install --global --prefix "$PREFIX/releases/.new" --omit=dev --ignore-scripts \
    --no-audit --no-fund --no-update-notifier --loglevel=error "$WORK/pypi-badges.tgz" "${extra[@]}" >"$WORK/npm.log" 2>&1 || {
    cat "$WORK/npm.log" >&2
    die "npm could not install the package; what was installed before is untouched"
  }
  "$NODE" "$PREFIX/releases/.new/lib/node_modules/pypi-badges/dist/cli.js" --version >/dev/null ||
    die "the installed program does not start; what was installed before is untouched"
  mv "$PREFIX/releases/.new" "$RELEASE"
  UNUSED=$RELEASE
}

# Runs however the script ends: nothing of an upgrade that did not take over stays behind.
clean_up() {
  rm -rf "$WORK" "$PREFIX/releases/.new" "$CONFIG_DIR/tracked.yaml.new"
  if [ -n "$UNUSED" ]; then
    rm -rf "$UNUSED"
  fi
  rmdir "$PREFIX/releases" "$PREFIX" 2>/dev/null || true
}

# The service's user must be able to go there. Older versions of this script could leave them closed.
open_folders() {
  local folder
  mkdir -p "$PREFIX/releases"
  for folder in "$PREFIX" "$PREFIX/releases"; do
    if [ "$(stat -c %a "$folder")" != 755 ]; then
      chmod 0755 "$folder"
      CHANGED=yes
    fi
  done
}

as_the_service() { runuser -u pypi-badges -- "$@"; }

# The collector of this release must accept a list before it takes over. It is checked where it will lie, as
# relative paths depend on that.
check_config() {
  local file=$1 named=$2 status=0 key
  as_the_service "$NODE" "$RELEASE/lib/node_modules/pypi-badges/dist/cli.js" \
    check --config "$file" >"$WORK/check.log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    cat "$WORK/check.log" >&2
    [ "$status" -eq 2 ] || die "the user pypi-badges cannot run $RELEASE (above); what ran before is untouched."
    die "$named is not valid (above). Mend it and run this again; what ran before is untouched."
  fi
  # As `check` tells it.
  key=$(sed -n 's/^credentials  *//p' "$WORK/check.log")
  case $key in
    /run/credentials/*) ;;
    /*)
      as_the_service test -r "$key" ||
        die "$named names credential_file: $key, which the service cannot read, and should not be able to.
Leave that line out and give the key to this script: --key $key. The service is handed a copy of its own."
      ;;
  esac
}

switch_to_release() {
  if [ "$(readlink "$PREFIX/current" 2>/dev/null)" != "releases/$(basename "$RELEASE")" ]; then
    if [ -L "$PREFIX/current" ]; then
      ln -sfn "$(readlink "$PREFIX/current")" "$PREFIX/previous"
    fi
    # By rename, so that a timer that elapses right now finds the old or the new one, never none.
    ln -sfn "releases/$(basename "$RELEASE")" "$PREFIX/current.new"
    mv -T "$PREFIX/current.new" "$PREFIX/current"
    CHANGED=yes
  fi
  UNUSED=
  # At once after the program that has accepted it, so that no run meets one without the other.
  if [ -e "$CONFIG_DIR/tracked.yaml.new" ]; then
    [ ! -e "$CONFIG_DIR/tracked.yaml" ] || cp -p "$CONFIG_DIR/tracked.yaml" "$CONFIG_DIR/tracked.yaml.old"
    mv -T "$CONFIG_DIR/tracked.yaml.new" "$CONFIG_DIR/tracked.yaml"
    CHANGED=yes
    say "Wrote $CONFIG_DIR/tracked.yaml"
  fi
  # The previous release stays: a run may be under way in it, and it is the way back.
  local release link kept
  for release in "$PREFIX"/releases/*; do
    kept=no
    for link in current previous; do
      [ "$(readlink -f "$PREFIX/$link" 2>/dev/null)" = "$(readlink -f "$release")" ] && kept=yes
    done
    [ "$kept" = yes ] || rm -rf "$release"
  done
  if [ -L "$COMMAND" ] || [ ! -e "$COMMAND" ]; then
    if [ "$(readlink "$COMMAND" 2>/dev/null)" != "$PREFIX/current/bin/pypi-badges" ]; then
      mkdir -p "$(dirname "$COMMAND")"
      ln -sfn "$PREFIX/current/bin/pypi-badges" "$COMMAND"
      CHANGED=yes
    fi
  else
    say "Note: $COMMAND is not a link of ours and stays as it is; the command is $PREFIX/current/bin/pypi-badges."
  fi
}

# --- files ------------------------------------------------------------------------------------------

# Copies a file of the package if the installed one differs.
place() {
  local source=$1 target=$2 mode=${3:-0644}
  if ! cmp -s "$source" "$target"; then
    install -D -m "$mode" "$source" "$target"
    CHANGED=yes
  fi
}

# Puts a new key in the place of the old one, by rename: a run that starts meanwhile gets one of the two, whole.
place_key() {
  local target=$CONFIG_DIR/gcp.json
  if cmp -s "$KEY" "$target"; then
    return
  fi
  install -m 0600 -o root -g root "$KEY" "$target.new"
  mv -T "$target.new" "$target"
  CHANGED=yes
  say "Wrote $target. The next run uses it; revoke the old key after that."
}

# Copies a file that then belongs to the operator: never over an existing one.
place_once() {
  local source=$1 target=$2 mode=$3
  if [ -e "$target" ]; then
    return
  fi
  [ -f "$source" ] || die "there is no file $source"
  install -m "$mode" "$source" "$target"
  CHANGED=yes
  say "Wrote $target"
}

install_everything() {
  require_root
  require_systemd
  require_node
  WORK=$(mktemp -d)
  UNUSED=
  trap clean_up EXIT
  [ -z "$CONFIG" ] || [ -f "$CONFIG" ] || die "--config: there is no file $CONFIG"
  [ -z "$KEY" ] || [ -f "$KEY" ] || die "--key: there is no file $KEY"
  CHANGED=no

  make_tarball "$PACKAGE" "$WORK"
  if [ -d "$PREFIX/current/lib/node_modules/@duckdb/node-api" ]; then
    WITH_DUCKDB=yes
  fi
  open_folders
  install_release
  # From here on, files come out of the release, so that script and units cannot be of two versions.
  local deploy=$RELEASE/lib/node_modules/pypi-badges/deploy

  place "$deploy/systemd/pypi-badges.sysusers" "$SYSUSERS_DIR/pypi-badges.conf"
  place "$deploy/systemd/pypi-badges.tmpfiles" "$TMPFILES_DIR/pypi-badges.conf"
  systemd-sysusers "$SYSUSERS_DIR/pypi-badges.conf"
  systemd-tmpfiles --create "$TMPFILES_DIR/pypi-badges.conf"
  place_once "$deploy/systemd/failure.env" "$CONFIG_DIR/failure.env" 0600
  if [ -n "$CONFIG" ] && ! cmp -s "$CONFIG" "$CONFIG_DIR/tracked.yaml"; then
    install -m 0644 "$CONFIG" "$CONFIG_DIR/tracked.yaml.new"
    check_config "$CONFIG_DIR/tracked.yaml.new" "$CONFIG"
  else
    place_once "$deploy/systemd/tracked.yaml" "$CONFIG_DIR/tracked.yaml" 0644
    check_config "$CONFIG_DIR/tracked.yaml" "$CONFIG_DIR/tracked.yaml"
  fi
  [ -z "$KEY" ] || place_key

  local unit
  for unit in "${UNITS[@]}"; do
    place "$deploy/systemd/$unit" "$UNIT_DIR/$unit"
  done
  place "$deploy/systemd/pypi-badges-doctor" "$DOCTOR" 0755
  switch_to_release
  if [ "$CHANGED" = yes ]; then
    systemctl daemon-reload
  fi
  if ! systemctl is-enabled --quiet pypi-badges-collect.timer || ! systemctl is-active --quiet pypi-badges-collect.timer; then
    systemctl enable --quiet --now pypi-badges-collect.timer
    CHANGED=yes
  fi

  if [ "$CHANGED" = no ]; then
    say "Nothing to do: $(basename "$RELEASE") is installed and its timer runs."
    return
  fi
  say "Installed $(basename "$RELEASE"). Next run: $(systemctl show --property=NextElapseUSecRealtime --value pypi-badges-collect.timer)"
  say
  say "Packages:  $CONFIG_DIR/tracked.yaml"
  if [ -e "$CONFIG_DIR/gcp.json" ]; then
    say "Key:       $CONFIG_DIR/gcp.json"
  else
    say "Key:       none yet. BigQuery needs one: run this again with --key FILE"
  fi
  say "Run now:   systemctl start pypi-badges-collect   (log: journalctl -u pypi-badges-collect -o cat)"
  say "Check:     pypi-badges-doctor"
  say "Failures:  say in $CONFIG_DIR/failure.env who is told"
}

# --- and back ---------------------------------------------------------------------------------------

uninstall() {
  require_root
  require_systemd
  local unit
  systemctl disable --quiet --now pypi-badges-collect.timer 2>/dev/null || true
  systemctl stop pypi-badges-collect.service 'pypi-badges-failure@*' 2>/dev/null || true
  for unit in "${UNITS[@]}"; do
    rm -f "$UNIT_DIR/$unit"
  done
  rm -f "$DOCTOR" "$SYSUSERS_DIR/pypi-badges.conf" "$TMPFILES_DIR/pypi-badges.conf"
  if [ "$(readlink "$COMMAND" 2>/dev/null)" = "$PREFIX/current/bin/pypi-badges" ]; then
    rm -f "$COMMAND"
  fi
  rm -rf "$PREFIX"
  systemctl daemon-reload
  systemctl reset-failed 'pypi-badges-*' 2>/dev/null || true
  if [ "$PURGE" = yes ]; then
    rm -rf "$CONFIG_DIR" "$DATA_DIR" /etc/systemd/system/pypi-badges-*.d
    rm -f /var/lib/systemd/timers/stamp-pypi-badges-collect.timer
    if getent passwd pypi-badges >/dev/null; then
      userdel pypi-badges
    fi
    systemctl daemon-reload
    say "Removed pypi-badges with its configuration, key, badges and ledger."
  else
    say "Removed pypi-badges. Kept: $CONFIG_DIR, $DATA_DIR and the user (--uninstall --purge removes them too)."
  fi
}

PACKAGE="" CONFIG="" KEY="" WITH_DUCKDB=no ACTION=install PURGE=no
while [ $# -gt 0 ]; do
  case $1 in
    --package | --config | --key)
      [ $# -ge 2 ] || die "$1 needs a value (--help shows the options)"
      case $1 in
        --package) PACKAGE=$2 ;;
        --config) CONFIG=$2 ;;
        --key) KEY=$2 ;;
      esac
      shift
      ;;
    --with-duckdb) WITH_DUCKDB=yes ;;
    --uninstall) ACTION=uninstall ;;
    --purge) PURGE=yes ;;
    --help | -h)
      usage
      exit 0
      ;;
    *)
      usage >&2
      die "unknown option $1"
      ;;
  esac
  shift
done
[ "$PURGE" = no ] || [ "$ACTION" = uninstall ] || die "--purge goes with --uninstall"

if [ "$ACTION" = uninstall ]; then
  uninstall
else
  install_everything
fi
