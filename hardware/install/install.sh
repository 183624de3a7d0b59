#!/bin/sh
# Sets up a Raspberry Pi 4 or 5 with 64-bit Raspberry Pi OS (Bookworm or Trixie) for Pocketpilot. From a clone:
#
#   hardware/install/install.sh --dry-run     say what it would do, and do nothing
#   sudo hardware/install/install.sh          do it; again after every git pull
#
#   --user NAME   whose car it is; default: who called sudo
#   --help        print this
#
# Where DESTDIR is set, files outside the clone are read and written below it.
set -eu

prefix=/opt/pocketpilot
clone=$(cd "$(dirname "$0")/../.." && pwd)
source=$clone/hardware/install
root=${DESTDIR:-}
config=$root/boot/firmware/config.txt
begin="# Pocketpilot begins: its installer rewrites what stands between these two lines."
end="# Pocketpilot ends."
dry_run=false
user=${SUDO_USER:-}
reboot=false

main() {
    read_arguments "$@"
    "$dry_run" && say "This is what the installer would do here; it does nothing now."
    check_machine
    step "Packages of Raspberry Pi OS" install_packages
    step "Pocketpilot in $prefix, with the tested versions of constraints/$versions.txt" install_program
    step "Pins, I2C and camera without root" grant_access
    step "Lines for the firmware in /boot/firmware/config.txt" configure_firmware
    step "The service, not enabled" install_service
    step "The car" make_car
    say_what_next
}

read_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
            --dry-run) dry_run=true ;;
            --user)
                [ $# -ge 2 ] || fail "--user needs a name. Name the user whose car it is."
                user=$2
                shift
                ;;
            -h | --help)
                sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"
                exit 0
                ;;
            *) fail "$1 is not an argument of the installer. See --help." ;;
        esac
        shift
    done
}

# What a dry run would be refused for is said, and the plan is shown all the same; without the clone there is none.
check_machine() {
    for file in pyproject.toml constraints hardware/install/config.txt; do
        [ -e "$clone/$file" ] || fail "The installer needs the clone that it belongs to. Run it there: sudo hardware/install/install.sh"
    done
    "$dry_run" || [ "$(id -u)" -eq 0 ] || fail "The installer installs packages, so it needs root. Run it with sudo."
    command -v apt-get >/dev/null || refuse "There is no apt here. Write the Pi's card with Raspberry Pi OS, 64-bit."
    case $(dpkg --print-architecture 2>/dev/null || true) in
        arm64) ;;
        armhf) refuse "This is 32-bit Raspberry Pi OS. Write the card again with the 64-bit one." ;;
        *) refuse "This is no 64-bit Raspberry Pi. On a laptop, \`make drive\` sets up the simulator." ;;
    esac
    release=$(sed -n 's/^VERSION_CODENAME=//p' "$root/etc/os-release" 2>/dev/null || true)
    versions=current
    case $release in
        bookworm) versions=bookworm ;;
        trixie) ;;
        *) refuse "This is ${release:-an unknown system}, not Bookworm or Trixie. Write the card with one of those." ;;
    esac
    [ -f "$config" ] || refuse "There is no /boot/firmware/config.txt. Use Raspberry Pi OS on a Raspberry Pi 4 or 5."
    case $user in
        "" | root) refuse "Whose car is it? Call this with sudo from that user's shell, or give --user NAME." && user=pi ;;
    esac
    home=$(getent passwd "$user" | cut -d: -f6) || true
    [ -n "$home" ] || refuse "There is no user $user here. Give an existing one with --user NAME."
    home=${home:-/home/$user}
}

install_packages() {
    run apt-get update
    run env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        python3-venv python3-picamera2 python3-lgpio python3-evdev libsdl2-2.0-0
}

install_program() {
    run python3 -m venv --system-site-packages "$root$prefix"
    run "$root$prefix/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$clone/constraints/$versions.txt" "${clone}[pi]"
    run mkdir -p "$root/usr/local/bin"
    run ln -sfn "$prefix/bin/car" "$root/usr/local/bin/car"
}

grant_access() {
    for group in gpio i2c video input; do
        run groupadd --force --system "$group"
    done
    run usermod --append --groups gpio,i2c,video,input "$user"
    put "$source/99-pocketpilot.rules" /etc/udev/rules.d/99-pocketpilot.rules
    put "$source/i2c-dev.conf" /etc/modules-load.d/pocketpilot.conf
}

# The owner's own lines stay as they are; so does the whole file, when ours are in it already.
configure_firmware() {
    sed 's/^/  /' "$source/config.txt"
    [ -f "$config" ] || return 0
    if grep -qxF "$begin" "$config" && ! grep -qxF "$end" "$config"; then
        fail "The line '$end' has gone from config.txt. Remove our other lines there, and install again."
    fi
    wanted=$(mktemp)
    trap 'rm -f "$wanted"' EXIT
    with_our_lines >"$wanted"
    if cmp -s "$wanted" "$config"; then
        say "  They are there already."
        return
    fi
    run cp -p "$config" "$config.before-pocketpilot-$(date +%Y%m%d-%H%M%S)"
    # Written beside it and renamed: a power cut leaves the old file or the new one, and a Pi that starts.
    run cp "$wanted" "$config.new"
    run sync
    run mv "$config.new" "$config"
    reboot=true
}

# Prints config.txt with our lines in the place where they were, or at its end.
with_our_lines() {
    awk -v begin="$begin" -v end="$end" -v lines="$source/config.txt" '
        function ours(line) {
            print begin
            while ((getline line < lines) > 0) print line
            print end
            done = 1
        }
        $0 == begin { if (!done) ours(); skipping = 1 }
        !skipping { print }
        $0 == end { skipping = 0 }
        END { if (!done) ours() }
    ' "$config"
}

install_service() {
    put "$source/pocketpilot@.service" /etc/systemd/system/pocketpilot@.service
    # In an image or a container no service manager runs.
    [ ! -d "$root/run/systemd/system" ] || run systemctl daemon-reload
}

make_car() {
    if [ -f "$root$home/mycar/car.toml" ]; then
        say "  $home/mycar is there already, and stays as it is"
    else
        run runuser -u "$user" -- "$root$prefix/bin/car" init "$root$home/mycar"
    fi
}

say_what_next() {
    "$dry_run" && return
    say ""
    say "Pocketpilot is installed."
    ! "$reboot" || say "Reboot once, for the new groups, rules and config.txt: sudo reboot"
    say "Then describe your car in $home/mycar/car.toml, and check it: car doctor"
    say "To start it with the Pi, once it drives: sudo systemctl enable --now pocketpilot@$user"
}

step() {
    say "$1:"
    "$2"
}

put() {
    if cmp -s "$1" "$root$2"; then
        say "  $2: as it should be"
    else
        run install -D -m 644 "$1" "$root$2"
        reboot=true
    fi
}

run() {
    say "  $*"
    "$dry_run" || "$@"
}

refuse() {
    "$dry_run" || fail "$1"
    say "It would refuse: $1"
}

say() {
    printf '%s\n' "$1"
}

fail() {
    printf 'install: %s\n' "$1" >&2
    exit 1
}

main "$@"
