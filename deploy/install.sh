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
readonly UNITS=(pypi-badges-collect.service pypi-badges-collect.timer pypi-badges-failure@.service pypi-badges-mail@.service)
# Drop-ins for what a host refuses. The first is for every unit whose name begins with pypi-badges-. The names come last
# in the alphabet, and so after the drop-ins of LXC's images (zzz-lxc-service.conf).
readonly NO_MOUNTS=$UNIT_DIR/pypi-badges-.service.d/zzzz-no-mounts.conf
readonly COPIED_KEY=$UNIT_DIR/pypi-badges-collect.service.d/zzzz-copied-key.conf

HERE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
readonly HERE

say() { printf '%s\n' "$*"; }
die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

# Runs a command that needs no rights: with those of nobody, in an empty home.
unprivileged() { (cd "$WORK/home" && runuser -u nobody -- env HOME="$WORK/home" "$@"); }

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
  # A link, or a script, may lead to where the service cannot look, as those of version managers do.
  local found real
  real=$(unprivileged "$NODE" -p process.execPath 2>"$WORK/node.log") ||
    die "$NODE ($(readlink -f "$NODE")) does not run for other users than root: $(tail -n 1 "$WORK/node.log")
$(how_to_get_node)"
  found=$(unprivileged "$NODE" --version)
  found=${found#v}
  [ "$(printf '%s\n' "$MINIMUM_NODE" "$found" | sort -V | head -n 1)" = "$MINIMUM_NODE" ] ||
    die "$NODE is version $found, and pypi-badges needs $MINIMUM_NODE or later.
$(how_to_get_node)"
  case $real in
    /home/* | /root/* | /run/user/* | /tmp/* | /var/tmp/*)
      die "$NODE is $real, which the service cannot see.
$(how_to_get_node)"
      ;;
  esac
}

require_npm() {
  command -v npm >/dev/null || die "$1 needs npm, and there is none. Debian packages it apart from nodejs: apt-get install npm"
}

# --- the program ------------------------------------------------------------------------------------

# Unpacks the package, with the libraries that are in it; as root, nothing of it is run.
unpack_package() {
  local what=$1 into=$2
  if [ -z "$what" ]; then
    if [ ! -f "$HERE/../dist/cli.js" ] || [ -e "$HERE/../src" ]; then
      die "this folder is not an unpacked package. In a clone:
npm ci && npm pack && tar -xzf pypi-badges-*.tgz && sudo package/deploy/install.sh
Or take it from the npm registry: --package latest"
    fi
    cp -r -- "$HERE/../." "$into"
    return
  elif [ ! -f "$what" ]; then
    [[ $what != */* && $what != *.tgz ]] || die "--package: there is no file $what"
    require_npm "--package $what"
    unprivileged npm pack --loglevel=error --ignore-scripts "pypi-badges@$what" >/dev/null ||
      die "npm could not fetch pypi-badges@$what (above)"
    what=$(echo "$WORK"/home/pypi-badges-*.tgz)
  fi
  tar -xzf "$what" --no-same-owner --strip-components=1 -C "$into" || die "$what is no package"
}

# Fetches DuckDB as the package has it locked, by version and checksum.
add_duckdb() {
  local package=$1 into=$2
  require_npm --with-duckdb
  unprivileged cp "$package/dist/duckdb.package.json" package.json
  unprivileged cp "$package/dist/duckdb.package-lock.json" package-lock.json
  unprivileged npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >"$WORK/npm.log" 2>&1 || {
    cat "$WORK/npm.log" >&2
    die "npm could not install DuckDB; what was installed before is untouched"
  }
  cp -r "$WORK/home/node_modules/." "$into"
}

# Makes a release of its own of the package; a release that exists is complete, because it gets its name last.
install_release() {
  local new=$WORK/release package version suffix='' digest
  package=$new/lib/node_modules/pypi-badges
  mkdir -p "$package" "$new/bin"
  unpack_package "$PACKAGE" "$package"
  chmod -R u=rwX,go=rX "$new"
  chmod 0755 "$package/dist/cli.js"
  ln -s ../lib/node_modules/pypi-badges/dist/cli.js "$new/bin/pypi-badges"
  version=$(unprivileged "$NODE" "$package/dist/cli.js" --version) ||
    die "the program does not start (above); what was installed before is untouched"
  [ "$WITH_DUCKDB" = no ] || suffix=+duckdb
  digest=$(cd "$package" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-12)
  RELEASE=$PREFIX/releases/$version-$digest$suffix
  if [ -d "$RELEASE" ]; then
    say "Release $(basename "$RELEASE") is installed already."
    return
  fi
  say "Installing release $(basename "$RELEASE") ..."
  [ "$WITH_DUCKDB" = no ] || add_duckdb "$package" "$new/lib/node_modules"
  rm -rf "$PREFIX/releases/.new"
  cp -r "$new" "$PREFIX/releases/.new"
  mv "$PREFIX/releases/.new" "$RELEASE"
  UNUSED=$RELEASE
}

