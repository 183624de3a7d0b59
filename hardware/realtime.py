"""Real-time priority, which Linux grants to root, to a service with ``LimitRTPRIO``, and to whom its limits name."""

from __future__ import annotations

import sys

LOOP_PRIORITY = 12
"""Above every ordinary program, and below the kernel's own threads, which have 50."""
CONTROLS_PRIORITY = 10
"""What carries a stop goes before every ordinary program too, but must not hold up the loop."""
GRANT_COMMAND = (
    "echo '@dialout - rtprio 20' | sudo tee /etc/security/limits.d/pocketpilot.conf && sudo usermod -aG dialout $USER"
)
"""Then log in again. (Raspberry Pi OS has its user in this group already.)"""


def is_granted() -> bool:
    """Tell whether this system lets this user's programs have real-time priority; only Linux has it."""
    if sys.platform != "linux":
        return False
    import os
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    return os.geteuid() == 0 or limit == resource.RLIM_INFINITY or limit >= LOOP_PRIORITY
