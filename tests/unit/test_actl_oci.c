/* SPDX-License-Identifier: Apache-2.0 */
/* OCI config.json to the wire: names, types, and what has no place there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent-ctl/bundle.h"
#include "agent-ctl/oci.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/oci.pb-c.h"
#include "tests/test.h"

static json_t *convert(const char *text, struct err *e)
{
	cleanup_json json_t *j = actl_oci_parse(text, strlen(text), e);
	json_t *out = NULL;

	return j != NULL && actl_oci_convert(j, &out, e) == 0 ? out : NULL;
}

/* The message that comes out, as compact text without defaults; "" when refused. */
static char *through_message(const char *text, struct err *e)
{
	cleanup_json json_t *wire = convert(text, e), *back = NULL;
	cleanup_message ProtobufCMessage *m = NULL;

	if (wire == NULL || actl_json_to_message(wire, &grpc__spec__descriptor, &m, e) < 0)
		return strdup("");
	back = actl_json_from_message(m, false);
	return json_dumps(back, JSON_COMPACT | JSON_SORT_KEYS);
}

TEST(every_field_of_the_wire_has_a_name_in_the_tables_and_the_other_way_round)
{
	for (size_t i = 0; i < actl_oci_n_tables; i++) {
		const struct actl_oci_table *t = &actl_oci_tables[i];
		size_t carried = 0;

		for (size_t k = 0; k < t->n; k++) {
			const char *field = t->names[k].field;

			if (field == NULL)
				continue;
			carried++;
			CHECK(protobuf_c_message_descriptor_get_field_by_name(t->message, field) !=
			      NULL);
		}
		/* A Spec has fields for two other platforms. */
		CHECK_INT(carried,
			  t->message->n_fields - (t->message == &grpc__spec__descriptor ? 2 : 0));
	}
}

TEST(names_of_the_specification_become_fields)
{
	static const struct {
		const char *oci, *wire;
	} pairs[] = {
		{"{\"ociVersion\":\"1.2.0\",\"hostname\":\"h\",\"annotations\":{\"a\":\"b\"}}",
		 "{\"Annotations\":{\"a\":\"b\"},\"Hostname\":\"h\",\"Version\":\"1.2.0\"}"},
		{"{\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},"
		 "\"user\":{\"uid\":1,\"gid\":2,\"additionalGids\":[3,4],\"umask\":18},"
		 "\"args\":[\"sh\"],\"env\":[\"A=b\"],\"cwd\":\"/\",\"noNewPrivileges\":true,"
		 "\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"ambient\":null},"
		 "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615,\"soft\":0}],"
		 "\"oomScoreAdj\":-5,\"apparmorProfile\":\"p\",\"selinuxLabel\":\"l\"}}",
		 "{\"Process\":{\"ApparmorProfile\":\"p\",\"Args\":[\"sh\"],"
		 "\"Capabilities\":{\"Bounding\":[\"CAP_KILL\"]},"
		 "\"ConsoleSize\":{\"Height\":24,\"Width\":80},\"Cwd\":\"/\",\"Env\":[\"A=b\"],"
		 "\"NoNewPrivileges\":true,\"OOMScoreAdj\":-5,"
		 "\"Rlimits\":[{\"Hard\":\"18446744073709551615\",\"Type\":\"RLIMIT_CORE\"}],"
		 "\"SelinuxLabel\":\"l\",\"Terminal\":true,"
		 "\"User\":{\"AdditionalGids\":[3,4],\"GID\":2,\"UID\":1}}}"},
		{"{\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":"
		 "0}],"
		 "\"memory\":{\"limit\":1,\"kernelTCP\":2},\"cpu\":{\"shares\":3,\"idle\":0},"
		 "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4}],\"unified\":{}}}}",
		 "{\"Linux\":{\"Resources\":{\"CPU\":{\"Shares\":3},"
		 "\"Devices\":[{\"Allow\":true,\"Minor\":-1,\"Type\":\"c\"}],"
		 "\"HugepageLimits\":[{\"Limit\":4,\"Pagesize\":\"2MB\"}],"
		 "\"Memory\":{\"KernelTCP\":2,\"Limit\":1}}}}"},
		{"{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"user\"}],"
		 "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":5}],"
		 "\"sysctl\":{\"net.x\":\"1\"},"
		 "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,"
		 "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":0,"
		 "\"args\":[{\"index\":1,\"value\":9223372036854775808,\"op\":\"SCMP_CMP_EQ\"}]}]}}}",
		 "{\"Linux\":{\"Namespaces\":[{\"Type\":\"pid\"},{\"Type\":\"user\"}],"
		 "\"Seccomp\":{\"DefaultAction\":\"SCMP_ACT_ERRNO\","
		 "\"Syscalls\":[{\"Action\":\"SCMP_ACT_ERRNO\",\"Args\":[{\"Index\":1,"
		 "\"Op\":\"SCMP_CMP_EQ\",\"Value\":\"9223372036854775808\"}],"
		 "\"Names\":[\"read\"],\"errnoret\":0}]},"
		 "\"Sysctl\":{\"net.x\":\"1\"},"
		 "\"UIDMappings\":[{\"HostID\":1000,\"Size\":5}]}}"},
		{"{\"some\":{\"new\":[\"thing\"]},\"windows\":{\"x\":1},\"linux\":{\"future\":1}}",
		 "{\"Linux\":{}}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct err e = {0};
		cleanup_free char *out = through_message(pairs[i].oci, &e);

		CHECK_STR(e.msg, "");
		CHECK_STR(out, pairs[i].wire);
	}
}

