/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real agent on a unix socket, in namespaces of its own, and the calls of a host as functions.
 * One agent serves all tests of the program; each test removes what it made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "proto/agent.pb-c.h"
#include "tests/test.h"
#include "ttrpc/client.h"

#define NO_TIMEOUT 0
#define SECONDS(n) ((uint64_t)(n)*UINT64_C(1000000000))

struct world {
	char dir[64];     /* of this run */
	char rootfs[96];  /* a busybox */
	char run_dir[96]; /* the agent's */
	char socket[96];
	char cgroup[32]; /* parent of the containers' groups, of this run alone */
	pid_t agent;
	struct loop *loop;
	struct ttrpc_client *client;
	bool is_v2;
};
extern struct world world;

/* Starts the agent with this configuration file and connects. */
void agent_start(const char *config);
/* The same, with @fd (borrowed) as its socket to init. */
void agent_start_under(const char *config, int fd);
/* Ends it by SIGTERM. Return: its wait status; its log is shown unless that is 0. */
int agent_stop(void);
/* Both; there is an agent again whatever became of the old one. Return: as agent_stop. */
int agent_restart(const char *config);
void agent_check_status(int status);
/* A further connection. */
struct ttrpc_client *agent_connect(void);
int agent_connect_fd(void);

/* ---- calls ---- */

/* Result of the last call; its payload and message live until the next one. */
struct result {
	int code; /* of the answer; -1: none came */
	const char *message;
	const uint8_t *payload;
	size_t n;
};

struct result call_on(struct ttrpc_client *c, const char *service, const char *method,
		      const ProtobufCMessage *req, uint64_t timeout_ns);
struct result call(const char *method, const ProtobufCMessage *req);

/* Fails the test, with the answer's text, unless the code is @want. */
#define EXPECT(res, want)                                                                          \
	do {                                                                                       \
		struct result r_ = (res);                                                          \
		if (r_.code != (want))                                                             \
			print_message("# code %d: %s\n", r_.code, r_.message);                     \
		CHECK(r_.code == (want));                                                          \
	} while (0)
/* And that its text contains @text. */
#define EXPECT_TEXT(res, want, text)                                                               \
	do {                                                                                       \
		struct result t_ = (res);                                                          \
		if (t_.code != (want) || strstr(t_.message, (text)) == NULL)                       \
			print_message("# code %d: %s\n", t_.code, t_.message);                     \
		CHECK(t_.code == (want));                                                          \
		CHECK(strstr(t_.message, (text)) != NULL);                                         \
	} while (0)

/* A call that is left open. */
struct open_call {
	bool is_done;
	int code; /* -1: no answer, the connection went */
	uint8_t data[2048];
	size_t n;
	char message[256];
	uint32_t stream;
};
void call_open(struct ttrpc_client *c, struct open_call *o, const char *method,
	       const ProtobufCMessage *req, uint64_t timeout_ns);
/* Runs the loop until it is answered; fails the test after 20 s. */
void call_finish(struct open_call *o);
/* Runs the loop for @ms. */
void loop_for(unsigned ms);

/* ---- a container ---- */

struct spec {
	struct arena arena;
	Grpc__CreateContainerRequest req;
	Grpc__Spec oci;
	Grpc__Process process;
	Grpc__User user;
	Grpc__Root root;
	Grpc__Linux linux_;
	Grpc__LinuxResources resources;
};

/* A busybox container that runs @script in sh; everything may be changed before spec_create. */
void spec_init(struct spec *s, const char *id, const char *script);
void spec_args(struct spec *s, const char *const *args);
void spec_env(struct spec *s, const char *entry);
void spec_mount(struct spec *s, const char *dst, const char *src, const char *type,
		const char *options);
void spec_namespace(struct spec *s, const char *type, const char *path);
struct result spec_create(struct spec *s);
void spec_done(struct spec *s);

/* Create and start, or fail the test. */
void run_container(const char *id, const char *script);
struct result start_container(const char *id);
struct result remove_container(const char *id, uint32_t timeout_s);
struct result exec_process(const char *id, const char *exec_id, const char *script, bool tty);
struct result signal_process(const char *id, const char *exec_id, uint32_t sig);
/* Return: exit code, or -code of a failure. */
int wait_process(const char *id, const char *exec_id);
/* Everything until end of file, NUL-terminated; fails the test on an error. Caller frees. */
char *read_all(const char *id, const char *exec_id, bool is_stderr, size_t *ret_n);
struct result write_stdin(const char *id, const char *exec_id, const void *p, size_t n);
struct result close_stdin(const char *id, const char *exec_id);

/* ---- traces ---- */

/* What a refused or finished request must not leave behind, as comparable text. Caller frees. */
char *traces(void);
/* Waits at most 2 s for that; frees @before; fails the test with the lines that are new. */
void traces_return_to(char *before);
unsigned agent_fds(void);