# Runs however the script ends: nothing of an upgrade that did not take over stays behind.
clean_up() {
  rm -rf "$WORK" "$PREFIX/releases/.new" "$CONFIG_DIR/tracked.yaml.new" "$PROBE"
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
    /run/credentials/*)
      [ "$HANDED_KEY" = yes ] || die "$named names credential_file: $key, and this host takes LoadCredential= away from
services. Leave that line out; the service gets the key $CONFIG_DIR/gcp.json without it."
      ;;
    /*)
      as_the_service test -r "$key" ||
        die "$named names credential_file: $key, which the service cannot read, and should not be able to.
Leave that line out and give the key to this script: --key $key. The service is handed a copy of its own."
      ;;
  esac
}

# What systemd can do for a service differs between hosts, so it is tried. systemd goes on without a sandbox where mount
# namespaces are refused, and fails where mounts in them are; both are `no` here.
can_mount() { systemd-run --quiet --collect --wait --property=ProtectSystem=strict sh -c '! test -w /usr' 2>/dev/null; }
can_hand_key() {
  # shellcheck disable=SC2016
  systemd-run --quiet --collect --wait --property=LoadCredential=probe:/etc/passwd \
    sh -c 'test -s "$CREDENTIALS_DIRECTORY/probe"' 2>/dev/null
}

# Starts this release as systemd will start it, with its sandbox and with the host's drop-ins.
check_sandbox() {
  local deploy=$1 status
  mkdir -p "$(dirname "$PROBE")"
  {
    # A dependency cannot be emptied later.
    sed '/^OnFailure=/d' "$deploy/systemd/pypi-badges-collect.service"
    cat /etc/systemd/system/pypi-badges-collect.service.d/*.conf 2>/dev/null || true
    printf '\n%s\n' '[Service]' ExecStartPre= ExecStartPost= ExecStopPost= ExecStart= \
      "ExecStart=node $RELEASE/lib/node_modules/pypi-badges/dist/cli.js --version"
    [ "$MOUNTS" = yes ] || cat "$deploy/systemd/no-mounts.conf"
    [ "$HANDED_KEY" = yes ] || cat "$deploy/systemd/copied-key.conf"
  } >"$PROBE"
  systemctl daemon-reload
  if ! systemctl start --quiet "$(basename "$PROBE")" 2>/dev/null; then
    status=$(systemctl show --property=ExecMainStatus --value "$(basename "$PROBE")")
    journalctl --no-pager --output=cat --lines=5 --unit="$(basename "$PROBE")" >&2 || true
    systemctl reset-failed "$(basename "$PROBE")" 2>/dev/null || true
    die "systemd cannot start $NODE in the service's sandbox (above; status $status). Do drop-ins of your own
(systemctl cat pypi-badges-collect) fit this host? What ran before is untouched."
  fi
}

# Installs what a host needs that refuses something, and removes it from one that no longer does.
place_variants() {
  local deploy=$1
  if [ "$MOUNTS" = no ]; then
    place "$deploy/systemd/no-mounts.conf" "$NO_MOUNTS"
  else
    remove "$NO_MOUNTS"
  fi
  if [ "$HANDED_KEY" = no ]; then
    place "$deploy/systemd/copied-key.conf" "$COPIED_KEY"
  else
    remove "$COPIED_KEY"
  fi
}

say_what_is_lost() {
  [ "$MOUNTS" = yes ] || say "
This host refuses mounts to services, as an LXC container without nesting does. The sandbox is without them: the run
can read what any user of this host can, and write to /tmp beside its own folders. It has no privileges, cannot get
any, and makes ordinary system calls only. For the whole sandbox allow nesting (Proxmox: pct set ID --features
nesting=1; Incus: incus config set NAME security.nesting=true), restart the container, and run this again."
  [ "$HANDED_KEY" = yes ] || say "
This host takes LoadCredential= away from services. While a run lasts, a copy of the key lies in
/run/pypi-badges-collect, where the service's user alone can read it."
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

# Removes a file that an earlier run of this script placed, and its folder if that is empty.
remove() {
  if [ -e "$1" ]; then
    rm "$1"
    rmdir --ignore-fail-on-non-empty "$(dirname "$1")"
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
  WORK=$(mktemp -d)
  UNUSED=
  PROBE=/run/systemd/system/pypi-badges-probe.service
  trap clean_up EXIT
  chmod 0711 "$WORK"
  install -d -o nobody "$WORK/home"
  require_node
  [ -z "$CONFIG" ] || [ -f "$CONFIG" ] || die "--config: there is no file $CONFIG"
  [ -z "$KEY" ] || [ -f "$KEY" ] || die "--key: there is no file $KEY"
  CHANGED=no

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
  MOUNTS=no HANDED_KEY=no
  if can_mount; then MOUNTS=yes; fi
  if can_hand_key; then HANDED_KEY=yes; fi
  place_once "$deploy/systemd/failure.env" "$CONFIG_DIR/failure.env" 0600
  if [ -n "$CONFIG" ] && ! cmp -s "$CONFIG" "$CONFIG_DIR/tracked.yaml"; then
    install -m 0644 "$CONFIG" "$CONFIG_DIR/tracked.yaml.new"
    check_config "$CONFIG_DIR/tracked.yaml.new" "$CONFIG"
  else
    place_once "$deploy/systemd/tracked.yaml" "$CONFIG_DIR/tracked.yaml" 0644
    check_config "$CONFIG_DIR/tracked.yaml" "$CONFIG_DIR/tracked.yaml"
  fi
  check_sandbox "$deploy"
  [ -z "$KEY" ] || place_key

  local unit
  for unit in "${UNITS[@]}"; do
    place "$deploy/systemd/$unit" "$UNIT_DIR/$unit"
  done
  place_variants "$deploy"
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
  say_what_is_lost
}

# --- and back ---------------------------------------------------------------------------------------

uninstall() {
  require_root
  require_systemd
  local unit
  systemctl disable --quiet --now pypi-badges-collect.timer 2>/dev/null || true
  systemctl stop pypi-badges-collect.service 'pypi-badges-failure@*' 'pypi-badges-mail@*' 2>/dev/null || true
  for unit in "${UNITS[@]}"; do
    rm -f "$UNIT_DIR/$unit"
  done
  CHANGED=no
  remove "$NO_MOUNTS"
  remove "$COPIED_KEY"
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
