#!/bin/sh
# Sets up what is missing, then runs Parley: npm's scripts start here. POSIX sh, so that what runs in the end takes
# this process's place (exec): signals reach it, and no parent stays behind.
#   parley.sh start [ARGS]       the server                        (npm start)
#   parley.sh test [ARGS]        types, lint, unused code, tests   (npm test)
#   parley.sh tool FILE [ARGS]   a script that needs no audio      (npm run parley)
#   parley.sh bench FILE [ARGS]  a script that may need everything (npm run bench:NAME)
set -eu
cd "$(dirname "$0")/../.."

what=$1
shift
agreed=
count=$#
while [ "$count" -gt 0 ]; do
  if [ "$1" = --yes ]; then agreed=--yes; else set -- "$@" "$1"; fi
  shift
  count=$((count - 1))
done

case $what in
  start) goal=start ;;
  test | bench) goal=test ;;
  *) goal=tools ;;
esac
node deploy/setup/setup.mjs "$goal" $agreed || {
  status=$?
  node -e 'if (parseInt(process.versions.node, 10) < 18) console.error("Node 18 or newer is needed to begin with.")'
  exit $status
}

# By path: a shell remembers where it found `node` before the set-up brought another one.
PATH=$PWD/node_modules/.bin:$PATH
export PATH
node=$PWD/node_modules/.bin/node
[ -x "$node" ] || node=node

case $what in
  start) exec "$node" server/main.ts "$@" ;;
  test) exec sh deploy/setup/test.sh "$@" ;;
  *)
    script=$1
    shift
    # What a person agreed to for the set-up holds for what the tool would ask too.
    [ "$script" != server/cli/main.ts ] || set -- $agreed "$@"
    exec "$node" "$script" "$@"
    ;;
esac
