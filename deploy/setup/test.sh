#!/bin/sh
# All that has to hold, cheapest first. A check that fails does not keep the tests from running, so that one run tells
# everything; the tests come last, so that the output ends with their count.
set -u
failed=

check() {
  name=$1
  shift
  echo "$name: $*"
  "$@" || failed="$failed $name"
}

check types tsc -p .
check lint biome ci .
check unused-code knip
vitest run "$@"
status=$?
if [ -n "$failed" ]; then
  echo "not clean, see above:$failed" >&2
  status=1
fi
exit $status
