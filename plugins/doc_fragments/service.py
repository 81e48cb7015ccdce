# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Where the managed service is.
    DOCUMENTATION = r"""
options:
  service:
    description:
      - The unit's name with O(manager=systemd), a name for messages with O(manager=process).
    type: str
    required: true
  manager:
    description:
      - How the service is run.
      - With V(systemd) it is a unit. A change needs root.
      - With V(process) it is plain processes without a supervisor, found by O(port) and O(pid_file), never by their names.
    type: str
    choices: [systemd, process]
    default: systemd
  env_file:
    description:
      - The file that holds the declared flags. Lines that are not about them are kept byte for byte.
    type: path
    default: /etc/kumon-assistant/runbook.env
  state_dir:
    description:
      - Directory of the journal C(journal.jsonl), and with O(manager=process) of the record that a stopped service is
        started from.
    type: path
    default: /var/lib/kumon-runbook
  port:
    description:
      - The TCP port that the service listens on. Only used with O(manager=process).
      - What listens there at another address than that of the health URL is not the service. A name stands for the addresses
        that it resolves to on the host.
    type: int
  process_user:
    description:
      - Name or number of the user whose the service's processes are, by real, effective and saved id; never root. Only used with
        O(manager=process).
      - Required with O(manager=process) where the module runs as root. Else they are the user's that it runs as.
    type: str
  pid_file:
    description:
      - The service's pid file. Only used with O(manager=process).
      - Its process counts when it listens on O(port), or when it started before the file was written; else the number
        belongs to another process by now.
    type: path
  command:
    description:
      - The service's command and arguments. Only used with O(manager=process). Only a process of that program, with what it is
        told there, is the service; a restart starts it by them. By default those of the running process.
    type: list
    elements: str
  chdir:
    description:
      - The working directory that the service is started in. Only used with O(manager=process), by default that of the running
        process.
    type: path
  log_file:
    description:
      - The file that the output of a service that is started is appended to. Only used with O(manager=process), by default the
        files that the running process writes to.
    type: path
"""

    # Where it tells about itself.
    HEALTH = r"""
options:
  health_urls:
    description:
      - URLs of the health endpoint, tried in this order, because the path differs between releases.
      - Empty where the service has none.
      - A proxy of the environment is never used.
    type: list
    elements: str
    default: []
  health_timeout:
    description:
      - Seconds for one try of one URL, at most 60.
    type: float
    default: 2
  health_fields:
    description:
      - Which field of the health answer tells about which flag.
    type: dict
    default:
      DELIVERY_DISABLE: delivery_disabled
"""

    # What an act is signed with.
    JOURNAL = r"""
options:
  run_id:
    description:
      - Identifier of the run, for the journal.
    type: str
  actor:
    description:
      - Who acts, for the journal. By default the user behind C(sudo), else the user.
    type: str
  procedure:
    description:
      - Name of the procedure, for the journal.
    type: str
notes:
  - Each act writes two entries to the journal, one before its first change and one with its outcome. A journal that cannot
    be written is a failure before anything is changed, with one exception. When the disk is full the act goes on with a
    warning, because stopping messages matters more than the record of it.
"""

    # One runbook at a time on a host.
    LEASE = r"""
options:
  lease_seconds:
    description:
      - Hold the host for this run from the first change on and for so many seconds after it, as
        M(kumon.runbook.target_lease) does. It saves a call of that module. With V(0) nobody is asked.
      - A failure gives the host back if this call took it, and so does the death of the module.
    type: int
    default: 0
  lease_level:
    description:
      - The rollback level that it is held for.
    type: int
    choices: [1, 2, 3]
    default: 1
  lease_wait:
    description:
      - Seconds to wait for another run that holds the host.
    type: float
    default: 0
"""

    # A value that both service modules return.
    ATTRIBUTES = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: Linux
"""
