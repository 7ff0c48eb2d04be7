#!/bin/sh
# tests/patch/patchscan/ of NIPA: the patch at HEAD, in its series above BRANCH_BASE; the description goes to DESC_FD.
exec patchscan nipa
