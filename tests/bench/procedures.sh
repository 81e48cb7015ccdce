#!/usr/bin/env bash
# The written procedures' measurements as six grep/awk pipelines over one log, the way their monitoring commands read it.
# (Their hand-off and consistency checks are known to be wrong; only the time they take is of interest here.)
# shellcheck disable=SC2126 # as they are written
set -u
log=$1
# 1. hand-off violations
grep -E 'OUTBOX_GUARD\|level=CRITICAL\|type=handoff_violation' "$log" | wc -l
# 2. invalid instances
grep -E 'INSTANCE_GUARD\|level=CRITICAL\|type=invalid_pattern' "$log" | wc -l
# 3. delivery rate
grep -E 'DELIVERY_TRACE\|action=result' "$log" | awk -F'status=' '{split($2, f, "|"); n[f[1]]++} END {for (s in n) print s, n[s]}'
# 4. hand-off integrity: planner against delivery
grep -E 'OUTBOX_TRACE\|phase=(planner|delivery)' "$log" |
  awk -F'|' '{split($7, c, "="); if ($2 ~ /planner/) p[$3 $4] = c[2]; else if (p[$3 $4] >= 1 && c[2] == 0) lost++} END {print lost + 0}'
# 5. instances in use
grep -E 'DELIVERY_TRACE\|action=(send|result)|INSTANCE_TRACE' "$log" | grep -oE 'instance=[^|]*' | sort | uniq -c
# 6. recent failures
grep -E 'DELIVERY_TRACE\|action=result\|status=failed' "$log" | tail -10
