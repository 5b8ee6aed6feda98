# SPDX-License-Identifier: Apache-2.0
LIBS += ttrpc
ttrpc_SRC := ttrpc/addr.c ttrpc/frame.c ttrpc/wire.c ttrpc/envelope.c ttrpc/conn.c ttrpc/server.c \
	ttrpc/server_conn.c ttrpc/server_call.c ttrpc/client.c
