/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every command of pith-ctl shares: where the agent is, one connection to it, calls by method
 * name, and how failures become words and an exit code.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "ttrpc/addr.h"
#include "ttrpc/client.h"

struct attach;
struct loop;

enum actl_exit {
	ACTL_OK = 0,
	ACTL_FAILED = 1, /* the agent refused, or the call broke */
	ACTL_USAGE = 2,
	ACTL_NO_CONNECTION = 3,
	/* Commands that pass on a process's exit code use these for themselves, as docker does. */
	ACTL_NO_PROCESS = 125,
	ACTL_NO_COMMAND = 127,
};

struct actl {
	struct loop *loop;
	struct ttrpc_client *client; /* NULL until actl_connect */
	struct ttrpc_addr addr;
	bool has_addr, json;
	bool has_timeout; /* given by the user: then it holds for calls that wait by nature too */
	uint64_t timeout_ns;     /* of a call; 0: none */
	uint64_t wait_ns;        /* how long to go on trying to connect */
	struct attach *attached; /* attach.c: gets the signals */
	bool has_signals;
};

struct actl_method {
	const char *service;
	const ProtobufCMethodDescriptor *d;
};

/* @name: "Check", or with its service before a '.' or '/'. Return: 0 or -ENOENT. */
int actl_method_find(const char *name, struct actl_method *ret) must_check;
/* The methods in the order of the .proto files; it = 0 at first. Return: false at the end. */
bool actl_method_next(size_t *it, struct actl_method *ret);

/* Connects once; says why not on standard error. Return: an exit code. */
int actl_connect(struct actl *a) must_check;

/* What became of a call. */
struct actl_result {
	int code;              /* 0: success; -1: there was no answer */
	char *text;            /* of a failure, with errno text if there was no answer */
	ProtobufCMessage *out; /* of a success */
};
void actl_result_done(struct actl_result *r);
#define cleanup_result __attribute__((cleanup(actl_result_done)))

/* Calls @method (which must exist) and waits. Prints nothing. The caller owns what is in *ret. */
void actl_try(struct actl *a, const char *method, const ProtobufCMessage *in,
	      struct actl_result *ret);
/* Prints "STATUS (code): text" of a failed call to standard error. Return: ACTL_OK or ACTL_FAILED. */
int actl_report(const char *method, const struct actl_result *r);
/* Connects, calls, reports. @ret may be NULL. Return: an exit code. */
int actl_call(struct actl *a, const char *method, const ProtobufCMessage *in,
	      struct actl_result *ret) must_check;
/* The same, and prints the answer as JSON or as text; an empty one only as JSON. */
int actl_call_print(struct actl *a, const char *method, const ProtobufCMessage *in) must_check;

const char *actl_code_name(int code);
/* A message on standard error behind the program's name. Return: @code. */
int actl_say(int code, const char *fmt, ...) printf_fmt(2, 3);
int actl_say_err(int code, const struct err *e);
/* Seconds with an optional fraction, or with a unit: 500ms, 10s, 2m. */
int actl_parse_time(const char *text, uint64_t *ret_ns) must_check;
