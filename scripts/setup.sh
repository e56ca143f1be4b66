# Sourced by run, test and check: makes .venv with this clone installed into it, anew where pyproject.toml changed.
# Arguments: extras (servers, all) and dependency groups after a plus sign (+dev).
set -eu
extras=$1 group=${2:-}
stamp=".venv/.installed-$extras$group"
[ ! -e .venv/.installed-alldev ] || stamp=.venv/.installed-alldev # which holds everything
command -v flock >/dev/null && exec 9>.setup.lock && flock 9      # two first starts at once take turns
if [ ! -e "$stamp" ] || [ pyproject.toml -nt "$stamp" ] || [ requirements.lock -nt "$stamp" ]; then
    for candidate in python3 python3.13 python3.12 python3.11; do
        python=$(command -v "$candidate") || continue
        "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && break
        python=
    done
    [ -n "$python" ] || { echo "Python 3.11, 3.12 or 3.13 is needed" >&2; exit 1; }
    echo "setting up .venv (once)" >&2
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --constraint requirements.lock --editable ".[$extras]" ${group:+--group "$group"} >&2
    touch "$stamp"
fi
exec 9>&-
