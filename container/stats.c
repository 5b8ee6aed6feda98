/* SPDX-License-Identifier: Apache-2.0 */
/* Parsers: text of control group files into struct ctr_stats. Opens nothing. */
#include "container/stats.h"

#include <unistd.h>

#include "base/parse.h"
#include "base/str.h"

/* A machine with thousands of disks and CPUs stays below; a file that does not is cut. */
#define ARENA_MAX ((size_t)2 << 20)

void ctr_stats_init(struct ctr_stats *s)
{
	const struct ctr_mem_usage unlimited = {.limit = UINT64_MAX};

	*s = (struct ctr_stats){.arena = ARENA_INIT(ARENA_MAX),
				.mem = unlimited,
				.swap = unlimited,
				.kernel = unlimited};
}

void ctr_stats_done(struct ctr_stats *s)
{
	arena_done(&s->arena);
	*s = (struct ctr_stats){0};
}

/* "key value" lines. Return: false at the end. */
static bool next_pair(struct slice *rest, struct slice *key, uint64_t *value)
{
	struct slice line;

	while (slice_cut(rest, '\n', &line)) {
		if (slice_cut(&line, ' ', key) && line.p != NULL &&
		    parse_slice_u64(slice_trim(line), value) == 0)
			return true;
	}
	return false;
}

