#!/usr/bin/env bash
# Runs the installer for real in fresh Debian userlands, as on a Raspberry Pi but without one, and then the car:
#
#   sudo tests/userland.sh [bookworm|trixie]...                      default: both, in this machine's architecture
#   sudo ARCHITECTURE=arm64 tests/userland.sh [bookworm|trixie]...   the Pi's, emulated: qemu-user-static, arch-test
#
# Where systemd-nspawn is (systemd-container), systemd itself is started there, and the service is broken in every way.
# Needs root, mmdebstrap, and a network that reaches Debian's packages and pip's. For packages that only Raspberry Pi OS
# has, empty ones stand in; off arm64, so does a dpkg that says arm64.
set -euo pipefail
cd "$(dirname "$0")/.."

architecture=${ARCHITECTURE:-$(dpkg --print-architecture)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main() {
    [ $# -gt 0 ] || set -- bookworm trixie
    local release
    for release in "$@"; do
        make_userland "$release"
        echo "== $release, $architecture: $(inside "$release" python3 --version)"
        drive_in "$release"
        echo "== $release, $architecture: all of it ran"
    done
}

make_userland() {
    local root=$work/$1
    mmdebstrap --quiet --variant=apt --architectures="$architecture" \
        --include=ca-certificates,dbus,dpkg-dev,passwd,python3-numpy,systemd-sysv,udev,util-linux "$1" "$root"
    # How this machine reaches its network is how the userland does.
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    mkdir -p "$root/boot/firmware" "$root/home/ada/pocketpilot" "$root/opt/stand-ins"
    echo 'dtparam=audio=on' >"$root/boot/firmware/config.txt"
    git ls-files -z --cached --others --exclude-standard |
        tar --create --null --files-from=- | tar --extract -C "$root/home/ada/pocketpilot"
    inside "$1" useradd --shell /bin/bash ada
    inside "$1" chown -R ada: /home/ada
    stand_in_package "$1" python3-picamera2
    stand_in_package "$1" python3-lgpio
    [ "$architecture" = arm64 ] || stand_in_dpkg "$root/opt/stand-ins/dpkg"
}

# Of version 0, so that a real one, where there is one, takes its place.
stand_in_package() {
    local folder=$work/$1/tmp/$2
    mkdir -p "$folder/DEBIAN"
    printf '%s\n' "Package: $2" 'Version: 0' 'Architecture: all' 'Maintainer: nobody' \
        'Description: stands in for that of Raspberry Pi OS' >"$folder/DEBIAN/control"
    inside "$1" dpkg-deb --build "/tmp/$2" >/dev/null
    inside "$1" dpkg --install "/tmp/$2.deb" >/dev/null
}

stand_in_dpkg() {
    cat >"$1" <<'END'
#!/bin/sh
if [ "$1" = --print-architecture ]; then echo arm64; else exec /usr/bin/dpkg "$@"; fi
END
    chmod +x "$1"
}

drive_in() {
    local installer=/home/ada/pocketpilot/hardware/install/install.sh car=(runuser --user ada -- car)
    part "the installer says what it would do" inside "$1" "$installer" --dry-run
    part "the installer does it" inside "$1" "$installer"
    part "the second time it has nothing left to do" inside "$1" "$installer"
    part "the environment sees the system's packages, and has its own NumPy" inside "$1" /opt/pocketpilot/bin/python -c \
        'import evdev, numpy; print(evdev.__file__, numpy.__file__); assert "/opt/" in numpy.__file__'
    part "systemd has nothing to say about the service" verify_service "$1"
    if inside "$1" udevadm verify --help >/dev/null 2>&1; then
        part "udev reads the rules" inside "$1" udevadm verify /etc/udev/rules.d/99-pocketpilot.rules
    fi
    part "the doctor" inside "$1" "${car[@]}" doctor --car /home/ada/mycar
    part "a lap in lock-step" inside "$1" "${car[@]}" simulate --laps 1 --car /home/ada/mycar
    # An emulated processor is too slow for real time, and the gate rightly stops what is late.
    if [ "$architecture" != arm64 ]; then
        part "a headless lap in real time" inside "$1" "${car[@]}" drive --headless --laps 1 --car /home/ada/mycar
        ! command -v systemd-nspawn >/dev/null || part "the service under systemd" try_service "$work/$1"
    fi
}

try_service() {
    cat >"$1/etc/systemd/system/trial.service" <<'END'
[Unit]
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
ExecStart=/opt/pocketpilot/bin/python -P -u /home/ada/pocketpilot/tests/service_trial.py
StandardOutput=file:/trial.log
StandardError=file:/trial.log
TimeoutStartSec=300
Type=oneshot

[Install]
WantedBy=multi-user.target
END
    systemctl --quiet --root="$1" enable trial.service
    timeout 300 systemd-nspawn --quiet --register=no --keep-unit --directory="$1" --boot >"$1/boot.log" 2>&1 </dev/null || true
    cat "$1/trial.log"
    grep -q '^The service holds' "$1/trial.log"
}

verify_service() {
    local said
    said=$(inside "$1" systemd-analyze verify /etc/systemd/system/pocketpilot@.service 2>&1 || echo "It failed.")
    [ -z "$said" ] || { echo "$said"; return 1; }
}

part() {
    local name=$1 started=$SECONDS
    shift
    echo "-- $name"
    "$@"
    echo "-- $name: $((SECONDS - started)) s"
}

# Runs a command in a userland, with what a Pi's programs find in /proc and /dev; the mounts end with the command.
inside() {
    local root=$work/$1
    shift
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --pid --fork sh -c '
        mount --bind /dev "$0/dev" && mount -t tmpfs shm "$0/dev/shm" && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"
    ' "$root" env --ignore-environment HOME=/root LC_ALL=C.UTF-8 SUDO_USER=ada PIP_ROOT_USER_ACTION=ignore \
        PIP_CERT=/etc/ssl/certs/ca-certificates.crt PATH=/opt/stand-ins:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

main "$@"
