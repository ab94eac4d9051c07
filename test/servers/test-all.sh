#!/usr/bin/env bash
# All tests: installs what they need, then runs every suite. A test whose server is missing now fails instead of skipping.
set -euo pipefail
cd "$(dirname "$0")/../.."
bash test/servers/install.sh
export CI=true
exec npx --no-install vitest run "$@"
