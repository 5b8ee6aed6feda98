# SPDX-License-Identifier: Apache-2.0
LIBS += ttrpc
ttrpc_SRC := ttrpc/frame.c ttrpc/wire.c ttrpc/envelope.c
