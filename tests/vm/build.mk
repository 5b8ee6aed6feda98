# SPDX-License-Identifier: Apache-2.0
# What the tests of whole VMs need and no package brings; never installed.
PROGS += vm-probe
vm-probe_SRC := tests/vm/probe.c
vm-probe_LIBS := ttrpc base
