/* SPDX-License-Identifier: Apache-2.0 */
/* pith-ctl's words and JSON to messages and back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-ctl/base64.h"
#include "agent-ctl/keyval.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/agent.pb-c.h"
#include "tests/test.h"

static ProtobufCMessage *message(const char *text, const ProtobufCMessageDescriptor *d)
{
	cleanup_json json_t *j = json_loads(text, 0, NULL);
	ProtobufCMessage *m = NULL;
	struct err e = {0};

	assert_non_null(j);
	if (actl_json_to_message(j, d, &m, &e) < 0)
		print_message("# %s\n", e.msg);
	assert_non_null(m);
	return m;
}

static bool is_refused(const char *text, const ProtobufCMessageDescriptor *d, const char *part)
{
	cleanup_json json_t *j = json_loads(text, 0, NULL);
	ProtobufCMessage *m = NULL;
	struct err e = {0};

	assert_non_null(j);
	return actl_json_to_message(j, d, &m, &e) < 0 && e.kind == ERR_INVALID &&
	       strstr(e.msg, part) != NULL;
}

TEST(base64_has_the_published_vectors)
{
	static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
	static const char *const coded[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
					    "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		cleanup_free char *text = actl_base64_encode(plain[i], strlen(plain[i]));
		cleanup_free uint8_t *back = NULL;
		size_t n;

		CHECK_STR(text, coded[i]);
		CHECK_INT(actl_base64_decode(coded[i], &back, &n), 0);
		CHECK(n == strlen(plain[i]) && memcmp(back, plain[i], n) == 0);
	}
}

TEST(base64_that_is_none_is_refused)
{
	static const char *const bad[] = {"Z", "Zg=", "Zg", "Z===", "Zm 8=", "=Zg=", "Zm9v\n"};
	uint8_t *p = NULL;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(actl_base64_decode(bad[i], &p, &n), -EINVAL);
}

TEST(every_kind_of_field_goes_there_and_back)
{
	static const char text[] =
		"{\"container_id\":\"c\",\"storages\":[{\"options\":[\"a\",\"b\"],\"fs_group\":{"
		"\"group_id\":7,\"group_change_policy\":\"OnRootMismatch\"},\"shared\":true}],"
		"\"OCI\":{\"Process\":{\"OOMScoreAdj\":-999,\"User\":{\"AdditionalGids\":[1,2]}},"
		"\"Annotations\":{\"a.b/c\":\"d\"},\"Linux\":{\"Resources\":{\"Memory\":{"
		"\"Swappiness\":\"18446744073709551615\"}}}},\"stdin_port\":4294967295}";
	cleanup_message ProtobufCMessage *m =
		message(text, &grpc__create_container_request__descriptor);
	cleanup_json json_t *back = actl_json_from_message(m, false);
	cleanup_json json_t *want = json_loads(text, 0, NULL);

	CHECK(json_equal(back, want));
}

TEST(bytes_are_base64)
{
	cleanup_message ProtobufCMessage *m =
		message("{\"data\":\"aGkA\"}", &grpc__write_stream_request__descriptor);
	const Grpc__WriteStreamRequest *q = (const Grpc__WriteStreamRequest *)m;

	CHECK(q->data.len == 3 && memcmp(q->data.data, "hi\0", 3) == 0);
}

TEST(presence_survives_a_zero)
{
	cleanup_message ProtobufCMessage *zero =
		message("{\"errnoret\":0}", &grpc__linux_syscall__descriptor);
	cleanup_message ProtobufCMessage *none = message("{}", &grpc__linux_syscall__descriptor);
	cleanup_json json_t *j = actl_json_from_message(zero, false);

	CHECK_INT(((Grpc__LinuxSyscall *)zero)->errno_ret_case, 3);
	CHECK_INT(((Grpc__LinuxSyscall *)none)->errno_ret_case, 0);
	CHECK(json_object_get(j, "errnoret") != NULL);
}

TEST(names_match_without_case_and_underscores)
{
	cleanup_message ProtobufCMessage *m = message("{\"containerId\":\"a\",\"EXEC_ID\":\"b\"}",
						      &grpc__wait_process_request__descriptor);

	CHECK_STR(((Grpc__WaitProcessRequest *)m)->container_id, "a");
	CHECK_STR(((Grpc__WaitProcessRequest *)m)->exec_id, "b");
}

TEST(wrong_members_are_named)
{
	const ProtobufCMessageDescriptor *q = &grpc__create_container_request__descriptor;

	CHECK(is_refused("{\"nope\":1}", q, "no field 'nope'"));
	CHECK(is_refused("{\"container_id\":1}", q, "'container_id' is not a string"));
	CHECK(is_refused("{\"containerId\":\"a\",\"container_id\":\"b\"}", q, "given twice"));
	CHECK(is_refused("{\"stdin_port\":-1}", q, "'stdin_port' is not an unsigned 32-bit"));
	CHECK(is_refused("{\"stdin_port\":4294967296}", q, "'stdin_port'"));
	CHECK(is_refused("{\"sandbox_pidns\":\"maybe\"}", q, "'sandbox_pidns' is not true"));
	CHECK(is_refused("{\"storages\":{}}", q, "'storages' is not a list"));
	CHECK(is_refused("{\"storages\":[{},{\"nope\":1}]}", q, "[1]: storages: Storage"));
	CHECK(is_refused("{\"OCI\":{\"Process\":{\"Args\":[1]}}}", q, "OCI: Process: [0]"));
	CHECK(is_refused("{\"OCI\":[]}", q, "'OCI' is not an object"));
	CHECK(is_refused("{\"OCI\":{\"Annotations\":{\"a\":1}}}", q, "Annotations"));
}

static json_t *words(const ProtobufCMessageDescriptor *d, const char *const *w, struct err *e)
{
	json_t *root = json_object();

	assert_non_null(root);
	for (; *w != NULL; w++) {
		if (actl_keyval_set(root, d, *w, e) < 0) {
			json_decref(root);
			return NULL;
		}
	}
	return root;
}

#define WORDS(d, e, ...) words(&(d), (const char *const[]){__VA_ARGS__, NULL}, e)

TEST(words_build_the_same_as_json)
{
	struct err e = {0};
	cleanup_json json_t *got = WORDS(
		grpc__create_container_request__descriptor, &e, "container_id=c=1",
		"OCI.Process.Args[0]=sh", "OCI.Process.Args[1]=-c", "OCI.Process.Args[0]=bash",
		"oci.process.env=A=b", "oci.process.env=C=", "OCI.Linux.Sysctl.net.ipv4.x=1",
		"storages[0].driver=blk", "storages[0].options=[\"ro\",\"noatime\"]",
		"storages[1]={\"driver\":\"local\"}", "OCI.Root={\"Path\":\"/\"}");
	cleanup_json json_t *want = json_loads(
		"{\"container_id\":\"c=1\",\"OCI\":{\"Process\":{\"Args\":[\"bash\",\"-c\"],\"Env\":"
		"[\"A=b\",\"C=\"]},\"Linux\":{\"Sysctl\":{\"net.ipv4.x\":\"1\"}},\"Root\":{"
		"\"Path\":\"/\"}},\"storages\":[{\"driver\":\"blk\",\"options\":[\"ro\","
		"\"noatime\"]},{\"driver\":\"local\"}]}",
		0, NULL);

	CHECK(got != NULL && want != NULL);
	CHECK(json_equal(got, want));
}

TEST(a_word_for_bytes_is_text_or_a_file)
{
	char path[] = "/tmp/pith-keyval-XXXXXX", word[64];
	struct err e = {0};
	int fd = mkstemp(path);

	CHECK(fd >= 0 && write(fd, "foob", 4) == 4);
	(void)close(fd);
	(void)snprintf(word, sizeof(word), "data=@%s", path);
	{
		cleanup_json json_t *text =
			WORDS(grpc__write_stream_request__descriptor, &e, "data=foo");
		cleanup_json json_t *file = WORDS(grpc__write_stream_request__descriptor, &e, word);

		CHECK_STR(json_string_value(json_object_get(text, "data")), "Zm9v");
		CHECK_STR(json_string_value(json_object_get(file, "data")), "Zm9vYg==");
	}
	(void)unlink(path);
}

TEST(wrong_words_are_refused_with_a_reason)
{
	static const struct {
		const char *word, *part;
	} bad[] = {
		{"nope=1", "no field 'nope'"},
		{"container_id", "not FIELD=VALUE"},
		{"container_id.x=1", "no parts"},
		{"container_id[0]=1", "not a list"},
		{"storages.driver=x", "needs [N]"},
		{"storages[2].driver=x", "shorter"},
		{"storages[x]=1", "not a number"},
		{"storages[0=1", "not a number"},
		{"OCI={", "JSON"},
		{"container_id=\xff", "UTF-8"},
		{"", "no field ''"},
		{"=", "no field ''"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};
		json_t *j = WORDS(grpc__create_container_request__descriptor, &e, bad[i].word);

		CHECK(j == NULL);
		if (strstr(e.msg, bad[i].part) == NULL)
			print_message("# %s: %s\n", bad[i].word, e.msg);
		CHECK(strstr(e.msg, bad[i].part) != NULL);
	}
}