static uint64_t scale(uint64_t v, uint64_t by)
{
	uint64_t r;

	return __builtin_mul_overflow(v, by, &r) ? UINT64_MAX : r;
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* ---- cpu ---- */

struct field {
	const char *key;
	uint64_t *to;
	uint64_t unit;
};

static void take_fields(const char *text, const struct field *fields, size_t n)
{
	struct slice rest = slice_of(text), key;
	uint64_t v;

	while (next_pair(&rest, &key, &v)) {
		for (size_t i = 0; i < n; i++) {
			if (slice_eq(key, fields[i].key))
				*fields[i].to = scale(v, fields[i].unit);
		}
	}
}

static void parse_cpu(struct ctr_stats *s, const char *text)
{
	/* Both versions in one: their keys differ. v2 counts microseconds, v1 nanoseconds. */
	const struct field fields[] = {
		{"usage_usec", &s->cpu_total_ns, 1000},
		{"user_usec", &s->cpu_user_ns, 1000},
		{"system_usec", &s->cpu_kernel_ns, 1000},
		{"nr_periods", &s->throttling_periods, 1},
		{"nr_throttled", &s->throttled_periods, 1},
		{"throttled_usec", &s->throttled_ns, 1000},
		{"throttled_time", &s->throttled_ns, 1},
	};

	take_fields(text, fields, ARRAY_LEN(fields));
}

static void parse_cpuacct_stat(struct ctr_stats *s, const char *text)
{
	long hz = sysconf(_SC_CLK_TCK);
	const uint64_t tick_ns = UINT64_C(1000000000) / (hz > 0 ? (uint64_t)hz : 100);
	const struct field fields[] = {
		{"user", &s->cpu_user_ns, tick_ns},
		{"system", &s->cpu_kernel_ns, tick_ns},
	};

	take_fields(text, fields, ARRAY_LEN(fields));
}

static void parse_percpu(struct ctr_stats *s, const char *text)
{
	struct slice rest = slice_of(text), word;
	size_t room = 1;

	for (const char *p = text; *p != '\0'; p++)
		room += *p == ' ';
	s->percpu_ns = arena_array(&s->arena, room, sizeof(*s->percpu_ns));
	s->n_percpu = 0;
	while (s->percpu_ns != NULL && slice_cut(&rest, ' ', &word)) {
		uint64_t v;

		if (parse_slice_u64(slice_trim(word), &v) == 0)
			s->percpu_ns[s->n_percpu++] = v;
	}
}

/* ---- memory ---- */

/* Hosts read the vocabulary of their own version: each name is given also under the other's. */
static const char *const same[][2] = {
	/* v1 name, v2 name */
	{"cache", "file"},
	{"rss", "anon"},
	{"rss_huge", "anon_thp"},
	{"mapped_file", "file_mapped"},
	{"dirty", "file_dirty"},
	{"writeback", "file_writeback"},
	{"total_cache", "file"},
	{"total_rss", "anon"},
	{"total_rss_huge", "anon_thp"},
	{"total_shmem", "shmem"},
	{"total_mapped_file", "file_mapped"},
	{"total_dirty", "file_dirty"},
	{"total_writeback", "file_writeback"},
	{"total_pgfault", "pgfault"},
	{"total_pgmajfault", "pgmajfault"},
	{"total_inactive_anon", "inactive_anon"},
	{"total_active_anon", "active_anon"},
	{"total_inactive_file", "inactive_file"},
	{"total_active_file", "active_file"},
	{"total_unevictable", "unevictable"},
};

static const struct ctr_stat_value *find_value(const struct ctr_stats *s, const char *key)
{
	for (size_t i = 0; i < s->n_mem_stat; i++) {
		if (streq(s->mem_stat[i].key, key))
			return &s->mem_stat[i];
	}
	return NULL;
}

uint64_t ctr_stats_mem_value(const struct ctr_stats *s, const char *key)
{
	const struct ctr_stat_value *v = find_value(s, key);

	return v != NULL ? v->value : 0;
}

static void add_alias(struct ctr_stats *s, const char *name, const char *of)
{
	const struct ctr_stat_value *v = find_value(s, of);

	if (v != NULL && find_value(s, name) == NULL) {
		s->mem_stat[s->n_mem_stat] = (struct ctr_stat_value){name, v->value};
		s->n_mem_stat++;
	}
}

static void parse_memory(struct ctr_stats *s, const char *text, bool is_v2)
{
	struct slice rest = slice_of(text), key;
	uint64_t v;

	s->n_mem_stat = 0;
	s->mem_stat =
		arena_array(&s->arena, count_lines(text) + ARRAY_LEN(same), sizeof(*s->mem_stat));
	if (s->mem_stat == NULL)
		return;
	while (next_pair(&rest, &key, &v)) {
		char *name = arena_dup_n(&s->arena, key.p, key.n);

		if (name == NULL)
			return;
		s->mem_stat[s->n_mem_stat++] = (struct ctr_stat_value){name, v};
	}
	/* v1: the total_ name is the hierarchical one, which is what v2 means; later rows win. */
	for (size_t i = ARRAY_LEN(same); !is_v2 && i > 0; i--)
		add_alias(s, same[i - 1][1], same[i - 1][0]);
	for (size_t i = 0; is_v2 && i < ARRAY_LEN(same); i++)
		add_alias(s, same[i][0], same[i][1]);
	s->mem_cache = ctr_stats_mem_value(s, is_v2 ? "file" : "cache");
}

/* ---- block io ---- */

static const char *op_name(struct ctr_stats *s, struct slice op)
{
	static const char *const known[] = {"read",  "write", "sync", "async",  "discard",
					    "total", "rios",  "wios", "dbytes", "dios"};
	char *name = arena_dup_n(&s->arena, op.p, op.n);

	for (char *p = name; p != NULL && *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	for (size_t i = 0; name != NULL && i < ARRAY_LEN(known); i++) {
		if (streq(known[i], name))
			return known[i];
	}
	return name;
}

static bool push_entry(struct ctr_stats *s, enum ctr_blkio_stat kind, struct ctr_blkio_entry en)
{
	struct ctr_blkio_entries *l = &s->blkio[kind];

	if (en.op == NULL)
		return false;
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 16 : 2 * l->cap;
		struct ctr_blkio_entry *v = arena_array(&s->arena, cap, sizeof(*v));

		if (v == NULL)
			return false;
		if (l->n > 0)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = en;
	return true;
}

/* "8:16" */
static bool parse_device(struct slice word, struct ctr_blkio_entry *ret)
{
	struct slice major;

	return slice_cut(&word, ':', &major) && word.p != NULL &&
	       parse_slice_u64(major, &ret->major) == 0 && parse_slice_u64(word, &ret->minor) == 0;
}

static void parse_io_v2(struct ctr_stats *s, const char *text)
{
	static const char *const keys[][2] = {{"rbytes", "read"},   {"wbytes", "write"},
					      {"rios", "rios"},     {"wios", "wios"},
					      {"dbytes", "dbytes"}, {"dios", "dios"}};
	struct slice rest = slice_of(text), line, word, key;

	while (slice_cut(&rest, '\n', &line)) {
		struct ctr_blkio_entry en = {0};

		if (!slice_cut(&line, ' ', &word) || !parse_device(word, &en))
			continue;
		while (slice_cut(&line, ' ', &word)) {
			if (!slice_cut(&word, '=', &key) || word.p == NULL ||
			    parse_slice_u64(word, &en.value) < 0)
				continue;
			for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
				if (!slice_eq(key, keys[i][0]))
					continue;
				en.op = keys[i][1];
				(void)push_entry(s, CTR_BLKIO_SERVICE_BYTES, en);
			}
		}
	}
}

size_t ctr_stats_parse_blkio_v1(struct ctr_stats *s, enum ctr_blkio_stat kind, const char *text)
{
	struct slice rest = slice_of(text), line, word;
	size_t before = s->blkio[kind].n;

	while (slice_cut(&rest, '\n', &line)) {
		struct ctr_blkio_entry en = {.op = ""};

		/* The closing "Total N" has no device. */
		if (!slice_cut(&line, ' ', &word) || !parse_device(word, &en) ||
		    !slice_cut(&line, ' ', &word))
			continue;
		if (line.p != NULL) {
			en.op = op_name(s, word);
			word = line;
		}
		if (parse_slice_u64(slice_trim(word), &en.value) == 0)
			(void)push_entry(s, kind, en);
	}
	return s->blkio[kind].n - before;
}

/* ---- pressure ---- */

/* "12.34" in hundredths. */
static uint32_t parse_centi(struct slice s)
{
	struct slice whole = {0};
	uint64_t a = 0, b = 0;

	if (!slice_cut(&s, '.', &whole) || s.p == NULL || s.n != 2 ||
	    parse_slice_u64(whole, &a) < 0 || parse_slice_u64(s, &b) < 0 || a > 100)
		return 0;
	return (uint32_t)(a * 100 + b);
}

static void parse_psi(struct ctr_psi *psi, const char *text)
{
	struct slice rest = slice_of(text), line, word, key;

	while (slice_cut(&rest, '\n', &line)) {
		struct ctr_psi_line *to;

		if (!slice_cut(&line, ' ', &word))
			continue;
		if (slice_eq(word, "some"))
			to = &psi->some;
		else if (slice_eq(word, "full"))
			to = &psi->full;
		else
			continue;
		psi->present = true;
		while (slice_cut(&line, ' ', &word)) {
			if (!slice_cut(&word, '=', &key) || word.p == NULL)
				continue;
			if (slice_eq(key, "avg10"))
				to->avg10 = parse_centi(word);
			else if (slice_eq(key, "avg60"))
				to->avg60 = parse_centi(word);
			else if (slice_eq(key, "avg300"))
				to->avg300 = parse_centi(word);
			else if (slice_eq(key, "total"))
				(void)!parse_slice_u64(word, &to->total_us);
		}
	}
}

void ctr_stats_parse(struct ctr_stats *s, enum ctr_stats_file file, const char *text)
{
	switch (file) {
	case CTR_STATS_CPU_V2:
	case CTR_STATS_CPU_V1:
		parse_cpu(s, text);
		break;
	case CTR_STATS_CPUACCT_STAT:
		parse_cpuacct_stat(s, text);
		break;
	case CTR_STATS_PERCPU:
		parse_percpu(s, text);
		break;
	case CTR_STATS_MEMORY_V2:
		parse_memory(s, text, true);
		break;
	case CTR_STATS_MEMORY_V1:
		parse_memory(s, text, false);
		break;
	case CTR_STATS_IO_V2:
		parse_io_v2(s, text);
		break;
	case CTR_STATS_CPU_PSI:
		parse_psi(&s->cpu_psi, text);
		break;
	case CTR_STATS_MEM_PSI:
		parse_psi(&s->mem_psi, text);
		break;
	case CTR_STATS_IO_PSI:
		parse_psi(&s->io_psi, text);
		break;
	case CTR_STATS_FILES:
		break;
	}
}