TEST(bad_values_are_refused_with_the_path_of_the_property)
{
	static const struct {
		const char *oci, *says;
	} bad[] = {
		{"{\"hostname\":5}", "hostname is not a string"},
		{"{\"process\":[]}", "process is not an object"},
		{"{\"process\":{\"args\":\"sh\"}}", "process.args is not a list"},
		{"{\"process\":{\"args\":[\"sh\",1]}}", "process.args[1] is not a string"},
		{"{\"process\":{\"terminal\":\"true\"}}", "process.terminal is not true or false"},
		{"{\"process\":{\"user\":{\"uid\":4294967296}}}", "process.user.uid is not in the"},
		{"{\"process\":{\"user\":{\"uid\":\"1\"}}}", "process.user.uid is not a whole"},
		{"{\"process\":{\"rlimits\":[{\"hard\":\"5\"}]}}",
		 "process.rlimits[0].hard is not"},
		{"{\"process\":{\"rlimits\":[{\"hard\":-1}]}}", "process.rlimits[0].hard is not"},
		{"{\"process\":{\"oomScoreAdj\":1.5}}", "process.oomScoreAdj is not a whole"},
		{"{\"annotations\":{\"a\":{}}}", "annotations.a is not a string"},
		{"{\"linux\":{\"sysctl\":[]}}", "linux.sysctl is not an object"},
		{"{\"mounts\":{}}", "mounts is not a list"},
		{"[]", "not an object"},
		{"{\"a\":1,\"a\":2}", "line 1"},
		{"{\"a\":\"", "line 1"},
		{"{\"a\":18446744073709551616}", "line 1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};

		CHECK(convert(bad[i].oci, &e) == NULL);
		CHECK(e.code == -EINVAL && e.kind == ERR_INVALID);
		CHECK(strstr(e.msg, bad[i].says) != NULL);
	}
}

TEST(what_the_wire_cannot_carry_is_refused_by_name)
{
	static const struct {
		const char *oci, *says;
	} bad[] = {
		{"{\"domainname\":\"d\"}", "domainname"},
		{"{\"process\":{\"user\":{\"umask\":0}}}", "process.user.umask"},
		{"{\"process\":{\"scheduler\":{\"policy\":\"x\"}}}", "process.scheduler"},
		{"{\"mounts\":[{},{\"uidMappings\":[{}]}]}", "mounts[1].uidMappings"},
		{"{\"linux\":{\"timeOffsets\":{\"boottime\":{}}}}", "linux.timeOffsets"},
		{"{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"time\"}]}}",
		 "linux.namespaces[1]"},
		{"{\"linux\":{\"resources\":{\"unified\":{\"memory.high\":\"1\"}}}}",
		 "linux.resources.unified"},
		{"{\"linux\":{\"resources\":{\"cpu\":{\"burst\":1}}}}",
		 "linux.resources.cpu.burst"},
		{"{\"linux\":{\"resources\":{\"memory\":{\"swappiness\":0}}}}",
		 "linux.resources.memory.swappiness"},
		{"{\"linux\":{\"seccomp\":{\"listenerPath\":\"/s\"}}}",
		 "linux.seccomp.listenerPath"},
		{"{\"linux\":{\"seccomp\":{\"defaultErrnoRet\":38}}}",
		 "linux.seccomp.defaultErrnoRet"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};

		CHECK(convert(bad[i].oci, &e) == NULL);
		CHECK(e.kind == ERR_UNIMPLEMENTED);
		CHECK(str_starts(e.msg, bad[i].says));
	}
}

/* ---- options over a bundle ---- */

#define SPEC                                                                                       \
	"{\"process\":{\"args\":[\"sh\"],\"env\":[\"A=1\",\"B=2\"],\"cwd\":\"/x\"},"               \
	"\"root\":{\"path\":\"r\",\"readonly\":true},"                                             \
	"\"linux\":{\"resources\":{\"memory\":{\"limit\":5,\"kernel\":6}}"

static int apply(struct actl_run *o, const char *text, char **ret, struct err *e)
{
	cleanup_json json_t *wire = convert(text, e);
	int r = wire != NULL ? actl_bundle_apply(o, wire, e) : e->code;

	if (r == 0)
		*ret = json_dumps(wire, JSON_COMPACT | JSON_SORT_KEYS);
	return r;
}

TEST(options_change_only_what_they_name)
{
	char env[] = "A=9", arg[] = "ls";
	char *envs[] = {env}, *args[] = {arg};
	struct actl_run o = {.id = "c", .rootfs = "/g", .bundle = "b"};
	cleanup_free char *plain = NULL, *changed = NULL;
	struct err e = {0};

	CHECK_INT(apply(&o, SPEC "}}", &plain, &e), 0);
	CHECK_STR(plain,
		  "{\"Linux\":{\"Resources\":{\"Memory\":{\"Kernel\":6,\"Limit\":5}}},"
		  "\"Mounts\":[],\"Process\":{\"Args\":[\"sh\"],\"Cwd\":\"/x\","
		  "\"Env\":[\"A=1\",\"B=2\"]},\"Root\":{\"Path\":\"/g\",\"Readonly\":true}}");
	o.env = (struct actl_words){envs, 1};
	o.args = (struct actl_words){args, 1};
	o.memory = 7;
	o.pids = 8;
	o.user = "1:2";
	CHECK_INT(apply(&o, SPEC "}}", &changed, &e), 0);
	CHECK_STR(changed,
		  "{\"Linux\":{\"Resources\":{\"Memory\":{\"Kernel\":6,\"Limit\":7,\"Swap\":7},"
		  "\"Pids\":{\"Limit\":8}}},\"Mounts\":[],"
		  "\"Process\":{\"Args\":[\"ls\"],\"Cwd\":\"/x\",\"Env\":[\"A=9\",\"B=2\"],"
		  "\"User\":{\"GID\":2,\"UID\":1}},\"Root\":{\"Path\":\"/g\",\"Readonly\":true}}");
}

#define BIND                                                                                       \
	SPEC "},\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\"},"                        \
	     "{\"destination\":\"/d/\",\"source\":\"/etc\",\"options\":[\"rbind\",\"ro\"]}]}"

TEST(a_bind_mount_of_the_host_needs_a_share_for_its_place)
{
	char word[] = "type=bind,src=/shares/0,dst=/d";
	char *mounts[] = {word};
	struct actl_run o = {.id = "c", .rootfs = "/g", .bundle = "b"};
	cleanup_free char *out = NULL;
	struct err e = {0};

	CHECK_INT(apply(&o, BIND, &out, &e), -ENOSYS);
	CHECK(strstr(e.msg, "--share /etc:/d/") != NULL);
	e = (struct err){0};
	o.mounts = (struct actl_words){mounts, 1};
	CHECK_INT(apply(&o, BIND, &out, &e), 0);
	CHECK(out != NULL && strstr(out, "/shares/0") != NULL && strstr(out, "/etc") == NULL);
}

TEST(the_guest_s_own_specification_may_bind_and_join)
{
	struct actl_run o = {.id = "c", .spec = "s", .rootfs = "/g"};
	cleanup_free char *out = NULL;
	struct err e = {0};

	CHECK_INT(apply(&o, BIND, &out, &e), 0);
	CHECK(out != NULL && strstr(out, "/etc") != NULL);
}

TEST(namespaces_and_hooks_of_the_host_are_refused)
{
	struct actl_run o = {.id = "c", .rootfs = "/g", .bundle = "b"};
	cleanup_free char *out = NULL;
	struct err e = {0};

	CHECK(apply(&o, SPEC ",\"namespaces\":[{\"type\":\"network\",\"path\":\"/n\"}]}}", &out,
		    &e) < 0);
	CHECK(str_starts(e.msg, "linux.namespaces[0].path"));
	e = (struct err){0};
	CHECK(apply(&o, SPEC "},\"hooks\":{\"prestart\":[{\"path\":\"/h\"}]}}", &out, &e) < 0);
	CHECK(str_starts(e.msg, "hooks.prestart"));
	e = (struct err){0};
	CHECK_INT(apply(&o, SPEC "},\"hooks\":{\"startContainer\":[{\"path\":\"/h\"}]}}", &out, &e),
		  0);
}

TEST(a_specification_without_a_process_or_a_command_is_refused)
{
	struct actl_run o = {.id = "c", .rootfs = "/g", .bundle = "b"};
	cleanup_free char *out = NULL;
	struct err e = {0};

	CHECK(apply(&o, "{}", &out, &e) < 0 && str_starts(e.msg, "process is missing"));
	e = (struct err){0};
	CHECK(apply(&o, "{\"process\":{}}", &out, &e) < 0);
	CHECK(str_starts(e.msg, "process.args"));
}
