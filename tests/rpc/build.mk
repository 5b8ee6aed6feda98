# SPDX-License-Identifier: Apache-2.0
PROGS += rpc-tests
rpc-tests_SRC := $(sort $(wildcard tests/rpc/*.c))
rpc-tests_LIBS := proto ttrpc base
rpc-tests_PKGS := libprotobuf-c
rpc-tests_LDLIBS := -lcmocka
